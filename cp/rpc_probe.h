/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks a JSON-RPC server for its status without blocking the loop. */
#ifndef LM_CP_RPC_PROBE_H
#define LM_CP_RPC_PROBE_H

#include <stdbool.h>

struct event_base;
struct rpc_probe;

/**
 * Call `status` on the server at `path` until a result has "ready": true, every few milliseconds
 * at first, then less often. `ready` is called once, then nothing more happens. NULL when out of
 * memory.
 */
struct rpc_probe *rpc_probe_new(
	struct event_base *base, const char *path, void (*ready)(void *ctx), void *ctx);

/** Stop asking. NULL is ignored. May be called from `ready`. */
void rpc_probe_free(struct rpc_probe *probe);

#endif
