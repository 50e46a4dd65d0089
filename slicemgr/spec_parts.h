/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside the request parser: its parts, some of which the node's configuration shares. */
#ifndef LM_SLICEMGR_SPEC_PARTS_H
#define LM_SLICEMGR_SPEC_PARTS_H

#include "slicemgr/spec.h"
#include "slicemgr/xml_doc.h"

#define SPEC_WARNINGS_MAX 64

struct spec_in {
	struct xml_in xml;
	struct lm_spec *spec;
	const char *own_node; /* NULL: none */
};

/** Room for one more zeroed element of `size` after `n`; `*array` moves. NULL: no memory. */
void *spec_grow(void *array, unsigned n, size_t size);

/** Keep a warning "file:line: text"; no more than SPEC_WARNINGS_MAX are kept. */
int spec_warn(const struct spec_in *in, const xmlNode *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * An element that the caller does not read: of another vendor's namespace: a warning, once a
 * namespace; of ours or RSpec's: refused by name.
 */
int spec_stranger(const struct spec_in *in, const xmlNode *node);

/* Elements that requests and the node's configuration share. 0 or -errno with in->err. */
int spec_ip(const struct xml_in *in, xmlNode *el, struct lm_spec_iface *iface);
int spec_mac(
	const struct xml_in *in, const xmlNode *el, const char *text, struct lm_spec_iface *iface);
int spec_fp(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node);
int spec_cp(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node);

/** Set what a node without <fp> or <cp> gets: a shared FP, zebra and staticd. */
void spec_plane_defaults(struct lm_spec_node *node);

/** Refuse two equal addresses in one sliver (link-local ones aside) and IPv6 below MTU 1280. */
int spec_check_addrs(const struct xml_in *in, const struct lm_spec_node *node);

/** True for a name that Linux, FRR and our own TAP names can bear as an interface's. */
bool spec_ifname_ok(const char *name);

/** Give every interface its name: from its client_id if that can be, else eth0, eth1... */
void spec_name_ifaces(struct lm_spec_node *node);

int spec_attach(const struct xml_in *in, xmlNode *el, struct lm_spec_attach *attach);
int spec_node(const struct spec_in *in, xmlNode *el);
int spec_link(const struct spec_in *in, xmlNode *el);

/** After all nodes and links: what must hold between them. */
int spec_check_links(const struct spec_in *in);

#endif
