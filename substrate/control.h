/* SPDX-License-Identifier: BSD-3-Clause */
/* The control side: JSON-RPC methods of substrate.sock (docs/architecture.md). Main thread. */
#ifndef LM_SUBSTRATE_CONTROL_H
#define LM_SUBSTRATE_CONTROL_H

#include "mp/rpc.h"
#include "substrate/state.h"

/** Methods; their ctx is the struct substrate. */
extern const struct lm_rpc_method control_methods[];

/** Run the requests of a file, one JSON-RPC line each (blank lines and # comments are skipped).
 * Names file and line in `err` at the first that fails. */
int control_load(struct substrate *s, const char *path, struct lm_err *err);

/** Take everything down at the end: ports unplugged, listeners gone; persistent TAPs stay. */
void control_end(struct substrate *s);

/** status and counters (report.c). */
json_t *report_status(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err);
json_t *report_counters(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err);

#endif
