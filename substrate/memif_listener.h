/* SPDX-License-Identifier: BSD-3-Clause */
/* A server's listening socket: takes peers of the right uid, a bounded number at a bounded rate. */
#ifndef LM_SUBSTRATE_MEMIF_LISTENER_H
#define LM_SUBSTRATE_MEMIF_LISTENER_H

#include <time.h>

#include "substrate/memif_closer.h"
#include "substrate/memif_int.h"

#define MEMIF_HALF_OPEN_MAX 64 /* peers of one socket that have no interface up yet */
#define MEMIF_ACCEPTS_MAX   64 /* peers taken in one period */
#define MEMIF_PERIOD_MS	    100
#define MEMIF_BACKLOG_MAX   64	   /* descriptors of one socket's peers that wait for close() */
#define MEMIF_SPENT_MAX_US  200000 /* a socket's peers may use so much of the control thread... */
#define MEMIF_REPAID_US	    20000  /* ...and then so much in each period */

struct lm_memif_listener {
	struct event_base *base;
	int sock;
	char *path;
	uid_t uid;
	struct event *accept_ev;
	struct event *period_ev; /* pending while there is something to count */
	unsigned accepts;	 /* in this period */
	int64_t spent_us;	 /* CPU time of the control thread, less what was repaid */
	bool paused;		 /* over MEMIF_SPENT_MAX_US: no peer is heard */
	struct memif_closer *closer;
	unsigned half_open;
	TAILQ_HEAD(memif_list, lm_memif) vifs;
	TAILQ_HEAD(conn_list, memif_conn) conns;
};

/** Speak memif with a peer on `sock` (taken over, closed in the end). */
void memif_conn_new(struct lm_memif_listener *l, int sock);

/** A clock's time, microseconds. */
int64_t memif_clock_us(clockid_t clock);

/** The control thread worked from `since_us` (CPU time of this thread) until now for peers of `l`.
 */
void memif_listener_charge(struct lm_memif_listener *l, int64_t since_us);

/** Hear a peer (true) or let what it sends wait. */
void memif_conn_hear(struct memif_conn *c, bool hear);

/** The conversation after this one; NULL: the first, or none is left. */
struct memif_conn *memif_conn_next(const struct lm_memif_listener *l, struct memif_conn *c);

/** End a conversation without a word; its interface goes down with `why`. */
void memif_conn_close(struct memif_conn *c, const char *why);

#endif
