/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/substrate_client.h"

#include <errno.h>
#include <stdio.h>

#include "mp/cleanup.h"
#include "mp/rpc.h"
#include "slicemgr/substrate_proc.h"

#define RING_SIZE_LOG2 10

static json_t *call_within(const struct node *node, const char *method, json_t *params,
	int timeout_ms, struct lm_err *err)
{
	char path[LM_CONF_PATH_MAX + 32];
	json_t *result;

	snprintf(path, sizeof(path), "%s/substrate.sock", node->conf.rundir);
	result = lm_rpc_call(path, 0, method, params, timeout_ms, err);
	if (result == NULL)
		lm_err_context(err, "substrate");
	return result;
}

json_t *substrate_call(
	const struct node *node, const char *method, json_t *params, struct lm_err *err)
{
	return call_within(node, method, params, SUBSTRATE_CALL_MS, err);
}

bool substrate_answers(const struct node *node)
{
	struct lm_err ignored = {0};
	lm_cleanup_json json_t *status =
		call_within(node, "status", NULL, SUBSTRATE_PROBE_MS, &ignored);

	return status != NULL;
}

/* For requests whose result is {}. */
static int substrate_do(
	const struct node *node, const char *method, json_t *params, struct lm_err *err)
{
	lm_cleanup_json json_t *result = NULL;

	if (params == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	result = substrate_call(node, method, params, err);
	/* whether it did so or not nobody knows: a new one is told what there is to be */
	if (result == NULL && err->code == ETIMEDOUT)
		substrate_proc_kill(node->substrate);
	return result != NULL ? 0 : -err->code;
}

int substrate_port_add(const struct node *node, const struct lm_conf_port *port, struct lm_err *err)
{
	json_t *params = json_pack("{s:s, s:s, s:s, s:i, s:i, s:b}", "name", port->name, "devargs",
		port->devargs, "mode", port->access ? "access" : "trunk", "mtu", port->mtu, "vlan",
		port->vlan, "poll", port->poll);
	int rc = substrate_do(node, "port.add", params, err);

	if (rc < 0)
		return lm_err_context(
			err, "%s:%d: port %s", node->conf.file, port->line, port->name);
	return 0;
}

json_t *macs_to_json(const struct iface *iface)
{
	json_t *macs = json_array();

	for (unsigned int i = 0; i < iface->n_macs; i++) {
		const uint8_t *m = iface->macs[i];

		json_array_append_new(macs, json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0],
						    m[1], m[2], m[3], m[4], m[5]));
	}
	return macs;
}

static json_t *attach_to_json(const struct iface *iface)
{
	const struct lm_spec_attach *a = &iface->spec->attach;

	switch (a->kind) {
	case LM_ATTACH_PATCH:
		return json_pack("{s:s, s:s}", "kind", "patch", "link", iface->link);
	case LM_ATTACH_ACCESS:
		return json_pack("{s:s, s:s}", "kind", "access", "port", a->port);
	case LM_ATTACH_LEGACY:
		return json_pack("{s:s, s:s}", "kind", "legacy", "port", a->port);
	default:
		return json_pack("{s:s, s:s, s:i, s:I}", "kind", "trunk", "port", a->port, "type",
			a->type, "vif_id", (json_int_t)a->vif_id);
	}
}

static json_t *backend_to_json(const struct sliver *sliver, const struct iface *iface)
{
	char path[PATH_MAX + 64];

	if (iface->kernel) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)sliver->pid);
		return json_pack("{s:s, s:s, s:s}", "kind", "tap", "netns", path, "ifname",
			iface->spec->name);
	}
	snprintf(path, sizeof(path), "%s/memif/memif.sock", sliver->dir);
	return json_pack("{s:s, s:s, s:i, s:I, s:I, s:i}", "kind", "memif", "socket", path, "id",
		iface->memif_id, "uid", (json_int_t)sliver->uid_base, "gid",
		(json_int_t)sliver->uid_base, "ring_size_log2", RING_SIZE_LOG2);
}

int substrate_vif_add(const struct sliver *sliver, const struct iface *iface, struct lm_err *err)
{
	const struct lm_spec_attach *a = &iface->spec->attach;
	json_t *params = json_pack("{s:s, s:I, s:o, s:s, s:i, s:o, s:b, s:i, s:o}", "name",
		iface->vif, "slice_id", (json_int_t)sliver->slice->id, "attach",
		attach_to_json(iface), "header", a->inline_header ? "inline" : "strip", "max_words",
		a->max_words, "macs", macs_to_json(iface), "promisc", a->promisc, "mtu", iface->mtu,
		"backend", backend_to_json(sliver, iface));

	return substrate_do(sliver->node, "vif.add", params, err);
}

int substrate_vif_del(const struct node *node, const struct iface *iface, struct lm_err *err)
{
	return substrate_do(node, "vif.del", json_pack("{s:s}", "name", iface->vif), err);
}
