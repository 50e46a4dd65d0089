/* SPDX-License-Identifier: BSD-3-Clause */
/* The nodes of the pipeline and how they hang together: graph.c has the one list of edges. */
#ifndef LM_FP_GRAPH_H
#define LM_FP_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "mp/err.h"

struct lm_worker;
struct rte_node_register;

/** The nodes, one a file; edges are set in graph.c. */
extern struct rte_node_register lm_node_memif_rx, lm_node_inject, lm_node_eth_input,
	lm_node_ip4_input, lm_node_ip4_lookup, lm_node_ip4_rewrite, lm_node_ip6_input,
	lm_node_ip6_lookup, lm_node_ip6_rewrite, lm_node_memif_tx, lm_node_punt, lm_node_drop;

/** Make the graph of a worker (w->graph), named `name`. Once a worker. 0 or a negative errno. */
int lm_graph_create(struct lm_worker *w, const char *name, struct lm_err *err);

struct lm_node_stats {
	const char *name;
	uint64_t calls, pkts, cycles;
};

/** Statistics of one node of a worker's graph; false at the end (nth too large). */
bool lm_graph_node_stats(const struct lm_worker *w, unsigned int nth, struct lm_node_stats *out);

#endif
