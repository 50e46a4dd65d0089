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

/** What the agent works on; paths are replaced in tests. */
struct agent {
	const char *conf;      /* sliver.json, for who we are */
	const char *init_sock; /* lamina-init's JSON-RPC */
	const char *fp_sock;   /* the FP's */
	const char *vtysh;     /* the program that `show` runs with -c COMMAND */
	int show_ms;	       /* its time-out */
	json_t *identity;      /* {"node","slice","sliver","type"} */
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

/**
 * Run `vtysh -c command` and wait at most agent->show_ms. Only one line that begins with "show ".
 * Returns {"output","truncated","exit_status"} or NULL with `err`.
 */
json_t *agent_show(const struct agent *agent, const char *command, struct lm_err *err);

/**
 * `text` as a JSON text of at most `max` octets when written; *truncated says if it was cut. Text
 * that is not UTF-8 gets '?' for all that is not ASCII (in place).
 */
json_t *agent_bounded_text(char *text, size_t len, size_t max, int *truncated);

#endif
