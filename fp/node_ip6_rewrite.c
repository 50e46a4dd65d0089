/* SPDX-License-Identifier: BSD-3-Clause */
/* Transit checks (hop limit, next hop, MTU), then hop limit - 1 and the new Ethernet header. */
#include "fp/graph.h"
#include "fp/ip.h"
#include "fp/rewrite.h"

static __rte_always_inline rte_edge_t classify(struct lm_worker *w, struct rte_mbuf *m)
{
	struct lm_ip6 *ip = (struct lm_ip6 *)(lm_data(m) + LM_ETH_LEN);
	rte_edge_t edge;

	if (unlikely(ip->hop_limit <= 1))
		return lm_punt(m, LM_PUNT_ttl);
	edge = lm_rewrite_eth(w, m, m->data_len - LM_ETH_LEN);
	if (likely(edge == LM_REWRITE_TO_TX))
		ip->hop_limit--;
	return edge;
}

static uint16_t ip6_rewrite(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	return lm_node_sort(graph, node, objs, n, classify);
}

struct rte_node_register lm_node_ip6_rewrite = {
	.name = "ip6_rewrite",
	.process = ip6_rewrite,
	.init = lm_node_init,
};
