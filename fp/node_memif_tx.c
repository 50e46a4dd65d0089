/* SPDX-License-Identifier: BSD-3-Clause */
/* Sink: copies frames into the rings of the vifs they leave by, in order within each vif. */
#include "fp/edges.h"
#include "fp/graph.h"
#include "substrate/memif.h"

static void drop_all(struct rte_graph *graph, struct rte_node *node, struct rte_mbuf **mbufs,
	uint16_t n, enum lm_drop reason)
{
	for (uint16_t i = 0; i < n; i++)
		lm_meta(mbufs[i])->drop = (uint8_t)reason;
	if (n > 0)
		rte_node_enqueue(graph, node, LM_TX_TO_DROP, (void **)mbufs, n);
}

/* n <= LM_BURST frames of one vif */
static void send_vif(struct rte_graph *graph, struct rte_node *node, uint16_t vif_id,
	struct rte_mbuf **mbufs, uint16_t n)
{
	struct lm_worker *w = lm_node_worker(node);
	struct lm_memif *memif =
		__atomic_load_n(&w->dp->ports.vifs[vif_id].memif, __ATOMIC_ACQUIRE);
	struct lm_vif_counters *count = &w->counters.vifs[vif_id];
	struct lm_memif_frame frames[LM_BURST];
	uint16_t i, sent;

	if (unlikely(memif == NULL || n == 0)) {
		drop_all(graph, node, mbufs, n, LM_DROP_interface_down);
		return;
	}
	for (i = 0; i < n; i++) {
		frames[i].data = lm_data(mbufs[i]);
		frames[i].len = mbufs[i]->data_len;
	}
	sent = RTE_MIN(lm_memif_tx(memif, frames, n), n);
	count->tx_pkts += sent;
	for (i = 0; i < sent; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): sent <= n */
		count->tx_bytes += frames[i].len;
	lm_free_frames(mbufs, sent);
	drop_all(graph, node, mbufs + sent, n - sent, LM_DROP_tx_ring_full);
}

/* Send the frames of the first one's vif, return how many of other vifs were left (in order). */
static uint16_t send_first(
	struct rte_graph *graph, struct rte_node *node, struct rte_mbuf **mbufs, uint16_t n)
{
	struct rte_mbuf *same[LM_BURST];
	uint16_t vif = mbufs[0]->port;
	uint16_t n_same = 0, n_left = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (mbufs[i]->port == vif)
			same[n_same++] = mbufs[i];
		else
			mbufs[n_left++] = mbufs[i];
	}
	send_vif(graph, node, vif, same, n_same);
	return n_left;
}

static uint16_t memif_tx(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	for (uint16_t done = 0; done < n; done += LM_BURST) {
		uint16_t left = RTE_MIN(n - done, LM_BURST);

		while (left > 0)
			left = send_first(graph, node, (struct rte_mbuf **)&objs[done], left);
	}
	return n;
}

struct rte_node_register lm_node_memif_tx = {
	.name = "memif_tx",
	.process = memif_tx,
	.init = lm_node_init,
};
