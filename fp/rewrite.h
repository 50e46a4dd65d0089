/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of rewriting that IPv4 and IPv6 share. */
#ifndef LM_FP_REWRITE_H
#define LM_FP_REWRITE_H

#include "fp/edges.h"

/**
 * Write the Ethernet addresses of the frame's adjacency and name its vif, when the next hop is
 * known and `ip_len` octets fit its link. Otherwise the frame is left as it came, for the kernel.
 */
static __rte_always_inline rte_edge_t lm_rewrite_eth(
	struct lm_worker *w, struct rte_mbuf *m, uint16_t ip_len)
{
	uint32_t id = lm_meta(m)->adj;
	const struct lm_adj *adj = __atomic_load_n(&w->dp->adjs->objs[id], __ATOMIC_ACQUIRE);
	const struct lm_tap *tap;

	if (unlikely(adj == NULL || !adj->resolved))
		return lm_punt(m, LM_PUNT_unresolved);
	tap = &w->dp->ports.taps[adj->tap];
	if (unlikely(!tap->up))
		return lm_drop(m, LM_DROP_interface_down);
	if (unlikely(ip_len > tap->mtu))
		return lm_punt(m, LM_PUNT_mtu);
	w->adj_used[id] = 1;
	memcpy(lm_data(m), adj->macs, sizeof(adj->macs));
	m->port = adj->vif;
	return LM_REWRITE_TO_TX;
}

#endif
