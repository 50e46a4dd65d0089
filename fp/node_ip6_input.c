/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 header validation (RFC 8200), scope rules (RFC 4291, 2.5), hop-by-hop options to the kernel.
 * Other extension headers are for the destination alone (RFC 8200, 4): transit does not look.
 */
#include "fp/edges.h"
#include "fp/graph.h"
#include "fp/ip.h"

static __rte_always_inline bool is_link_local(const uint8_t *a)
{
	return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

/* :: or ::1 */
static __rte_always_inline bool is_unspecified_or_loopback(const uint8_t *a)
{
	return a[0] == 0 && a[15] <= 1 && lm_ip6_is_zero_but_last(a);
}

static __rte_always_inline rte_edge_t classify(struct lm_worker *w, struct rte_mbuf *m)
{
	const struct lm_ip6 *ip = (const struct lm_ip6 *)(lm_data(m) + LM_ETH_LEN);
	uint16_t have = m->data_len - LM_ETH_LEN;
	unsigned int total;

	(void)w;
	if (unlikely(have < sizeof(*ip)))
		return lm_drop(m, LM_DROP_short_frame);
	if (unlikely((*(const uint8_t *)ip >> 4) != 6))
		return lm_drop(m, LM_DROP_ip6_bad_version);
	total = sizeof(*ip) + ntohs(ip->payload_len);
	if (unlikely(total > have))
		return lm_drop(m, LM_DROP_ip6_bad_length);
	if (unlikely(ip->dst[0] == 0xff))
		return lm_punt(m, LM_PUNT_group);
	if (unlikely(is_unspecified_or_loopback(ip->dst)))
		return lm_drop(m, LM_DROP_ip6_martian_destination);
	/* link-local packets are never forwarded; the kernel takes them or answers */
	if (unlikely(is_link_local(ip->dst)))
		return lm_punt(m, LM_PUNT_local);
	if (unlikely(ip->src[0] == 0xff || is_unspecified_or_loopback(ip->src)))
		return lm_drop(m, LM_DROP_ip6_martian_source);
	if (unlikely(is_link_local(ip->src)))
		return lm_punt(m, LM_PUNT_local);
	if (unlikely(ip->next_header == IPPROTO_HOPOPTS))
		return lm_punt(m, LM_PUNT_options);
	m->data_len = (uint16_t)(LM_ETH_LEN + total);
	m->pkt_len = m->data_len;
	return LM_INPUT_TO_LOOKUP;
}

static uint16_t ip6_input(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	return lm_node_sort(graph, node, objs, n, classify);
}

struct rte_node_register lm_node_ip6_input = {
	.name = "ip6_input",
	.process = ip6_input,
	.init = lm_node_init,
};
