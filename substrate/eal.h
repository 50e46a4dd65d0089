/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts DPDK's EAL as the substrate needs it. */
#ifndef LM_SUBSTRATE_EAL_H
#define LM_SUBSTRATE_EAL_H

#include "substrate/state.h"

/** EAL up with one control lcore and one lcore a worker; s->workers[].lcore, s->n_workers, s->pool
 * and s->qsbr are set. */
int eal_start(struct substrate *s, struct lm_err *err);

/** Workers have ended: release all and leave no files. */
void eal_stop(struct substrate *s);

#endif
