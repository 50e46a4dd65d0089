/* SPDX-License-Identifier: BSD-3-Clause */
/* What `lamina` may ask of the slice manager. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mp/rpc.h"
#include "slicemgr/admission.h"
#include "slicemgr/container.h"
#include "slicemgr/inspect.h"
#include "slicemgr/node.h"
#include "slicemgr/plan.h"
#include "slicemgr/slice.h"
#include "slicemgr/sliver.h"
#include "slicemgr/sliver_place.h"
#include "slicemgr/substrate_proc.h"

#define FILE_NAME_MAX 4096

static const char *text_param(const json_t *params, const char *key)
{
	return json_string_value(json_object_get(params, key));
}

/* Takes the call for a later answer; NULL with `err` when that cannot be. */
static struct lm_rpc_later *take(struct node *node, struct lm_err *err)
{
	struct lm_rpc_later *later = lm_rpc_later(node->server);

	if (later == NULL)
		lm_err_set(err, EINVAL, "the call has no id, or memory is short");
	return later;
}

static json_t *node_status(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const struct node *node = ctx;
	const struct slice *slice;
	unsigned int n_slices = 0, n_slivers = 0;
	bool applying = false;

	(void)peer;
	(void)params;
	(void)err;
	TAILQ_FOREACH (slice, &node->slices, next) {
		n_slices += slice->id != 0;
		n_slivers += slice->n_slivers;
		applying |= slice->id == 0 && slice->state == SLICE_APPLYING;
	}
	return json_pack("{s:s, s:s, s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:s, s:s, s:s}", "node",
		node->conf.name, "state",
		node->ending				   ? "ending"
		: applying				   ? "starting"
		: substrate_proc_complete(node->substrate) ? "ready"
							   : "degraded",
		"pid", (int)getpid(), "uptime_s",
		(json_int_t)((node_now_ms() - node->started_ms) / 1000), "substrate_pid",
		(int)substrate_proc_pid(node->substrate), "substrate_restarts",
		(int)substrate_proc_restarts(node->substrate), "ports", (int)node->conf.n_ports,
		"slices", (int)n_slices, "slivers", (int)n_slivers, "rundir", node->conf.rundir,
		"config", node->conf.file, "netns", node->conf.netns);
}

static json_t *node_down(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct node *node = ctx;
	struct lm_rpc_later *later;

	(void)peer;
	(void)params;
	if (node->down_later != NULL) {
		lm_err_set(err, EALREADY, "node %s is going down already", node->conf.name);
		return NULL;
	}
	later = take(node, err);
	if (later == NULL)
		return NULL;
	node->down_later = later;
	node_end(node);
	return NULL;
}

static json_t *slice_apply(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *file = text_param(params, "file"), *xml = text_param(params, "xml");
	const char *name = text_param(params, "slice");
	struct node *node = ctx;
	struct lm_spec spec = {0};
	struct slice *slice;

	(void)peer;
	if (file == NULL || xml == NULL || strlen(file) > FILE_NAME_MAX) {
		lm_err_set(err, EINVAL, "slice.apply wants the texts 'file' and 'xml'");
		return NULL;
	}
	if (node->ending) {
		lm_err_set(err, ESHUTDOWN, "node %s is going down", node->conf.name);
		return NULL;
	}
	if (lm_spec_parse(file, xml, strlen(xml), node->conf.name, &spec, err) < 0)
		return NULL;
	slice = plan_slice(node, &spec, name, err);
	if (slice == NULL)
		return NULL;
	if (admission_check(slice, err) < 0 || (slice->later = take(node, err)) == NULL) {
		slice_free(slice);
		return NULL;
	}
	slice_begin(slice);
	return NULL;
}

static json_t *slice_destroy(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *name = text_param(params, "slice");
	struct node *node = ctx;
	struct slice *slice = name != NULL ? node_slice(node, name) : NULL;

	(void)peer;
	if (slice == NULL || slice->id == 0)
		lm_err_set(err, ENOENT,
			slice != NULL
				? "node %s: '%.64s' is the node's own router; it ends with the "
				  "node"
				: "node %s has no slice '%.64s'",
			node->conf.name, name != NULL ? name : "");
	else if (slice->state != SLICE_READY)
		lm_err_set(err, EBUSY, "slice %s is %s; try again when it is done", slice->name,
			slice_state_name(slice));
	else if ((slice->later = take(node, err)) != NULL)
		slice_end(slice, false);
	return NULL;
}

static json_t *inspect(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct lm_rpc_later *later = take(ctx, err);

	(void)peer;
	if (later != NULL)
		inspect_answer(ctx, text_param(params, "slice"), later);
	return NULL;
}

static json_t *counters(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct lm_rpc_later *later = take(ctx, err);

	(void)peer;
	if (later != NULL)
		counters_answer(ctx, text_param(params, "slice"), later);
	return NULL;
}

static const struct sliver *find_sliver(const struct node *node, const char *path)
{
	const struct slice *slice;

	TAILQ_FOREACH (slice, &node->slices, next)
		for (unsigned int i = 0; i < slice->n_slivers; i++)
			if (strcmp(slice->slivers[i].path, path) == 0)
				return &slice->slivers[i];
	return NULL;
}

/* What stands in front of a command that is to run in the container. */
static json_t *exec_words(const struct sliver_place *place, bool terminal, struct lm_err *err)
{
	const char *const none[] = {NULL};
	const char *argv[LM_CONTAINER_EXEC_ARGS_MAX];
	json_t *words = json_array();

	if (lm_container_exec_argv(place->runc_root, place->id, terminal, none, argv, err) < 0) {
		json_decref(words);
		return NULL;
	}
	for (const char **w = argv; *w != NULL; w++)
		json_array_append_new(words, json_string(*w));
	return words;
}

static json_t *sliver_locate(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const char *path = text_param(params, "path");
	const struct node *node = ctx;
	const struct sliver *sliver = path != NULL ? find_sliver(node, path) : NULL;
	struct sliver_place place;
	json_t *daemons, *words, *words_tty;

	(void)peer;
	if (sliver == NULL) {
		lm_err_set(err, ENOENT, "node %s has no sliver '%.64s' (a sliver is SLICE/NAME)",
			node->conf.name, path != NULL ? path : "");
		return NULL;
	}
	if (sliver->pid == 0) {
		lm_err_set(err, EAGAIN, "%s does not run now (%s)", sliver->path,
			sliver_state_name(sliver));
		return NULL;
	}
	if (sliver_place(node, sliver->path, &place, err) < 0)
		return NULL;
	words = exec_words(&place, false, err);
	words_tty = exec_words(&place, true, err);
	daemons = json_array();
	for (unsigned int i = 0; i < sliver->spec->n_daemons; i++)
		json_array_append_new(daemons, json_string(sliver->spec->daemons[i]));
	return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o}", "container", place.id, "runc_root",
		place.runc_root, "pid", (int)sliver->pid, "daemons", daemons, "exec", words,
		"exec_tty", words_tty);
}

const struct lm_rpc_method node_methods[] = {{"node.status", node_status}, {"node.down", node_down},
	{"slice.apply", slice_apply}, {"slice.destroy", slice_destroy}, {"inspect", inspect},
	{"counters", counters}, {"sliver.locate", sliver_locate}, {NULL, NULL}};
