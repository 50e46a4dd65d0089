/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of slivers' agents that cannot hold up the node: each waits in a thread of its own. */
#ifndef LM_SLICEMGR_AGENT_CALL_H
#define LM_SLICEMGR_AGENT_CALL_H

#include <stdint.h>
#include <jansson.h>

#include "mp/err.h"

struct agent_call;
struct event_base;

/** Called on the event loop. `result` is borrowed; NULL: the call failed, `err` says why. */
typedef void (*agent_call_fn)(void *ctx, json_t *result, const struct lm_err *err);

/** Once, before any call: makes libevent take events from threads. 0 or -1. */
int agent_call_init(void);

/**
 * Ask the agent of the sliver whose directory is `dir` and whose root uid is `uid`. Steals
 * `params`. NULL: out of resources, `done` is not called. The handle is dead once `done` ran.
 */
struct agent_call *agent_call_start(struct event_base *base, const char *dir, uint32_t uid,
	const char *method, json_t *params, int timeout_ms, agent_call_fn done, void *ctx);

/** Do not call `done` any more. */
void agent_call_cancel(struct agent_call *call);

#endif
