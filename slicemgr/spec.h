/* SPDX-License-Identifier: BSD-3-Clause */
/* A request for slivers (GENI RSpec v3 and Lamina's extension) as plain C structs. */
#ifndef LM_SLICEMGR_SPEC_H
#define LM_SLICEMGR_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mp/err.h"

#define LM_SPEC_BYTES_MAX   (1024 * 1024)
#define LM_SPEC_NODES_MAX   64
#define LM_SPEC_IFACES_MAX  32 /* a node */
#define LM_SPEC_LINKS_MAX   1024
#define LM_SPEC_ENDS_MAX    64 /* a link */
#define LM_SPEC_ADDRS_MAX   16 /* an interface */
#define LM_SPEC_MACS_MAX    8  /* an interface */
#define LM_SPEC_CONFIG_MAX  (256 * 1024)
#define LM_SPEC_DAEMONS_MAX 6

#define LM_NODE_NAME_MAX   16 /* with the NUL: Lamina nodes and ports */
#define LM_SLICE_NAME_MAX  20 /* with the NUL */
#define LM_SLIVER_NAME_MAX 32 /* with the NUL */
#define LM_CLIENT_ID_MAX   64 /* with the NUL: interfaces and links */
#define LM_URN_MAX	   256
#define LM_IFNAME_MAX	   16
#define LM_ADDR_TEXT_MAX   50 /* "2001:db8::1/64" */

#define LM_MTU_MIN 576
#define LM_MTU_MAX 9216

enum lm_sliver_type { LM_SLIVER_VROUTER, LM_SLIVER_VROUTER_RAW, LM_SLIVER_LEGACY };

enum lm_fp_mode { LM_FP_SHARED, LM_FP_DEDICATED };

enum lm_attach_kind {
	LM_ATTACH_PATCH,  /* joined by link `link` to other slivers of this node */
	LM_ATTACH_TRUNK,  /* port, type, vif_id */
	LM_ATTACH_ACCESS, /* port */
	LM_ATTACH_LEGACY, /* port; the node's config only */
};

/* Slice-header types as on the wire; 128..255 are the experimenter's own. */
enum { LM_HDR_SLICE = 1, LM_HDR_VIF = 2, LM_HDR_LOCATOR = 3, LM_HDR_OWN_MIN = 128 };

struct lm_spec_addr {
	int line;
	uint8_t family;		     /* 4 or 6 */
	uint8_t prefix_len;	     /* bits */
	uint8_t bytes[16];	     /* network order; 4 used for IPv4 */
	char text[LM_ADDR_TEXT_MAX]; /* "10.0.1.1/24", as sliver.json wants it */
};

/** Where an interface goes. `line` is that of lm:attach, or of the interface without one. */
struct lm_spec_attach {
	int line;
	enum lm_attach_kind kind;
	char port[LM_NODE_NAME_MAX]; /* empty: patch */
	bool inline_header;	     /* trunk: the sliver gets and sends the slice header */
	uint8_t type;		     /* trunk: LM_HDR_* or 128..255 */
	uint32_t vif_id;	     /* trunk, LM_HDR_VIF and LM_HDR_LOCATOR */
	uint8_t max_words;	     /* trunk, 128..255: the longest header, in 32-bit words */
	uint16_t mtu;		     /* 0: as large as the port or link lets it be */
	bool promisc;
};

struct lm_spec_iface {
	int line;
	char client_id[LM_CLIENT_ID_MAX];
	char name[LM_IFNAME_MAX]; /* as the sliver sees it */
	unsigned n_macs;	  /* asked for; 0: slicemgr chooses one */
	uint8_t macs[LM_SPEC_MACS_MAX][6];
	unsigned n_addrs;
	struct lm_spec_addr *addrs;
	struct lm_spec_attach attach;
	int link; /* index in lm_spec.links, -1: in none */
};

/** One sliver asked for. */
struct lm_spec_node {
	int line;
	char client_id[LM_SLIVER_NAME_MAX];
	char lamina_node[LM_NODE_NAME_MAX]; /* empty: unbound, the node's own that is asked */
	bool here;			    /* for the node that parses: unbound or named so */
	enum lm_sliver_type type;
	int fp_line; /* of lm:fp, or of the node without one */
	unsigned cores;
	enum lm_fp_mode mode;
	unsigned memory_mb;
	int cp_line;				  /* of lm:cp, or of the node */
	const char *daemons[LM_SPEC_DAEMONS_MAX]; /* zebra and staticd first; static strings */
	unsigned n_daemons;			  /* 0: no control plane (vrouter-raw) */
	char *config;				  /* FRR's configuration; NULL: none */
	unsigned n_ifaces;
	struct lm_spec_iface *ifaces;
};

struct lm_spec_end {
	unsigned node, iface; /* indices: spec->nodes[node].ifaces[iface] */
	int line;
};

/** One vlink. `patch`: all ends are slivers of one Lamina node, joined inside its substrate. */
struct lm_spec_link {
	int line;
	char client_id[LM_CLIENT_ID_MAX];
	bool patch;
	bool here; /* at least one end is on the node that parses */
	unsigned n_ends;
	struct lm_spec_end *ends;
};

struct lm_spec {
	char *file;			    /* as given; starts every error line */
	int slice_line;			    /* of lm:slice, 0 without */
	uint32_t slice_id;		    /* 0: not given, the node chooses from 0x80000000 up */
	char slice_name[LM_SLICE_NAME_MAX]; /* empty: neither name nor a slice URN was given */
	char slice_urn[LM_URN_MAX];	    /* empty: none given */
	unsigned n_nodes;
	struct lm_spec_node *nodes;
	unsigned n_links;
	struct lm_spec_link *links;
	unsigned n_warnings; /* "file:line: ..." what was read and has no effect */
	char **warnings;
};

/**
 * Parse a request of `len` octets. `file` names it in errors; `own_node` is the Lamina node that
 * asks (unbound nodes are its own; NULL: no node, only unbound ones are `here`). Pure: no files, no
 * network. Fills `spec` (end with lm_spec_free()), or returns -EINVAL, -E2BIG or -ENOMEM with one
 * line "file:line: ..." in `err` and `spec` empty.
 */
int lm_spec_parse(const char *file, const char *text, size_t len, const char *own_node,
	struct lm_spec *spec, struct lm_err *err);

/** Release what lm_spec_parse() made; an all-zero spec is fine. */
void lm_spec_free(struct lm_spec *spec);

/** Release what is inside one node (as lm_spec_free() does for all). */
void lm_spec_node_clear(struct lm_spec_node *node);

/** Octets that the slice header adds to a frame there: vif MTU = port MTU - this. 0 but on trunks.
 */
unsigned lm_attach_header_octets(const struct lm_spec_attach *attach);

/** True for a name of a Lamina node or port: 1-15 of a-z, 0-9 and '-', first a letter or digit. */
bool lm_node_name_ok(const char *name);

/** True for a slice name: 1-19 letters, digits and '-', first no '-' (the field's rule). */
bool lm_slice_name_ok(const char *name);

/** True for a sliver name: 1-31 letters, digits, '_', '-' and '.', first a letter or digit. */
bool lm_sliver_name_ok(const char *name);

#endif
