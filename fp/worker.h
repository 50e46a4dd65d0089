/* SPDX-License-Identifier: BSD-3-Clause */
/* A datapath thread: walks the graph, sleeps when there is nothing to do unless told to poll. */
#ifndef LM_FP_WORKER_H
#define LM_FP_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/dataplane.h"
#include "mp/err.h"

/**
 * A worker for EAL lcore `lcore` on the tables `dp`, with its graph and rings; `poll`: never
 * sleep. One a process for now. NULL with `err`.
 */
struct lm_worker *lm_worker_new(struct lm_dp *dp, uint16_t lcore, bool poll, struct lm_err *err);

/** Run on its lcore until lm_worker_stop(). 0 or a negative errno with `err`. */
int lm_worker_start(struct lm_worker *w, struct lm_err *err);

/** End the thread and wait for it. */
void lm_worker_stop(struct lm_worker *w);
void lm_worker_free(struct lm_worker *w);

/** Walk the graph once, as the thread does (for tests). */
void lm_worker_walk(struct lm_worker *w);

/** Wake the worker when it sleeps: something it should look at has changed. */
void lm_worker_wake(struct lm_worker *w);

/**
 * Control thread: give the worker a connected memif of `vif`, or take it away. After
 * lm_worker_detach() no worker is inside its functions any more.
 */
int lm_worker_attach(struct lm_worker *w, uint16_t vif, struct lm_memif *memif, struct lm_err *err);
void lm_worker_detach(struct lm_worker *w, uint16_t vif);

#endif
