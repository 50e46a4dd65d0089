/* SPDX-License-Identifier: BSD-3-Clause */
/* What nodes note about a frame, and how they pass frames on. */
#ifndef LM_FP_PACKET_H
#define LM_FP_PACKET_H

#include <string.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>
#include <rte_mbuf.h>

#include "fp/dataplane.h"

#define LM_ETH_LEN    14
#define LM_ALL_TAPS   LM_NO_TAP
#define LM_ETYPE_IPV4 0x0800
#define LM_ETYPE_ARP  0x0806
#define LM_ETYPE_IPV6 0x86dd

/**
 * A frame's notes, kept in the mbuf's hash field (no NIC writes it here). mbuf->port is the vif:
 * the one it came by, and from rewrite on the one it leaves by.
 */
struct lm_meta {
	uint32_t adj; /* for rewrite */
	uint16_t tap; /* whose MAC it was sent to; LM_ALL_TAPS: a group address */
	uint8_t drop; /* enum lm_drop, for the drop node */
	uint8_t punt; /* enum lm_punt, for the punt node */
};
_Static_assert(sizeof(struct lm_meta) <= sizeof(((struct rte_mbuf *)0)->hash),
	"a frame's notes must fit the hash field");

static __rte_always_inline struct lm_meta *lm_meta(struct rte_mbuf *m)
{
	return (struct lm_meta *)&m->hash;
}

static __rte_always_inline uint8_t *lm_data(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

static __rte_always_inline uint16_t lm_load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* A node's context is a pointer to its worker; the node's init function puts it there. */
static __rte_always_inline struct lm_worker *lm_node_worker(const struct rte_node *node)
{
	struct lm_worker *w;

	memcpy(&w, node->ctx, sizeof(w));
	return w;
}

/** The init function of every node. */
int lm_node_init(const struct rte_graph *graph, struct rte_node *node);

/* Edges 0 and 1 are the same everywhere. */
enum { LM_EDGE_DROP, LM_EDGE_PUNT, LM_EDGE_FIRST };

static __rte_always_inline rte_edge_t lm_drop(struct rte_mbuf *m, enum lm_drop reason)
{
	lm_meta(m)->drop = (uint8_t)reason;
	return LM_EDGE_DROP;
}

static __rte_always_inline rte_edge_t lm_punt(struct rte_mbuf *m, enum lm_punt class)
{
	lm_meta(m)->punt = (uint8_t) class;
	return LM_EDGE_PUNT;
}

typedef rte_edge_t (*lm_classify_fn)(struct lm_worker *w, struct rte_mbuf *m);

/**
 * The body of a node that only sorts: classify() names each frame's edge; frames of one edge in a
 * row move together, and a whole vector of one edge moves without being copied.
 */
static __rte_always_inline uint16_t lm_node_sort(struct rte_graph *graph, struct rte_node *node,
	void **objs, uint16_t n, lm_classify_fn classify)
{
	struct lm_worker *w = lm_node_worker(node);
	rte_edge_t run = classify(w, objs[0]);
	uint16_t start = 0;

	for (uint16_t i = 1; i < n; i++) {
		rte_edge_t edge = classify(w, objs[i]);

		if (unlikely(edge != run)) {
			rte_node_enqueue(graph, node, run, &objs[start], i - start);
			start = i;
			run = edge;
		}
	}
	if (likely(start == 0))
		rte_node_next_stream_move(graph, node, run);
	else
		rte_node_enqueue(graph, node, run, &objs[start], n - start);
	return n;
}

/** Give back frames of one segment that nobody else holds. */
static __rte_always_inline void lm_free_frames(struct rte_mbuf **mbufs, uint16_t n)
{
	if (n > 0)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): rte_ring fills it */
		rte_mempool_put_bulk(mbufs[0]->pool, (void **)mbufs, n);
}

#endif
