/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest-prefix match and the choice of one next hop for a flow. */
#include "fp/graph.h"
#include "fp/ip.h"
#include "fp/lookup.h"

static __rte_always_inline rte_edge_t classify(struct lm_worker *w, struct rte_mbuf *m)
{
	const struct lm_ip4 *ip = (const struct lm_ip4 *)(lm_data(m) + LM_ETH_LEN);
	const uint8_t *dst = (const uint8_t *)&ip->dst;
	uint32_t id = lm_fib_lookup(w->dp->fib4, dst);
	const struct lm_nhg *nhg;
	uint32_t hop;

	if (unlikely(id == LM_FIB_NONE))
		return lm_punt(m, LM_PUNT_no_route);
	nhg = lm_nhg_get(w->dp->groups, id);
	if (unlikely(nhg->type != LM_NHG_FORWARD))
		return lm_lookup_special(nhg, m);
	hop = nhg->n_buckets == 1 ? nhg->buckets[0]
				  : lm_lookup_bucket(nhg, lm_ip4_flow_hash(ip, w->dp->hash_seed));
	return lm_lookup_hop(w, m, hop, AF_INET, dst);
}

static uint16_t ip4_lookup(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	return lm_node_sort(graph, node, objs, n, classify);
}

struct rte_node_register lm_node_ip4_lookup = {
	.name = "ip4_lookup",
	.process = ip4_lookup,
	.init = lm_node_init,
};
