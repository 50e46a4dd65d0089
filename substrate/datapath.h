/* SPDX-License-Identifier: BSD-3-Clause */
/* Moves frames between ports and vifs. Everything here runs on a worker and makes no system call
 * but what a back-end's or PMD's burst makes. */
#ifndef LM_SUBSTRATE_DATAPATH_H
#define LM_SUBSTRATE_DATAPATH_H

#include "substrate/table.h"

/** Take n frames (mbufs become ours) that came in on a port / from a sliver and queue each where it
 * belongs, or count why not. */
void port_input(
	struct worker *w, const struct table *t, struct port *p, struct rte_mbuf **m, uint16_t n);
void vif_input(
	struct worker *w, const struct table *t, struct vif *v, struct rte_mbuf **m, uint16_t n);

/** Queue what other workers handed over. Returns how many there were. */
unsigned int inbox_input(struct worker *w, const struct table *t);

/** Send everything that is queued. */
void worker_flush(struct worker *w);

#endif
