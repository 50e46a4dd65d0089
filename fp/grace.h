/* SPDX-License-Identifier: BSD-3-Clause */
/* Deferred release: what a worker may still read is freed only after every worker has let go. */
#ifndef LM_FP_GRACE_H
#define LM_FP_GRACE_H

#include <stdint.h>

struct rte_rcu_qsbr;
struct lm_grace;

typedef void (*lm_grace_fn)(void *ctx, void *item);

/** `max_threads` readers may register with lm_grace_qsbr(). NULL when out of memory. */
struct lm_grace *lm_grace_new(uint32_t max_threads);

/** Release everything that waits (no reader may be left) and the object itself. */
void lm_grace_free(struct lm_grace *g);

/** The variable on which readers report quiescent states (rte_rcu_qsbr_*). */
struct rte_rcu_qsbr *lm_grace_qsbr(struct lm_grace *g);

/**
 * Call fn(ctx, item) once every reader has passed a quiescent state. Control thread only; never
 * blocks, but for when there is no memory to note the item: then it waits for the readers.
 */
void lm_grace_defer(struct lm_grace *g, lm_grace_fn fn, void *ctx, void *item);

/** As lm_grace_defer() with free(item). */
void lm_grace_defer_free(struct lm_grace *g, void *item);

/** Release what has become free. Returns how many items still wait. */
uint32_t lm_grace_reclaim(struct lm_grace *g);

/** Wait until every reader has passed a quiescent state, then release all items. */
void lm_grace_wait(struct lm_grace *g);

#endif
