/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 header validation as RFC 1812, 5.2.2 asks, martian filter (5.3.7), options to the kernel. */
#include "fp/edges.h"
#include "fp/graph.h"
#include "fp/ip.h"

static __rte_always_inline rte_edge_t classify(struct lm_worker *w, struct rte_mbuf *m)
{
	struct lm_ip4 *ip = (struct lm_ip4 *)(lm_data(m) + LM_ETH_LEN);
	uint16_t have = m->data_len - LM_ETH_LEN;
	unsigned int words, total;
	uint8_t src, dst;

	(void)w;
	if (unlikely(have < sizeof(*ip)))
		return lm_drop(m, LM_DROP_short_frame);
	if (unlikely(ip->version_ihl >> 4 != 4))
		return lm_drop(m, LM_DROP_ip4_bad_version);
	words = ip->version_ihl & 15u;
	total = ntohs(ip->total_len);
	if (unlikely(words < 5 || words * 4 > have))
		return lm_drop(m, LM_DROP_ip4_bad_header);
	if (unlikely(total > have || total < words * 4))
		return lm_drop(m, LM_DROP_ip4_bad_length);
	/* the constant lets the compiler unroll the common case */
	if (unlikely(!(words == 5 ? lm_ip4_checksum_ok(ip, 5) : lm_ip4_checksum_ok(ip, words))))
		return lm_drop(m, LM_DROP_ip4_bad_checksum);
	src = (uint8_t)(ntohl(ip->src) >> 24);
	dst = (uint8_t)(ntohl(ip->dst) >> 24);
	if (unlikely(dst == 0 || dst == 127))
		return lm_drop(m, LM_DROP_ip4_martian_destination);
	if (unlikely((dst & 0xf0) == 224 || ip->dst == UINT32_MAX))
		return lm_punt(m, LM_PUNT_group);
	if (unlikely(src == 0 || src == 127 || src >= 224))
		return lm_drop(m, LM_DROP_ip4_martian_source);
	if (unlikely(words > 5))
		return lm_punt(m, LM_PUNT_options);
	/* padding of a short frame is not forwarded */
	m->data_len = (uint16_t)(LM_ETH_LEN + total);
	m->pkt_len = m->data_len;
	return LM_INPUT_TO_LOOKUP;
}

static uint16_t ip4_input(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	return lm_node_sort(graph, node, objs, n, classify);
}

struct rte_node_register lm_node_ip4_input = {
	.name = "ip4_input",
	.process = ip4_input,
	.init = lm_node_init,
};
