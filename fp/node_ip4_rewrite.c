/* SPDX-License-Identifier: BSD-3-Clause */
/* Transit checks (TTL, next hop, MTU), then TTL - 1 and the new Ethernet header. */
#include "fp/graph.h"
#include "fp/ip.h"
#include "fp/rewrite.h"

static __rte_always_inline rte_edge_t classify(struct lm_worker *w, struct rte_mbuf *m)
{
	struct lm_ip4 *ip = (struct lm_ip4 *)(lm_data(m) + LM_ETH_LEN);
	rte_edge_t edge;

	if (unlikely(ip->ttl <= 1))
		return lm_punt(m, LM_PUNT_ttl);
	edge = lm_rewrite_eth(w, m, m->data_len - LM_ETH_LEN);
	if (likely(edge == LM_REWRITE_TO_TX))
		lm_ip4_decrement_ttl(ip);
	return edge;
}

static uint16_t ip4_rewrite(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	return lm_node_sort(graph, node, objs, n, classify);
}

struct rte_node_register lm_node_ip4_rewrite = {
	.name = "ip4_rewrite",
	.process = ip4_rewrite,
	.init = lm_node_init,
};
