/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts frames by the reason in their notes and frees them. */
#include "fp/edges.h"
#include "fp/graph.h"

static uint16_t drop(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	struct lm_worker *w = lm_node_worker(node);

	(void)graph;
	for (uint16_t i = 0; i < n; i++)
		w->counters.drops[lm_meta(objs[i])->drop]++;
	lm_free_frames((struct rte_mbuf **)objs, n);
	return n;
}

struct rte_node_register lm_node_drop = {
	.name = "drop",
	.process = drop,
	.init = lm_node_init,
};
