/* SPDX-License-Identifier: BSD-3-Clause */
/* lamina-agent: the management door of one sliver. Answers for its own sliver only. */
#ifndef LM_MP_AGENT_H
#define LM_MP_AGENT_H

#include <stddef.h>
#include <jansson.h>

#include "mp/err.h"
#include "mp/rpc.h"

#define AGENT_SHOW_MAX	  (900 * 1024) /* octets of a show command's output, as JSON text */
#define AGENT_COMMAND_MAX 512
#define AGENT_SHOW_MS	  5000
#define AGENT_CALL_MS	  1000
#define AGENT_SHOWS_MAX	  4 /* at the same time */

struct event;
struct event_base;
struct agent_show_job;

/** What the agent works on; paths are replaced in tests. */
struct agent {
	const char *conf;      /* sliver.json, for who we are */
	const char *init_sock; /* lamina-init's JSON-RPC */
	const char *fp_sock;   /* the FP's */
	const char *vtysh;     /* the program that `show` runs with -c COMMAND */
	int show_ms;	       /* its time-out */
	json_t *identity;      /* {"node","slice","sliver","type"} */
	struct event_base *base;
	struct lm_rpc_server *server; /* whose callers wait for their `show` */
	struct event *child_event;
	struct agent_show_job *shows[AGENT_SHOWS_MAX];
};

/** Read who we are from agent->conf into agent->identity (new reference). */
int agent_load_identity(struct agent *agent, struct lm_err *err);

/** agent.sock's methods; their ctx is a struct agent. */
extern const struct lm_rpc_method agent_methods[];

/**
 * May `peer` call? Root of the sliver may, and who is outside of it: SO_PEERCRED gives pid 0 for a
 * process of another pid namespace. Its uid is no help: root of the node shows as the overflow uid,
 * which also is the sliver's own `nobody`.
 */
int agent_check_peer(const struct lm_rpc_peer *peer, struct lm_err *err);

/** Ready agent->base for agent_show(). */
int agent_show_init(struct agent *agent, struct lm_err *err);

/**
 * Start `vtysh -c command`. Only one line that begins with "show ". Later `done` is called once
 * with
 * {"output","truncated","exit_status"} (a new reference) or NULL and why: ETIMEDOUT after
 * agent->show_ms. A negative errno when it cannot start; then `done` is not called.
 */
int agent_show(struct agent *agent, const char *command,
	void (*done)(void *ctx, json_t *result, const struct lm_err *err), void *ctx,
	struct lm_err *err);

/** 0 when `command` is one that agent_show() runs, else a negative errno with `err`. */
int agent_check_command(const char *command, struct lm_err *err);

/** End running commands without calling back, release what agent_show_init() made. */
void agent_show_fini(struct agent *agent);

/**
 * `text` as a JSON text of at most `max` octets when written; *truncated says if it was cut. Text
 * that is not UTF-8 gets '?' for all that is not ASCII (in place).
 */
json_t *agent_bounded_text(char *text, size_t len, size_t max, int *truncated);

#endif
