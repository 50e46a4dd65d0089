/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: whole frames that the kernel made, from the control thread's ring. */
#include <rte_ring.h>

#include "fp/edges.h"
#include "fp/graph.h"

static uint16_t inject(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t nb)
{
	struct lm_worker *w = lm_node_worker(node);
	unsigned int n = rte_ring_sc_dequeue_burst(w->inject_ring, node->objs, LM_BURST, NULL);

	(void)objs;
	(void)nb;
	if (n == 0)
		return 0;
	w->work += n;
	node->idx = (uint16_t)n;
	rte_node_next_stream_move(graph, node, LM_INJECT_TO_TX);
	return (uint16_t)n;
}

struct rte_node_register lm_node_inject = {
	.name = "inject",
	.flags = RTE_NODE_SOURCE_F,
	.process = inject,
	.init = lm_node_init,
};
