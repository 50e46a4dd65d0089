/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands between FRR's daemons and zebra, so that zebra may die without their noticing.
 *
 * A daemon of FRR 8.4 that loses zebra connects again after 10 s and then tells it neither its
 * routes nor its next-hop registrations: it thinks that they are there. Here the daemons keep their
 * connections; what they told the old zebra is told to the new one.
 */
#ifndef LM_CP_ZEBRA_RELAY_H
#define LM_CP_ZEBRA_RELAY_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "mp/err.h"

/* zebra's own socket; the daemons' is FRR's stock path. */
#define ZEBRA_RELAY_UPSTREAM "/run/frr/zserv-zebra.api"
#define ZEBRA_RELAY_LISTEN   "/run/frr/zserv.api"

struct event;
struct event_base;
struct evconnlistener;
struct relay_session;

struct zebra_relay {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *second_step, *orphans;
	bool up;   /* zebra takes connections */
	bool late; /* the second step of a replay has been done */
	TAILQ_HEAD(relay_sessions, relay_session) sessions;
};

/** Listen for the daemons, as user `uid`, `gid`. zebra_relay_close() is to be called in any case.
 */
int zebra_relay_open(struct zebra_relay *relay, struct event_base *base, uid_t uid, gid_t gid,
	struct lm_err *err);

/**
 * A zebra takes connections: connect every session and give it its state again. BGP, whose routes
 * lean on the others', and next-hop registrations follow half a second later when `again`.
 */
void zebra_relay_up(struct zebra_relay *relay, bool again);

/** zebra is gone: keep the sessions, cut those whose state is not known in full. */
void zebra_relay_down(struct zebra_relay *relay);

/** Close everything. Safe on a zeroed struct. */
void zebra_relay_close(struct zebra_relay *relay);

#endif
