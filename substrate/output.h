/* SPDX-License-Identifier: BSD-3-Clause */
/* The way out: queues of the owner, hand-over to another worker, sending. */
#ifndef LM_SUBSTRATE_OUTPUT_H
#define LM_SUBSTRATE_OUTPUT_H

#include "substrate/state.h"

/** Queue a frame for a port / a sliver; checks the MTU. The mbuf becomes ours. */
void port_output(struct worker *w, struct port *p, struct rte_mbuf *m);
void vif_output(struct worker *w, struct vif *v, struct rte_mbuf *m);

/** As vif_output(), but m stays the caller's, who goes on to send it elsewhere unchanged. */
void vif_output_copy(struct worker *w, struct vif *v, struct rte_mbuf *m);

static inline void drop(
	struct worker *w, struct counters *c, enum drop_reason r, struct rte_mbuf *m)
{
	count(&c[w->idx].drops[r], 1);
	rte_pktmbuf_free(m);
}

#endif
