/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The owner of routes: merges what the kernel states at once (local addresses, connected prefixes)
 * with what the control plane states (FPM, or the kernel's table), and keeps the FIBs in step.
 */
#ifndef LM_FP_RIB_H
#define LM_FP_RIB_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/fib.h"
#include "fp/nexthop.h"
#include "fp/route.h"

/** Who states a route; of several for one prefix the first in this order forwards. */
enum lm_rib_source {
	LM_RIB_LOCAL,	  /* an address of this router */
	LM_RIB_ROUTE,	  /* the control plane */
	LM_RIB_CONNECTED, /* the kernel: a prefix on a link */
	LM_RIB_SOURCES
};

struct lm_rib;

struct lm_rib *lm_rib_new(struct lm_fib *fib4, struct lm_fib *fib6, struct lm_nhg_table *groups);
void lm_rib_free(struct lm_rib *rib);

/** State a route of a source. 0, -ENOSPC, -ENOMEM (the source's old route then stays). */
int lm_rib_set(struct lm_rib *rib, enum lm_rib_source source, const struct lm_route *route);

/** State that packets to `prefix` are for this router. */
int lm_rib_set_local(struct lm_rib *rib, const struct lm_prefix *prefix);

/** Remove a source's route; no error when it has none. */
void lm_rib_remove(struct lm_rib *rib, enum lm_rib_source source, const struct lm_prefix *prefix);

/**
 * Mark every route of a source; each lm_rib_set() of it takes the mark away; sweep removes what is
 * still marked: how a fresh dump of the kernel takes the place of an old one.
 */
void lm_rib_mark(struct lm_rib *rib, enum lm_rib_source source);
void lm_rib_sweep(struct lm_rib *rib, enum lm_rib_source source);

/** What FPM and the kernel's table feed: replaces and removes LM_RIB_ROUTE. */
struct lm_route_sink lm_rib_sink(struct lm_rib *rib);

/** One forwarding route, for people. */
struct lm_rib_view {
	const struct lm_prefix *prefix;
	enum lm_rib_source source;
	enum lm_route_type type; /* not for LM_RIB_LOCAL */
	uint8_t protocol;
	uint32_t nhg;
};

uint32_t lm_rib_count(const struct lm_rib *rib, uint8_t family);

/**
 * The first `limit` routes of `family` in prefix order: fn() for each. Costs a sort of the table.
 * 0 or -ENOMEM.
 */
int lm_rib_walk(const struct lm_rib *rib, uint8_t family, uint32_t limit,
	void (*fn)(void *ctx, const struct lm_rib_view *view), void *ctx);

#endif
