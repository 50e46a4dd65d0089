/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>

#include "mp/log.h"
#include "mp/rpc.h"
#include "slicemgr/manifest.h"
#include "slicemgr/node.h"
#include "slicemgr/plan.h"
#include "slicemgr/sliver.h"

#define URN_TEXT_MAX 160

static bool all_in(const struct slice *slice, enum sliver_state state)
{
	for (unsigned int i = 0; i < slice->n_slivers; i++)
		if (slice->slivers[i].state != state)
			return false;
	return true;
}

static void answer(struct slice *slice, json_t *result, const struct lm_err *err)
{
	struct lm_rpc_later *later = slice->later;

	slice->later = NULL;
	if (later != NULL)
		lm_rpc_later_answer(later, result, err);
	else
		json_decref(result);
}

static void next_step(struct slice *slice)
{
	struct timeval now = {0};

	event_add(slice->step, &now);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct slice *slice = arg;
	struct sliver *sliver = &slice->slivers[slice->n_started];
	struct lm_err err = {0};

	(void)fd;
	(void)what;
	if (slice->state != SLICE_APPLYING || slice->n_started == slice->n_slivers)
		return;
	slice->n_started++;
	if (sliver_start(sliver, &err) < 0) {
		slice_sliver_failed(sliver, &err);
		return;
	}
	if (slice->n_started < slice->n_slivers)
		next_step(slice);
}

void slice_begin(struct slice *slice)
{
	bool dedicated = false;

	for (unsigned int i = 0; i < slice->n_slivers; i++)
		dedicated |= slice->slivers[i].own_cores.n > 0;
	slice->state = SLICE_APPLYING;
	TAILQ_INSERT_TAIL(&slice->node->slices, slice, next);
	if (dedicated)
		slivers_update_cores(slice->node);
	slice->step = event_new(slice->node->base, -1, 0, on_step, slice);
	if (slice->step == NULL) {
		lm_err_set(&slice->err, ENOMEM, "out of memory");
		slice->failed = true;
		slice_end(slice, true);
		return;
	}
	next_step(slice);
}

void slice_sliver_ready(struct slice *slice)
{
	struct lm_err err = {0};
	json_t *result;

	if (slice->state != SLICE_APPLYING || !all_in(slice, SLIVER_READY))
		return;
	slice->state = SLICE_READY;
	lm_info("slice %s is ready", slice->name);
	result = slice->id != 0 ? slice_manifest(slice, &err) : json_object();
	answer(slice, result, &err);
	node_slice_ready(slice);
}

void slice_sliver_failed(struct sliver *sliver, const struct lm_err *err)
{
	struct slice *slice = sliver->slice;

	if (slice->state != SLICE_APPLYING || slice->failed)
		return;
	slice->failed = true;
	slice->err = *err;
	lm_error("%s", err->msg);
	slice_end(slice, true);
}

void slice_note(struct slice *slice, const struct lm_err *err)
{
	if (slice->failed)
		return;
	slice->failed = true;
	slice->err = *err;
}

void slice_end(struct slice *slice, bool quick)
{
	/* a sliver that ends at once may free the slice: look at nothing of it afterwards */
	unsigned int n = slice->n_slivers;

	slice->state = SLICE_ENDING;
	for (unsigned int i = 0; i < n; i++) {
		bool last = i + 1 == n;

		sliver_stop(&slice->slivers[i], quick);
		if (last)
			return;
	}
}

void slice_sliver_gone(struct slice *slice)
{
	struct node *node = slice->node;
	struct lm_err err = slice->err;
	bool failed = slice->failed, legacy = slice->id == 0, dedicated = false;

	if (!all_in(slice, SLIVER_GONE))
		return;
	for (unsigned int i = 0; i < slice->n_slivers; i++)
		dedicated |= slice->slivers[i].own_cores.n > 0;
	TAILQ_REMOVE(&node->slices, slice, next);
	lm_info("slice %s is gone", slice->name);
	answer(slice, failed ? NULL : json_object(), &err);
	slice_free(slice);
	if (dedicated)
		slivers_update_cores(node);
	node_slice_gone(node, legacy && failed ? &err : NULL);
}

static json_t *warnings_of(const struct lm_spec *spec)
{
	json_t *warnings = json_array();

	for (unsigned int i = 0; i < spec->n_warnings; i++)
		json_array_append_new(warnings, json_string(spec->warnings[i]));
	return warnings;
}

/* What each interface of a sliver got; NULL: out of memory. */
static struct lm_given_iface *given_ifaces(const struct sliver *sliver)
{
	struct lm_given_iface *given = calloc(sliver->n_ifaces + 1, sizeof(*given));

	for (unsigned int i = 0; given != NULL && i < sliver->n_ifaces; i++) {
		given[i].n_macs = sliver->ifaces[i].n_macs;
		given[i].mtu = sliver->ifaces[i].mtu;
		memcpy(given[i].macs, sliver->ifaces[i].macs, sizeof(given[i].macs));
	}
	return given;
}

json_t *slice_manifest(const struct slice *slice, struct lm_err *err)
{
	const struct lm_spec *spec = &slice->spec;
	struct lm_given_sliver *slivers = calloc(spec->n_nodes + 1, sizeof(*slivers));
	char(*urns)[URN_TEXT_MAX] = calloc(spec->n_nodes + 1, sizeof(*urns));
	struct lm_given given = {.node = slice->node->conf.name,
		.slice_name = slice->name,
		.slice_urn = slice->urn[0] != '\0' ? slice->urn : NULL,
		.slice_id = slice->id,
		.slivers = slivers};
	char *text = NULL;
	unsigned int at = 0;
	json_t *result = NULL;

	for (unsigned int i = 0; slivers != NULL && urns != NULL && i < spec->n_nodes; i++) {
		if (!spec->nodes[i].here)
			continue;
		snprintf(urns[i], sizeof(urns[i]), "urn:publicid:IDN+lamina+sliver+%s:%s:%s",
			slice->node->conf.name, slice->name, spec->nodes[i].client_id);
		slivers[i].sliver_urn = urns[i];
		slivers[i].ifaces = given_ifaces(&slice->slivers[at++]);
	}
	if (slivers != NULL && urns != NULL && lm_manifest_write(spec, &given, &text, err) == 0)
		result = json_pack("{s:s, s:s, s:o}", "slice", slice->name, "manifest", text,
			"warnings", warnings_of(spec));
	if (result == NULL && err->code == 0)
		lm_err_set(err, ENOMEM, "out of memory");
	for (unsigned int i = 0; slivers != NULL && i < spec->n_nodes; i++)
		free((void *)(uintptr_t)slivers[i].ifaces);
	free(slivers);
	free(urns);
	free(text);
	return result;
}

const char *slice_state_name(const struct slice *slice)
{
	static const char *const names[] = {"applying", "ready", "ending"};

	return names[slice->state];
}
