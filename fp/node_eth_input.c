/* SPDX-License-Identifier: BSD-3-Clause */
/* Which virtual MAC a frame is for, and which protocol it carries. */
#include "fp/edges.h"
#include "fp/graph.h"

static __rte_always_inline bool same_mac(const uint8_t *a, const uint8_t *b)
{
	uint32_t a4, b4;
	uint16_t a2, b2;

	memcpy(&a4, a, 4);
	memcpy(&b4, b, 4);
	memcpy(&a2, a + 4, 2);
	memcpy(&b2, b + 4, 2);
	return ((a4 ^ b4) | (uint32_t)(a2 ^ b2)) == 0;
}

/* Not for the vif's first MAC: a group, another of its MACs, or none. */
static rte_edge_t other_mac(
	const struct lm_ports *ports, const struct lm_vif *vif, struct rte_mbuf *m)
{
	const uint8_t *eth = lm_data(m);
	uint16_t etype = lm_load16(eth + 12);
	uint16_t i;

	if (eth[0] & 1) {
		lm_meta(m)->tap = LM_ALL_TAPS;
		if (etype == LM_ETYPE_IPV4 || etype == LM_ETYPE_IPV6)
			return lm_punt(m, LM_PUNT_group);
		return lm_punt(m, etype == LM_ETYPE_ARP ? LM_PUNT_arp : LM_PUNT_link);
	}
	for (i = 1; i < vif->n_taps; i++)
		if (same_mac(eth, ports->taps[vif->taps[i]].mac)) {
			lm_meta(m)->tap = vif->taps[i];
			return LM_EDGE_FIRST;
		}
	if (!vif->promisc)
		return lm_drop(m, LM_DROP_no_such_mac);
	lm_meta(m)->tap = vif->taps[0];
	return lm_punt(m, LM_PUNT_link);
}

static __rte_always_inline rte_edge_t classify(struct lm_worker *w, struct rte_mbuf *m)
{
	const struct lm_ports *ports = &w->dp->ports;
	const struct lm_vif *vif = &ports->vifs[m->port];
	const uint8_t *eth = lm_data(m);
	rte_edge_t edge;
	uint16_t etype;

	if (unlikely(m->data_len < LM_ETH_LEN))
		return lm_drop(m, LM_DROP_short_frame);
	if (likely(same_mac(eth, ports->taps[vif->taps[0]].mac))) {
		lm_meta(m)->tap = vif->taps[0];
	} else {
		edge = other_mac(ports, vif, m);
		if (edge != LM_EDGE_FIRST)
			return edge;
	}
	etype = lm_load16(eth + 12);
	if (likely(etype == LM_ETYPE_IPV4))
		return LM_ETH_TO_IP4;
	if (etype == LM_ETYPE_IPV6)
		return LM_ETH_TO_IP6;
	return lm_punt(m, etype == LM_ETYPE_ARP ? LM_PUNT_arp : LM_PUNT_link);
}

static uint16_t eth_input(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	return lm_node_sort(graph, node, objs, n, classify);
}

struct rte_node_register lm_node_eth_input = {
	.name = "eth_input",
	.process = eth_input,
	.init = lm_node_init,
};
