/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mp/cleanup.h"
#include "mp/rpc.h"
#include "slicemgr/agent_call.h"
#include "slicemgr/plan.h"
#include "slicemgr/slice.h"
#include "slicemgr/sliver.h"
#include "slicemgr/sliver_json.h"
#include "slicemgr/substrate_client.h"

#define AGENT_MS      500
#define PROCESSES_MAX 16
#define TEXT_MAX      64
/* What all slivers together may report: a reply has 1 MiB, and no sliver may use up others' part */
#define REPORT_OCTETS (512 * 1024)
#define NUMBER_OCTETS 32 /* a number in JSON, with quotes, colon and comma of its key */
/* What counters are named with. */
#define PLAIN                        \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789_-./: "
#define CPUS_TEXT_MAX  (LM_CORES_MAX * 5)
#define ATTACHMENT_MAX 160

/* One request that waits for agents. */
struct gather {
	struct lm_rpc_later *later;
	json_t *reply;
	unsigned int waiting; /* one more than the agents still asked */
	unsigned int asked;   /* questions: each may fill its part of the reply */
};

/* One question to one agent. */
struct question {
	struct gather *gather;
	json_t *into; /* borrowed from gather->reply */
	char path[SLIVER_PATH_MAX];
};

static void gather_done(struct gather *g)
{
	static const struct lm_err none = {0};

	if (--g->waiting > 0)
		return;
	lm_rpc_later_answer(g->later, g->reply, &none);
	free(g);
}

static void ask(struct gather *g, const struct sliver *sliver, const char *method, json_t *params,
	json_t *into, agent_call_fn done)
{
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL) {
		json_decref(params);
		return;
	}
	q->gather = g;
	q->into = into;
	snprintf(q->path, sizeof(q->path), "%s", sliver->path);
	g->waiting++;
	g->asked++;
	if (agent_call_start(sliver->node->base, sliver->dir, sliver->uid_base, method, params,
		    AGENT_MS, done, q) == NULL) {
		free(q);
		g->waiting--; /* whoever asks holds one more, so this is not the last */
	}
}

/* A text of a sliver's, cut and in plain ASCII; anything else is null. */
static json_t *text_of(const json_t *value)
{
	const char *s = json_string_value(value);
	char plain[TEXT_MAX + 1];
	size_t n = 0;

	if (s == NULL)
		return json_null();
	for (; n < TEXT_MAX && s[n] != '\0'; n++)
		plain[n] = (char)(s[n] >= 0x20 && s[n] < 0x7f ? s[n] : '?');
	return json_stringn_nocheck(plain, n);
}

static json_t *int_of(const json_t *value)
{
	return json_integer(json_integer_value(value));
}

/* Copies what a sliver says of its processes field by field: nothing unforeseen gets through. */
static json_t *processes_of(const json_t *init)
{
	json_t *out = json_array();
	const json_t *p;
	size_t i;

	json_array_foreach (json_object_get(init, "processes"), i, p) {
		if (i == PROCESSES_MAX)
			break;
		json_array_append_new(
			out, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name",
				     text_of(json_object_get(p, "name")), "pid",
				     int_of(json_object_get(p, "pid")), "state",
				     text_of(json_object_get(p, "state")), "restarts",
				     int_of(json_object_get(p, "restarts")), "last_exit",
				     text_of(json_object_get(p, "last_exit"))));
	}
	return out;
}

static void on_status(void *ctx, json_t *result, const struct lm_err *err)
{
	struct question *q = ctx;
	const json_t *fp = json_object_get(result, "fp");
	const json_t *fpm = json_object_get(fp, "fpm");

	if (result == NULL) {
		lm_cleanup_json json_t *why = json_string(err->msg);

		/* a text that was cut inside a character is none */
		json_object_set(q->into, "agent_error", why != NULL ? why : json_null());
	}
	if (result != NULL)
		json_object_set_new(
			q->into, "processes", processes_of(json_object_get(result, "init")));
	if (json_is_object(fpm))
		json_object_set_new(q->into, "fpm",
			json_pack("{s:b, s:b, s:o, s:o}", "connected",
				json_is_true(json_object_get(fpm, "connected")), "synced",
				json_is_true(json_object_get(fpm, "synced")), "epoch",
				int_of(json_object_get(fpm, "epoch")), "routes",
				int_of(json_object_get(fpm, "routes"))));
	gather_done(q->gather);
	free(q);
}

static void on_fib(void *ctx, json_t *result, const struct lm_err *err)
{
	struct question *q = ctx;
	const json_t *total = json_object_get(result, "total");

	(void)err;
	if (json_is_object(total))
		json_object_set_new(q->into, "fib",
			json_pack("{s:o, s:o}", "ipv4", int_of(json_object_get(total, "ipv4")),
				"ipv6", int_of(json_object_get(total, "ipv6"))));
	gather_done(q->gather);
	free(q);
}

static json_t *iface_json(const struct iface *iface, uint32_t slice_id, const json_t *up)
{
	const struct lm_spec_attach *a = &iface->spec->attach;
	char attachment[ATTACHMENT_MAX];
	json_t *addresses = json_array();
	json_t *j;

	for (unsigned int i = 0; i < iface->spec->n_addrs; i++)
		json_array_append_new(addresses, json_string(iface->spec->addrs[i].text));
	plan_attachment(iface, slice_id, attachment, sizeof(attachment));
	j = json_pack("{s:s, s:s, s:o, s:i, s:o, s:s, s:s, s:s}", "name", iface->spec->name,
		"client_id", iface->spec->client_id, "macs", macs_to_json(iface), "mtu", iface->mtu,
		"addresses", addresses, "attachment", attachment, "plane",
		iface->kernel ? "kernel" : "fp", "header", a->inline_header ? "inline" : "strip");
	json_object_set_new(j, "up", json_boolean(json_is_true(up)));
	if (a->kind == LM_ATTACH_PATCH)
		json_object_set_new(j, "link", json_string(iface->link));
	else
		json_object_set_new(j, "port", json_string(a->port));
	if (a->kind == LM_ATTACH_TRUNK)
		json_object_set_new(j, "type", json_integer(a->type));
	if (a->kind == LM_ATTACH_TRUNK && a->type != LM_HDR_SLICE)
		json_object_set_new(j, "vif_id", json_integer(a->vif_id));
	return j;
}

/* "up" of vif `name` in the substrate's status. */
static const json_t *vif_up(const json_t *status, const char *name)
{
	const json_t *vif;
	size_t i;

	json_array_foreach (json_object_get(status, "vifs"), i, vif) {
		const char *n = json_string_value(json_object_get(vif, "name"));

		if (n != NULL && strcmp(n, name) == 0)
			return json_object_get(vif, "up");
	}
	return NULL;
}

static json_t *sliver_json(const struct sliver *sliver, const json_t *status)
{
	const char *name = sliver->slice->id != 0 ? sliver->spec->client_id : LEGACY_SLIVER;
	json_t *interfaces = json_array();
	char cpus[CPUS_TEXT_MAX];

	for (unsigned int i = 0; i < sliver->n_ifaces; i++)
		json_array_append_new(interfaces, iface_json(&sliver->ifaces[i], sliver->slice->id,
							  vif_up(status, sliver->ifaces[i].vif)));
	sliver_cpus_text(sliver, cpus, sizeof(cpus));
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:s, s:s, s:i, s:o}", "name", name,
		"type", sliver_type_name(sliver->spec), "state", sliver_state_name(sliver), "pid",
		(int)sliver->pid, "restarts", (int)sliver->restarts, "uptime_s",
		(json_int_t)(sliver->pid != 0 ? (node_now_ms() - sliver->started_ms) / 1000 : 0),
		"uid_base", (json_int_t)sliver->uid_base, "cpus", cpus, "mode",
		sliver->own_cores.n > 0 ? "dedicated" : "shared", "memory_mb",
		(int)sliver->memory_mb, "interfaces", interfaces);
}

static json_t *slice_json(struct gather *g, const struct slice *slice, const json_t *status)
{
	json_t *slivers = json_array();

	for (unsigned int i = 0; i < slice->n_slivers; i++) {
		const struct sliver *sliver = &slice->slivers[i];
		json_t *j = sliver_json(sliver, status);

		json_array_append_new(slivers, j);
		if (sliver->state != SLIVER_STARTING && sliver->state != SLIVER_READY)
			continue;
		ask(g, sliver, "status", NULL, j, on_status);
		if (sliver->spec->type != LM_SLIVER_VROUTER_RAW)
			ask(g, sliver, "fib", json_pack("{s:i, s:i}", "family", 4, "limit", 0), j,
				on_fib);
	}
	return json_pack("{s:s, s:I, s:s, s:s, s:i, s:o}", "name", slice->name, "id",
		(json_int_t)slice->id, "urn", slice->urn, "state", slice_state_name(slice),
		"n_slivers", (int)slice->n_slivers, "slivers", slivers);
}

static struct gather *gather_new(
	const struct node *node, const char *name, struct lm_rpc_later *later)
{
	struct gather *g = NULL;
	struct lm_err err = {0};

	if (name != NULL && node_slice(node, name) == NULL)
		lm_err_set(&err, ENOENT, "node %s has no slice '%.64s'", node->conf.name, name);
	else if ((g = calloc(1, sizeof(*g))) == NULL)
		lm_err_set(&err, ENOMEM, "out of memory");
	if (g == NULL) {
		lm_rpc_later_answer(later, NULL, &err);
		return NULL;
	}
	g->later = later;
	g->reply = json_pack("{s:s}", "node", node->conf.name);
	g->waiting = 1;
	return g;
}

void inspect_answer(struct node *node, const char *name, struct lm_rpc_later *later)
{
	struct gather *g = gather_new(node, name, later);
	const struct slice *slice;
	struct lm_err err = {0};
	json_t *status, *slices, *ports;

	if (g == NULL)
		return;
	status = substrate_call(node, "status", NULL, &err);
	if (status == NULL)
		json_object_set_new(g->reply, "substrate_error", json_string(err.msg));
	ports = json_object_get(status, "ports");
	if (name == NULL)
		json_object_set(g->reply, "ports", ports != NULL ? ports : json_null());
	slices = json_array();
	json_object_set_new(g->reply, "slices", slices);
	TAILQ_FOREACH (slice, &node->slices, next)
		if (name == NULL || strcmp(name, slice->name) == 0)
			json_array_append_new(slices, slice_json(g, slice, status));
	json_decref(status);
	gather_done(g);
}

/* "sliver_reported": {"a/r1": {interfaces, drops, punts}}, numbers only. */
static json_t *numbers_of(const json_t *object, unsigned int depth, size_t *room)
{
	json_t *out = json_object();
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		/* a name is plain ASCII, so that it is no longer in the reply than here */
		size_t len = strlen(key), octets = len + NUMBER_OCTETS;

		if (len > TEXT_MAX || strspn(key, PLAIN) != len)
			continue;
		if (octets > *room)
			break;
		*room -= octets;
		if (json_is_integer(value))
			json_object_set(out, key, value);
		else if (json_is_object(value) && depth > 0)
			json_object_set_new(out, key, numbers_of(value, depth - 1, room));
	}
	return out;
}

static void on_counters(void *ctx, json_t *result, const struct lm_err *err)
{
	struct question *q = ctx;

	(void)err;
	if (json_is_object(result)) {
		/* all were asked before the first answers */
		size_t room = REPORT_OCTETS / q->gather->asked;

		json_object_del(result, "nodes");
		json_object_set_new(q->into, q->path, numbers_of(result, 2, &room));
	}
	gather_done(q->gather);
	free(q);
}

/* Those of `vifs` whose name starts with "SLICE/". */
static json_t *vifs_of(json_t *vifs, const char *slice)
{
	json_t *out = json_object();
	size_t len = strlen(slice);
	const char *key;
	json_t *value;

	json_object_foreach (vifs, key, value)
		if (strncmp(key, slice, len) == 0 && key[len] == '/')
			json_object_set(out, key, value);
	return out;
}

void counters_answer(struct node *node, const char *name, struct lm_rpc_later *later)
{
	struct gather *g = gather_new(node, name, later);
	const struct slice *slice;
	struct lm_err err = {0};
	json_t *counters, *reported, *vifs;

	if (g == NULL)
		return;
	counters = substrate_call(node, "counters", NULL, &err);
	if (counters == NULL)
		json_object_set_new(g->reply, "substrate_error", json_string(err.msg));
	vifs = json_object_get(counters, "vifs");
	if (name != NULL)
		json_object_set_new(g->reply, "vifs", vifs_of(vifs, name));
	else
		json_object_update(g->reply, counters);
	json_decref(counters);
	reported = json_object();
	json_object_set_new(g->reply, "sliver_reported", reported);
	TAILQ_FOREACH (slice, &node->slices, next) {
		if (name != NULL && strcmp(name, slice->name) != 0)
			continue;
		for (unsigned int i = 0; i < slice->n_slivers; i++)
			if (slice->slivers[i].state == SLIVER_READY &&
				slice->slivers[i].spec->type != LM_SLIVER_VROUTER_RAW)
				ask(g, &slice->slivers[i], "counters", NULL, reported, on_counters);
	}
	gather_done(g);
}
