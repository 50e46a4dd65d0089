/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers: one loop each on an EAL lcore. */
#ifndef LM_SUBSTRATE_WORKER_H
#define LM_SUBSTRATE_WORKER_H

#include "substrate/state.h"

/** Make what worker w needs before it runs. */
int worker_init(struct substrate *s, struct worker *w, struct lm_err *err);
/** After it ended: give all back. */
void worker_fini(struct worker *w);

/** Body of a worker's lcore; returns after s->stop. `arg` is its struct worker. */
int worker_main(void *arg);

#endif
