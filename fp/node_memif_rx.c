/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: takes one burst from the next vif that has frames. */
#include <rte_prefetch.h>

#include "fp/edges.h"
#include "fp/graph.h"
#include "substrate/memif.h"

/* Top up the spare buffers; with an empty pool the frames wait in the ring. */
static bool refill(struct lm_worker *w)
{
	uint16_t missing = LM_BURST - w->n_spare;

	if (missing == 0)
		return true;
	if (rte_mempool_get_bulk(w->dp->pool, (void **)&w->spare[w->n_spare], missing) < 0)
		return false;
	w->n_spare = LM_BURST;
	return true;
}

static void prepare(struct rte_mbuf *m, uint16_t vif, uint16_t len)
{
	m->data_off = RTE_PKTMBUF_HEADROOM;
	rte_mbuf_refcnt_set(m, 1);
	m->nb_segs = 1;
	m->port = vif;
	m->ol_flags = 0;
	m->packet_type = 0;
	m->pkt_len = len;
	m->data_len = len;
}

static uint16_t receive(struct lm_worker *w, uint16_t vif_id, struct rte_mbuf **out)
{
	struct lm_memif *memif =
		__atomic_load_n(&w->dp->ports.vifs[vif_id].memif, __ATOMIC_ACQUIRE);
	struct lm_vif_counters *count = &w->counters.vifs[vif_id];
	struct lm_memif_frame frames[LM_BURST];
	uint64_t bytes = 0;
	uint16_t i, n;

	if (memif == NULL || !refill(w))
		return 0;
	for (i = 0; i < LM_BURST; i++) {
		struct rte_mbuf *m = w->spare[i];

		frames[i].data = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
		frames[i].len = (uint16_t)(m->buf_len - RTE_PKTMBUF_HEADROOM);
	}
	n = lm_memif_rx(memif, frames, LM_BURST);
	for (i = 0; i < n; i++) {
		out[i] = w->spare[i];
		prepare(out[i], vif_id, frames[i].len);
		bytes += frames[i].len;
	}
	w->n_spare = LM_BURST - n;
	memmove(w->spare, &w->spare[n], w->n_spare * sizeof(struct rte_mbuf *));
	count->rx_pkts += n;
	count->rx_bytes += bytes;
	return n;
}

static uint16_t memif_rx(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t nb)
{
	struct lm_worker *w = lm_node_worker(node);
	uint16_t n_vifs = w->dp->ports.n_vifs;
	uint16_t tried, n = 0;

	(void)objs;
	(void)nb;
	for (tried = 0; tried < n_vifs && n == 0; tried++) {
		uint16_t vif = w->next_vif < n_vifs ? w->next_vif : 0;

		w->next_vif = vif + 1;
		n = receive(w, vif, (struct rte_mbuf **)node->objs);
	}
	if (n == 0)
		return 0;
	w->work += n;
	node->idx = n;
	rte_node_next_stream_move(graph, node, LM_RX_TO_ETH_INPUT);
	return n;
}

struct rte_node_register lm_node_memif_rx = {
	.name = "memif_rx",
	.flags = RTE_NODE_SOURCE_F,
	.process = memif_rx,
	.init = lm_node_init,
};
