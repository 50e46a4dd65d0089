/* SPDX-License-Identifier: BSD-3-Clause */
/* A server's listening socket: takes peers of the right uid, a bounded number at a bounded rate. */
#ifndef LM_SUBSTRATE_MEMIF_LISTENER_H
#define LM_SUBSTRATE_MEMIF_LISTENER_H

#include "substrate/memif_int.h"

#define MEMIF_HALF_OPEN_MAX 64 /* peers of one socket that have no interface up yet */
#define MEMIF_ACCEPTS_MAX   64 /* peers taken in one period */
#define MEMIF_PERIOD_MS	    100

struct lm_memif_listener {
	struct event_base *base;
	int sock;
	char *path;
	uid_t uid;
	struct event *accept_ev;
	struct event *period_ev; /* pending while accepts are counted */
	unsigned accepts;	 /* in this period */
	unsigned half_open;
	TAILQ_HEAD(memif_list, lm_memif) vifs;
	TAILQ_HEAD(conn_list, memif_conn) conns;
};

/** Speak memif with a peer on `sock` (taken over, closed in the end). */
void memif_conn_new(struct lm_memif_listener *l, int sock);

/** End a conversation without a word; its interface goes down with `why`. */
void memif_conn_close(struct memif_conn *c, const char *why);

#endif
