/* SPDX-License-Identifier: BSD-3-Clause */
/* The one configuration file of a Lamina node, as plain C structs. */
#ifndef LM_SLICEMGR_NODE_CONFIG_H
#define LM_SLICEMGR_NODE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mp/err.h"
#include "slicemgr/spec.h"

#define LM_CORES_MAX	   256
#define LM_CONF_PORTS_MAX  64
#define LM_CONF_PATH_MAX   108
#define LM_CONF_ARGS_MAX   256
#define LM_SLIVERS_MAX	   1024
#define LM_SLICE_ETHERTYPE 0x88B5 /* IEEE 802 local experimental 1 */

/** CPU numbers in rising order, from "0-1,3". */
struct lm_cores {
	unsigned n;
	uint16_t ids[LM_CORES_MAX];
};

struct lm_conf_port {
	int line;
	char name[LM_NODE_NAME_MAX];
	char devargs[LM_CONF_ARGS_MAX];
	bool access; /* else trunk */
	uint16_t mtu;
	uint16_t vlan; /* 0: untagged */
	bool poll;
};

struct lm_node_conf {
	char *file; /* as given; starts every error line */
	char name[LM_NODE_NAME_MAX];
	char netns[LM_CONF_PATH_MAX];  /* network namespace file; empty: the one we are in */
	char rundir[LM_CONF_PATH_MAX]; /* default /run/lamina/NAME */
	uint16_t slice_ethertype;
	int substrate_line;
	struct lm_cores substrate_cores;
	bool substrate_poll; /* else the substrate sleeps when idle */
	unsigned substrate_memory_mb;
	bool hugepages;
	int slivers_line;
	struct lm_cores sliver_cores;
	unsigned max_slivers;
	unsigned sliver_memory_mb; /* all slivers together */
	unsigned n_ports;
	struct lm_conf_port *ports;
	bool has_legacy;
	struct lm_spec_node legacy; /* type LM_SLIVER_LEGACY, interfaces LM_ATTACH_LEGACY */
};

/**
 * Parse the text of a node's configuration. As lm_spec_parse(): pure; -EINVAL, -E2BIG or -ENOMEM
 * with "file:line: ..." in `err`; end with lm_node_conf_free().
 */
int lm_node_conf_parse(const char *file, const char *text, size_t len, struct lm_node_conf *conf,
	struct lm_err *err);

void lm_node_conf_free(struct lm_node_conf *conf);

/** The port of that name, or NULL. */
const struct lm_conf_port *lm_node_conf_port(const struct lm_node_conf *conf, const char *name);

#endif
