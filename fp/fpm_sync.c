/* SPDX-License-Identifier: BSD-3-Clause */
/* A zebra that has been known for the hold time has a complete RIB, so its sentinel ends a complete
 * replay. A new one learns its routes over seconds, and its sentinel may come from staticd before
 * the protocols speak: it gets the whole hold time. Either way the sweep waits while old routes are
 * still being refreshed. */
#include "fp/fpm_sync.h"

void fpm_sync_connected(struct fpm_sync *sync, int64_t now_ms)
{
	sync->connected = true;
	sync->done = false;
	sync->sentinel = false;
	sync->connected_ms = now_ms;
	sync->settled_ms = now_ms;
}

void fpm_sync_disconnected(struct fpm_sync *sync)
{
	sync->connected = false;
}

void fpm_sync_message(struct fpm_sync *sync, uint32_t sender)
{
	/* 0 names nobody: such a zebra is new on every connection */
	if (sender == sync->sender && sender != 0)
		return;
	sync->sender = sender;
	sync->sender_since_ms = sync->connected_ms;
}

void fpm_sync_sentinel(struct fpm_sync *sync, int64_t now_ms)
{
	sync->sentinel = true;
	sync->settled_ms = now_ms;
}

void fpm_sync_refreshed(struct fpm_sync *sync, int64_t now_ms)
{
	sync->settled_ms = now_ms;
}

void fpm_sync_swept(struct fpm_sync *sync)
{
	sync->done = true;
}

int64_t fpm_sync_due_ms(const struct fpm_sync *sync)
{
	int64_t due, settled = sync->settled_ms + sync->settle_ms;

	if (!sync->connected || sync->done)
		return FPM_SYNC_NEVER;
	due = (sync->sentinel ? sync->sender_since_ms : sync->connected_ms) + sync->hold_ms;
	return due > settled ? due : settled;
}
