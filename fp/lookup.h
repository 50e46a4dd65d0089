/* SPDX-License-Identifier: BSD-3-Clause */
/* From a next-hop group to an edge: the part of route lookup that IPv4 and IPv6 share. */
#ifndef LM_FP_LOOKUP_H
#define LM_FP_LOOKUP_H

#include "fp/edges.h"

/* The group does not simply forward. */
static inline rte_edge_t lm_lookup_special(const struct lm_nhg *nhg, struct rte_mbuf *m)
{
	switch (nhg->type) {
	case LM_NHG_LOCAL:
		return lm_punt(m, LM_PUNT_local);
	case LM_NHG_BLACKHOLE:
		return lm_drop(m, LM_DROP_blackhole);
	default:
		return lm_punt(m, LM_PUNT_unreachable);
	}
}

/** Where a hop of a group leads; `dst` is the packet's destination. Sets the frame's adjacency. */
static __rte_always_inline rte_edge_t lm_lookup_hop(
	struct lm_worker *w, struct rte_mbuf *m, uint32_t hop, uint8_t family, const uint8_t *dst)
{
	if (likely((hop & LM_HOP_KIND) == LM_HOP_ADJ)) {
		lm_meta(m)->adj = hop;
		return LM_LOOKUP_TO_REWRITE;
	}
	if (unlikely((hop & LM_HOP_KIND) == LM_HOP_FOREIGN))
		return lm_punt(m, LM_PUNT_foreign);
	lm_meta(m)->adj = lm_adj_find(w->dp->adjs, (uint16_t)LM_HOP_VALUE(hop), family, dst);
	if (unlikely(lm_meta(m)->adj == LM_ADJ_NONE))
		return lm_punt(m, LM_PUNT_unresolved);
	return LM_LOOKUP_TO_REWRITE;
}

/** The bucket of a flow: hash * n / 2^32 spreads evenly for any n. */
static __rte_always_inline uint32_t lm_lookup_bucket(const struct lm_nhg *nhg, uint32_t hash)
{
	return nhg->buckets[(uint64_t)hash * nhg->n_buckets >> 32];
}

#endif
