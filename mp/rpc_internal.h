/* SPDX-License-Identifier: BSD-3-Clause */
/* What the server half of the RPC library shares with the answering half. */
#ifndef LM_MP_RPC_INTERNAL_H
#define LM_MP_RPC_INTERNAL_H

#include "mp/rpc.h"

/** A request taken apart. `id` and `params` are borrowed from `json`; `id` is NULL: notification.
 */
struct rpc_request {
	json_t *json;
	json_t *id;
	json_t *params;
	const struct lm_rpc_method *method;
};

/** Take a line apart. False: `*reply` is what to send (NULL: nothing), `req` holds nothing. */
bool rpc_request_parse(struct rpc_request *req, const char *line, size_t len,
	const struct lm_rpc_method *methods, char **reply);

/** The reply line to `id` with `result` (stolen), or with `err` when that is NULL. */
char *rpc_reply_line(json_t *id, json_t *result, const struct lm_err *err);

#endif
