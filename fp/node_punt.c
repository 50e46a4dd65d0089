/* SPDX-License-Identifier: BSD-3-Clause */
/* Hands frames to the control thread for the kernel, each class at its own rate. */
#include <rte_cycles.h>
#include <rte_ring.h>
#include <unistd.h>

#include "fp/edges.h"
#include "fp/graph.h"
#include "fp/punt.h"

/* One eventfd write for any number of frames until the control thread has looked. */
static void signal_control(struct lm_worker *w)
{
	const uint64_t one = 1;

	if (__atomic_exchange_n(&w->punt_signaled, true, __ATOMIC_SEQ_CST))
		return;
	if (write(w->punt_fd, &one, sizeof(one)) < 0)
		return; /* the counter is at its maximum: it is readable anyway */
}

static uint16_t punt(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	struct lm_worker *w = lm_node_worker(node);
	uint64_t now = rte_rdtsc();
	bool sent = false;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = objs[i];
		uint8_t class = lm_meta(m)->punt;

		if (!lm_bucket_take(&w->buckets[class], now)) {
			lm_drop(m, LM_DROP_punt_rate);
			rte_node_enqueue_x1(graph, node, LM_PUNT_TO_DROP, m);
		} else if (rte_ring_sp_enqueue(w->punt_ring, m) < 0) {
			lm_drop(m, LM_DROP_punt_ring_full);
			rte_node_enqueue_x1(graph, node, LM_PUNT_TO_DROP, m);
		} else {
			w->counters.punts[class]++;
			sent = true;
		}
	}
	if (sent)
		signal_control(w);
	return n;
}

struct rte_node_register lm_node_punt = {
	.name = "punt",
	.process = punt,
	.init = lm_node_init,
};
