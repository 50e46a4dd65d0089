/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to a request: an RSpec v3 manifest with what was really given. */
#ifndef LM_SLICEMGR_MANIFEST_H
#define LM_SLICEMGR_MANIFEST_H

#include <stdint.h>

#include "mp/err.h"
#include "slicemgr/spec.h"

struct lm_given_iface {
	unsigned n_macs;
	uint8_t macs[LM_SPEC_MACS_MAX][6];
	uint16_t mtu;
};

/** What one requested node got; `ifaces` in the order of the request's. */
struct lm_given_sliver {
	const char *sliver_urn; /* NULL: not on this node, only its client_ids are given back */
	const struct lm_given_iface *ifaces;
};

/** All that the node adds to the request. Strings are borrowed. */
struct lm_given {
	const char *node; /* this Lamina node's name */
	const char *slice_name;
	const char *slice_urn; /* NULL: none */
	uint32_t slice_id;
	const struct lm_given_sliver *slivers; /* spec->n_nodes of them */
};

/** Write the manifest of `spec` as indented XML. Caller frees *text. -ENOMEM with `err`. */
int lm_manifest_write(
	const struct lm_spec *spec, const struct lm_given *given, char **text, struct lm_err *err);

/** Check a manifest against our schemas. -EINVAL with `err`: "file:line: ...". */
int lm_manifest_check(const char *file, const char *text, size_t len, struct lm_err *err);

#endif
