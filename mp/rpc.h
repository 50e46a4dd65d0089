/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON-RPC 2.0 over Unix sockets, one JSON text a line, at most LM_RPC_LINE_MAX octets. */
#ifndef LM_MP_RPC_H
#define LM_MP_RPC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>

#include "mp/err.h"

#define LM_RPC_LINE_MAX	   (1024 * 1024)
#define LM_RPC_CLIENTS_MAX 64

struct event_base;

/** Who calls, as the kernel says (SO_PEERCRED): ids in the namespace of the server. */
struct lm_rpc_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/**
 * One method. `params` is borrowed (a JSON object or array, or NULL when absent). Returns a new
 * reference that is sent as "result", or NULL with `err` filled: sent as "error" with `err->code`
 * as "code" and the message as "message".
 */
typedef json_t *(*lm_rpc_fn)(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err);

struct lm_rpc_method {
	const char *name; /* a table ends with name == NULL */
	lm_rpc_fn fn;
};

struct lm_rpc_server;

/** How the listening socket is made: file mode and owner ((uid_t)-1: leave). */
struct lm_rpc_listen {
	const char
		*path; /* at most 107 octets; a stale socket is replaced, a live one is an error */
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/**
 * Serve `methods` (borrowed, must outlive the server) on `base`. Clients that send a longer line
 * than LM_RPC_LINE_MAX, or do not read their replies, are disconnected; one that only closes its
 * sending half still gets its replies; an answer over LM_RPC_LINE_MAX is sent as error EMSGSIZE.
 * The process must ignore SIGPIPE. NULL with `err` on failure (EADDRINUSE when another process
 * serves the path).
 */
struct lm_rpc_server *lm_rpc_server_new(struct event_base *base, const struct lm_rpc_listen *where,
	const struct lm_rpc_method *methods, void *ctx, struct lm_err *err);

/** A call whose answer comes later; the client's other calls are answered meanwhile. */
struct lm_rpc_later;

/**
 * For a method that cannot answer at once: called inside it, which then returns NULL with `err`
 * untouched. The handle is ended by exactly one lm_rpc_later_answer(), also when the client or the
 * server is gone by then. NULL when out of memory, or when the call is a notification.
 */
struct lm_rpc_later *lm_rpc_later(struct lm_rpc_server *server);

/** Send the answer: steals the reference `result`, or when that is NULL sends `err`. */
void lm_rpc_later_answer(struct lm_rpc_later *later, json_t *result, const struct lm_err *err);

/** Stop serving, close all clients, unlink the socket. NULL is ignored. */
void lm_rpc_server_free(struct lm_rpc_server *server);

/**
 * Call `method` on the server at `path` and wait at most `timeout_ms` for the whole exchange.
 * Steals the reference `params` (may be NULL). The reply is bounded by LM_RPC_LINE_MAX. Returns a
 * new reference to the result, or NULL with `err`: ETIMEDOUT, ECONNREFUSED/ENOENT (not running),
 * EPROTO (reply was no JSON-RPC), EMSGSIZE
 * (the request is too long), or what the server answered. `path` must be a socket, not a
 * symbolic link; with `want_uid` not (uid_t)-1 the server must run as that uid (SO_PEERCRED), else
 * EPERM: for sockets that a sliver could have replaced.
 */
json_t *lm_rpc_call(const char *path, uid_t want_uid, const char *method, json_t *params,
	int timeout_ms, struct lm_err *err);

/**
 * Answer one request line (pure: bytes in, JSON text out; what the server and the fuzzer call).
 * `line` need not be terminated. Returns a malloc'ed text with a final newline, or NULL when the
 * request was a notification (no "id") and wants no reply.
 */
char *lm_rpc_answer(const char *line, size_t len, const struct lm_rpc_method *methods, void *ctx,
	const struct lm_rpc_peer *peer);

#endif
