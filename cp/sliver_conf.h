/* SPDX-License-Identifier: BSD-3-Clause */
/* sliver.json (docs/architecture.md) as a struct, every field checked. */
#ifndef LM_CP_SLIVER_CONF_H
#define LM_CP_SLIVER_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mp/err.h"

#define SLIVER_IFS_MAX	   64
#define SLIVER_MACS_MAX	   16
#define SLIVER_ADDRS_MAX   32
#define SLIVER_TAPS_MAX	   128 /* over all interfaces: each TAP is a descriptor */
#define SLIVER_DAEMONS_MAX 24
#define SLIVER_NAME_MAX	   64

enum sliver_type { SLIVER_VROUTER, SLIVER_VROUTER_RAW, SLIVER_LEGACY };

struct sliver_addr {
	int family; /* AF_INET or AF_INET6 */
	uint8_t octets[16];
	uint8_t prefix_len;
};

struct sliver_if {
	char name[IFNAMSIZ];
	bool kernel_plane; /* the substrate opens the TAP; else lamina-init makes it for the FP */
	uint32_t mtu;
	unsigned int n_macs, n_addrs;
	uint8_t macs[SLIVER_MACS_MAX][6];
	struct sliver_addr addrs[SLIVER_ADDRS_MAX];
};

struct sliver_conf {
	enum sliver_type type;
	char node[SLIVER_NAME_MAX], slice[SLIVER_NAME_MAX], sliver[SLIVER_NAME_MAX];
	unsigned int n_daemons, n_ifs;
	char daemons[SLIVER_DAEMONS_MAX][16]; /* zebra first; empty for vrouter-raw */
	char *config;			      /* FRR's configuration text, "" without one */
	struct sliver_if *ifs;
};

/** Read and check `text` (`len` octets of JSON). -EINVAL with a sentence that names the field. */
int sliver_conf_parse(struct sliver_conf *conf, const char *text, size_t len, struct lm_err *err);

/** sliver_conf_parse() of the file at `path`; errors are prefixed with the path. */
int sliver_conf_load(struct sliver_conf *conf, const char *path, struct lm_err *err);

/** Release what the parser allocated. Safe on a zeroed struct. */
void sliver_conf_free(struct sliver_conf *conf);

/** Name of the TAP of vMAC `mac` of `i`: NAME, NAME.1, NAME.2... */
void sliver_if_tap_name(const struct sliver_if *i, unsigned int mac, char out[IFNAMSIZ]);

#endif
