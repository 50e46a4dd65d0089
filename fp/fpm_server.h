/* SPDX-License-Identifier: BSD-3-Clause */
/* The FPM listener of a sliver: zebra connects to it and states routes, which end in a sink. */
#ifndef LM_FP_FPM_SERVER_H
#define LM_FP_FPM_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/route.h"
#include "mp/err.h"

#define LM_FPM_PORT 2620

struct event_base;
struct lm_fpm_server;

/** What may be chosen; a field that is 0 takes the default. */
struct lm_fpm_conf {
	uint32_t hold_ms;	  /* how long a (new) zebra may take to state its routes: 60000 */
	uint32_t settle_ms;	  /* no sweep while routes were refreshed this recently: 1000 */
	uint32_t queue_max_bytes; /* received and not yet applied; then TCP pushes back: 16 MiB */
};

/** How it stands; counts since lm_fpm_server_new(). */
struct lm_fpm_status {
	bool connected;	   /* a zebra is connected */
	bool synced;	   /* this connection's routes are complete: sentinel or hold time seen */
	uint32_t epoch;	   /* connections so far; routes carry the epoch that last stated them */
	uint32_t routes;   /* in the table (the sentinel is never among them) */
	uint32_t stale;	   /* of those: not yet stated by this connection */
	uint64_t replaced; /* route changes given to the sink */
	uint64_t removed;  /* removals given to the sink, sweeps included */
	uint64_t swept;	   /* routes removed by sweeps */
	uint64_t failed;   /* changes the sink refused */
	uint64_t ignored;  /* messages of other families, tables or types */
	uint64_t unsupported; /* routes with an encapsulation or over 64 next hops */
	uint64_t errors;      /* connections reset because of malformed data */
};

/**
 * Listen on `addr`:`port` (numeric; port 0: any free one, see lm_fpm_server_port()) in the caller's
 * network namespace and keep `sink` (copied; called from the loop of `base`) equal to what zebra
 * states. `conf` NULL: defaults. A newer connection takes the place of an older one. The rules of
 * replay and sweep are in docs/fpm.md. NULL with `err` on failure.
 */
struct lm_fpm_server *lm_fpm_server_new(struct event_base *base, const char *addr, uint16_t port,
	const struct lm_route_sink *sink, const struct lm_fpm_conf *conf, struct lm_err *err);

/** Stop listening and forget the table; the sink is not told. NULL is ignored. */
void lm_fpm_server_free(struct lm_fpm_server *server);

/**
 * State a route found in the sliver's kernel at start, before zebra has connected: it goes to the
 * sink at once and stays until zebra states or deletes it or the first sweep. Routes zebra does not
 * own (local, other tables) are the caller's to leave out. 0 or a negative errno value.
 */
int lm_fpm_server_seed(struct lm_fpm_server *server, const struct lm_route *route);

/** Fill `status`. */
void lm_fpm_server_status(const struct lm_fpm_server *server, struct lm_fpm_status *status);

/** The TCP port it listens on. */
uint16_t lm_fpm_server_port(const struct lm_fpm_server *server);

#endif
