/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/grace.h"

#include <stdbool.h>
#include <stdlib.h>
#include <rte_common.h>
#include <rte_rcu_qsbr.h>

struct item {
	struct item *next;
	lm_grace_fn fn;
	void *ctx;
	void *item;
	uint64_t token;
};

struct lm_grace {
	struct rte_rcu_qsbr *qsbr;
	struct item *first, **last; /* in the order of their tokens */
	uint32_t n_waiting;
};

struct lm_grace *lm_grace_new(uint32_t max_threads)
{
	struct lm_grace *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->last = &g->first;
	if (posix_memalign((void **)&g->qsbr, RTE_CACHE_LINE_SIZE,
		    rte_rcu_qsbr_get_memsize(max_threads)) != 0) {
		free(g);
		return NULL;
	}
	rte_rcu_qsbr_init(g->qsbr, max_threads);
	return g;
}

void lm_grace_free(struct lm_grace *g)
{
	if (g == NULL)
		return;
	lm_grace_wait(g);
	free(g->qsbr);
	free(g);
}

struct rte_rcu_qsbr *lm_grace_qsbr(struct lm_grace *g)
{
	return g->qsbr;
}

static void free_item(void *ctx, void *item)
{
	(void)ctx;
	free(item);
}

void lm_grace_defer(struct lm_grace *g, lm_grace_fn fn, void *ctx, void *what)
{
	struct item *it = malloc(sizeof(*it));

	if (it == NULL) {
		rte_rcu_qsbr_synchronize(g->qsbr, RTE_QSBR_THRID_INVALID);
		fn(ctx, what);
		return;
	}
	*it = (struct item){
		.fn = fn, .ctx = ctx, .item = what, .token = rte_rcu_qsbr_start(g->qsbr)};
	*g->last = it;
	g->last = &it->next;
	g->n_waiting++;
	lm_grace_reclaim(g);
}

void lm_grace_defer_free(struct lm_grace *g, void *item)
{
	lm_grace_defer(g, free_item, NULL, item);
}

static void release_first(struct lm_grace *g)
{
	struct item *it = g->first;

	g->first = it->next;
	if (g->first == NULL)
		g->last = &g->first;
	g->n_waiting--;
	it->fn(it->ctx, it->item);
	free(it);
}

uint32_t lm_grace_reclaim(struct lm_grace *g)
{
	struct item *it;

	while ((it = g->first) != NULL && rte_rcu_qsbr_check(g->qsbr, it->token, false) == 1)
		release_first(g);
	return g->n_waiting;
}

void lm_grace_wait(struct lm_grace *g)
{
	rte_rcu_qsbr_synchronize(g->qsbr, RTE_QSBR_THRID_INVALID);
	while (g->first != NULL)
		release_first(g);
}
