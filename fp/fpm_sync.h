/* SPDX-License-Identifier: BSD-3-Clause */
/* When the routes of earlier connections may be swept: the rule of docs/fpm.md, without a clock or
 * timer of its own. */
#ifndef LM_FP_FPM_SYNC_H
#define LM_FP_FPM_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#define FPM_SYNC_NEVER INT64_MAX

struct fpm_sync {
	int64_t hold_ms;
	int64_t settle_ms;
	bool connected;
	bool done;		 /* this connection's sweep has begun */
	bool sentinel;		 /* seen on this connection */
	uint32_t sender;	 /* the zebra that wrote last, by its netlink port; 0: none yet */
	int64_t sender_since_ms; /* when the connection began on which it first wrote */
	int64_t connected_ms;
	int64_t settled_ms; /* last time a stale route was refreshed or the sentinel seen */
};

/** A new connection; its replay begins. */
void fpm_sync_connected(struct fpm_sync *sync, int64_t now_ms);

/** The connection is gone: nothing will be swept until the next. */
void fpm_sync_disconnected(struct fpm_sync *sync);

/** A message came from the zebra with this netlink port (nlmsg_pid). */
void fpm_sync_message(struct fpm_sync *sync, uint32_t sender);

/** The sentinel route was stated. */
void fpm_sync_sentinel(struct fpm_sync *sync, int64_t now_ms);

/** A route of an earlier connection was stated again. */
void fpm_sync_refreshed(struct fpm_sync *sync, int64_t now_ms);

/** The sweep has begun. */
void fpm_sync_swept(struct fpm_sync *sync);

/** When to sweep if nothing else happens, or FPM_SYNC_NEVER. */
int64_t fpm_sync_due_ms(const struct fpm_sync *sync);

#endif
