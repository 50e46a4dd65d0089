/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes learnt over FPM, each with the epoch (connection) that last stated it. Tells a sink
 * what really changes. */
#ifndef LM_FP_FPM_ROUTES_H
#define LM_FP_FPM_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/route.h"
#include "fp/rtmsg.h"

struct lm_fpm_routes;

struct lm_fpm_routes_stats {
	uint32_t epoch;
	uint32_t routes;
	uint32_t stale;	   /* of an older epoch */
	uint32_t objects;  /* next-hop objects of this epoch */
	uint64_t replaced; /* sink calls that took */
	uint64_t removed;
	uint64_t swept;
	uint64_t failed;    /* sink calls that did not */
	uint64_t refreshed; /* routes of an older epoch stated anew */
	uint64_t bytes;	    /* memory of the table */
};

/** An empty table at epoch 0 for `sink` (copied), or NULL without memory. */
struct lm_fpm_routes *lm_fpm_routes_new(const struct lm_route_sink *sink);

/** Free the table; the sink is not told. NULL is ignored. */
void lm_fpm_routes_free(struct lm_fpm_routes *routes);

/**
 * Apply one event of the parser. A route that names a next-hop object not (wholly) known keeps what
 * the sink has until lm_fpm_routes_work() finds it resolved. A sink that refuses a route is counted
 * and asked again when the route is next stated. 0 or -ENOMEM.
 */
int lm_fpm_routes_apply(struct lm_fpm_routes *routes, const struct lm_rtmsg *msg);

/** State a route of the kernel's at epoch 0; one that is known already is left. 0 or -ENOMEM. */
int lm_fpm_routes_seed(struct lm_fpm_routes *routes, const struct lm_route *route);

/**
 * A new connection: every route is of an older epoch until stated again, a sweep under way is
 * called off and next-hop objects are forgotten (their ids mean something new now); routes that
 * used them keep what the sink has.
 */
void lm_fpm_routes_new_epoch(struct lm_fpm_routes *routes);

/** Have lm_fpm_routes_work() remove the routes of older epochs. */
void lm_fpm_routes_sweep(struct lm_fpm_routes *routes);

/**
 * Look at up to `max` routes: sweep, and tell the sink of routes whose next-hop object changed or
 * became known. Returns true while there is more to do.
 */
bool lm_fpm_routes_work(struct lm_fpm_routes *routes, uint32_t max);

/** Fill `stats`. */
void lm_fpm_routes_stats(const struct lm_fpm_routes *routes, struct lm_fpm_routes_stats *stats);

#endif
