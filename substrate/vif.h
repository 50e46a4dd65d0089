/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of vif back-ends. */
#ifndef LM_SUBSTRATE_VIF_H
#define LM_SUBSTRATE_VIF_H

#include "substrate/state.h"

extern const struct vif_backend vif_memif;
extern const struct vif_backend vif_tap;

/** Fill w->spare with empty mbufs as far as the pool allows. Returns how many there are. */
uint16_t worker_spare_mbufs(struct worker *w);

/** The worker's first n spare mbufs hold frames now: move them to m and close the gap. */
void worker_take_spare(struct worker *w, struct rte_mbuf **m, uint16_t n);

/* What an epoll event of a worker is about. The slot may be another's by the time it is read. */
enum wake_kind { WAKE_CONTROL, WAKE_PORT, WAKE_MEMIF, WAKE_TAP, WAKE_TAPS };

static inline uint64_t wake_data(enum wake_kind kind, uint32_t slot)
{
	return (uint64_t)kind << 32 | slot;
}

#endif
