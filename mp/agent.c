/* SPDX-License-Identifier: BSD-3-Clause */
#include "mp/agent.h"

#include <errno.h>
#include <string.h>

#include "mp/cleanup.h"

int agent_load_identity(struct agent *agent, struct lm_err *err)
{
	static const char *const keys[] = {"node", "slice", "sliver", "type"};
	json_error_t where;
	lm_cleanup_json json_t *conf = json_load_file(agent->conf, JSON_REJECT_DUPLICATES, &where);

	if (conf == NULL)
		return lm_err_set(
			err, EINVAL, "%s: line %d: %s", agent->conf, where.line, where.text);
	agent->identity = json_object();
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *v = json_object_get(conf, keys[i]);

		if (!json_is_string(v) || json_object_set(agent->identity, keys[i], v) < 0)
			return lm_err_set(
				err, EINVAL, "%s: '%s' must be a text", agent->conf, keys[i]);
	}
	return 0;
}

int agent_check_peer(const struct lm_rpc_peer *peer, struct lm_err *err)
{
	if (peer->pid == 0 || peer->uid == 0)
		return 0;
	return lm_err_set(
		err, EPERM, "only root may ask the agent, not uid %u", (unsigned int)peer->uid);
}

/* The raw sliver has neither FP nor FRR. */
static int is_raw(const struct agent *a)
{
	const char *type = json_string_value(json_object_get(a->identity, "type"));

	return type != NULL && strcmp(type, "vrouter-raw") == 0;
}

/* The status of a part, or {"error": why} so that one absent part does not hide the other. */
static json_t *status_of(const char *sock)
{
	struct lm_err err = {0};
	json_t *result = lm_rpc_call(sock, 0, "status", NULL, AGENT_CALL_MS, &err);

	return result != NULL ? result : json_pack("{s:s}", "error", err.msg);
}

static json_t *status(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const struct agent *a = ctx;
	json_t *init, *fp, *reply;
	int ready;

	(void)params;
	if (agent_check_peer(peer, err) < 0)
		return NULL;
	init = status_of(a->init_sock);
	fp = is_raw(a) ? json_null() : status_of(a->fp_sock);
	ready = json_is_true(json_object_get(init, "ready"));
	reply = json_copy(a->identity);
	json_object_set_new(reply, "ready", json_boolean(ready));
	json_object_set_new(reply, "init", init);
	json_object_set_new(reply, "fp", fp);
	return reply;
}

static json_t *from_fp(const struct agent *a, const struct lm_rpc_peer *peer, const char *method,
	const json_t *params, struct lm_err *err)
{
	if (agent_check_peer(peer, err) < 0)
		return NULL;
	if (is_raw(a)) {
		lm_err_set(err, EOPNOTSUPP, "%s: a vrouter-raw has no forwarding plane", method);
		return NULL;
	}
	return lm_rpc_call(a->fp_sock, 0, method,
		params != NULL ? json_copy((json_t *)(uintptr_t)params) : NULL, AGENT_CALL_MS, err);
}

static json_t *counters(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	return from_fp(ctx, peer, "counters", params, err);
}

static json_t *fib(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	return from_fp(ctx, peer, "fib", params, err);
}

static json_t *adjacencies(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	return from_fp(ctx, peer, "adjacencies", params, err);
}

static void on_shown(void *later, json_t *result, const struct lm_err *err)
{
	lm_rpc_later_answer(later, result, err);
}

static json_t *show(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *command = json_string_value(json_object_get(params, "command"));
	struct lm_err failed = {0};
	struct lm_rpc_later *later;
	struct agent *a = ctx;

	if (agent_check_peer(peer, err) < 0)
		return NULL;
	if (command == NULL) {
		lm_err_set(err, EINVAL, "show: 'command' must be a text");
		return NULL;
	}
	if (is_raw(a)) {
		lm_err_set(err, EOPNOTSUPP, "show: a vrouter-raw has no FRR");
		return NULL;
	}
	if (agent_check_command(command, err) < 0)
		return NULL;
	/* vtysh may hang for seconds; other callers are served meanwhile */
	later = lm_rpc_later(a->server);
	if (later == NULL)
		lm_err_set(err, ENOMEM, "show: out of memory");
	else if (agent_show(a, command, on_shown, later, &failed) < 0)
		lm_rpc_later_answer(later, NULL, &failed);
	return NULL;
}

const struct lm_rpc_method agent_methods[] = {{"status", status}, {"counters", counters},
	{"fib", fib}, {"adjacencies", adjacencies}, {"show", show}, {NULL, NULL}};
