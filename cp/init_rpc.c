/* SPDX-License-Identifier: BSD-3-Clause */
/* init.sock: what runs in the sliver, and process.restart. */
#include "cp/init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RESTART_GRACE_MS 3000

/* The processes of the sliver; returns how many. */
static unsigned int list_procs(struct init *init, struct proc *out[SLIVER_DAEMONS_MAX + 2])
{
	unsigned int n = 0;

	out[n++] = &init->agent;
	if (init->has_fp)
		out[n++] = &init->fp.proc;
	for (unsigned int i = 0; i < init->frr.n_daemons; i++)
		out[n++] = &init->frr.daemons[i].proc;
	return n;
}

/* What still keeps the sliver from being ready, as texts for a human. */
static json_t *waiting_for(const struct init *init)
{
	json_t *list = json_array();
	const struct sliver_if *missing = interfaces_missing(&init->ifs);

	if (missing != NULL)
		json_array_append_new(list, json_sprintf("interface %s", missing->name));
	if (init->has_fp && !init->fp.ready)
		json_array_append_new(list, json_string("lamina-fp"));
	for (unsigned int i = 0; i < init->frr.n_daemons; i++)
		if (!init->frr.daemons[i].up)
			json_array_append_new(
				list, json_string(init->frr.daemons[i].proc.spec.name));
	if (init->has_frr && !init->frr.configured)
		json_array_append_new(list, json_string("configuration"));
	return list;
}

static json_t *status(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct init *init = ctx;
	json_t *procs = json_array();
	json_t *waits = waiting_for(init);
	struct proc *p[SLIVER_DAEMONS_MAX + 2];
	unsigned int n = list_procs(init, p);

	(void)peer;
	(void)params;
	(void)err;
	for (unsigned int k = 0; k < n; k++)
		json_array_append_new(procs, proc_json(p[k]));
	return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o}", "slice", init->conf.slice, "sliver",
		init->conf.sliver, "processes", procs, "ready", init_ready(init), "waiting_for",
		waits, "config_errors",
		init->has_frr ? json_incref(init->frr.config_errors) : json_array());
}

static json_t *process_restart(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *name = json_string_value(json_object_get(params, "name"));
	struct init *init = ctx;
	struct proc *p[SLIVER_DAEMONS_MAX + 2];
	unsigned int n = list_procs(init, p);

	(void)peer;
	if (name == NULL) {
		lm_err_set(err, EINVAL, "process.restart: 'name' must be a text");
		return NULL;
	}
	for (unsigned int k = 0; k < n; k++)
		if (strcmp(p[k]->spec.name, name) == 0) {
			proc_restart(p[k], RESTART_GRACE_MS);
			return json_object();
		}
	lm_err_set(err, ENOENT, "process.restart: no process '%.40s' in this sliver", name);
	return NULL;
}

const struct lm_rpc_method init_methods[] = {
	{"status", status}, {"process.restart", process_restart}, {NULL, NULL}};
