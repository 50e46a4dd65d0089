/* SPDX-License-Identifier: BSD-3-Clause */
/* From a request (or the legacy router of the node's config) to a slice with all values chosen. */
#ifndef LM_SLICEMGR_PLAN_H
#define LM_SLICEMGR_PLAN_H

#include "slicemgr/state.h"

/**
 * Make the slice that `spec` asks this node for: its slivers, vMACs, MTUs, names. Takes over the
 * contents of `spec` in any case. `slice_name`: NULL for the request's own. Nothing is started and
 * nothing is checked against other slices (admission.h). NULL with `err` ("file:line: ...").
 */
struct slice *plan_slice(
	struct node *node, struct lm_spec *spec, const char *slice_name, struct lm_err *err);

/** The slice "legacy" with its one sliver "router". NULL with `err`. */
struct slice *plan_legacy(struct node *node, struct lm_err *err);

/** Release a slice that is in no list and whose slivers hold nothing. NULL is ignored. */
void slice_free(struct slice *slice);

/** How a vif's attachment is shown: "trunk east, slice 7, vif 12", "patch a/l1"... */
void plan_attachment(const struct iface *iface, uint32_t slice_id, char *text, size_t size);

#endif
