/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <event2/event.h>

#include "slicemgr/vmac.h"

#define PATCH_MTU 1500

/* Where the file and the line of an object are, for errors. */
#define AT "%s:%d: "

static int unknown_port(const struct node *node, const char *file, const struct lm_spec_iface *spec,
	struct lm_err *err)
{
	char names[LM_ERR_MSG_MAX / 2] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < node->conf.n_ports && len < sizeof(names) - 32; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "",
			node->conf.ports[i].name);
	return lm_err_set(err, ENOENT, AT "%s: node %s has no port '%s' (it has: %s)", file,
		spec->attach.line, spec->client_id, node->conf.name, spec->attach.port,
		node->conf.n_ports > 0 ? names : "none");
}

/* The port of an interface is there and of the right mode. */
static int check_port(const struct node *node, const char *file, const struct lm_spec_iface *spec,
	struct lm_err *err)
{
	const struct lm_spec_attach *a = &spec->attach;
	const struct lm_conf_port *port = lm_node_conf_port(&node->conf, a->port);

	if (port == NULL)
		return unknown_port(node, file, spec, err);
	if (a->kind == LM_ATTACH_ACCESS && !port->access)
		return lm_err_set(err, EINVAL,
			AT "%s: port %s is a trunk; attach to it with mode=\"trunk\"", file,
			a->line, spec->client_id, port->name);
	if (a->kind == LM_ATTACH_TRUNK && port->access)
		return lm_err_set(err, EINVAL,
			AT "%s: port %s is an access port; attach to it with mode=\"access\"", file,
			a->line, spec->client_id, port->name);
	return 0;
}

/* The largest payload that fits where the interface goes. */
static int choose_mtu(
	const struct node *node, const char *file, struct iface *iface, struct lm_err *err)
{
	const struct lm_spec_attach *a = &iface->spec->attach;
	const struct lm_conf_port *port = lm_node_conf_port(&node->conf, a->port);
	unsigned int room = PATCH_MTU;

	if (a->kind == LM_ATTACH_PATCH && a->mtu != 0)
		room = a->mtu;
	if (a->kind != LM_ATTACH_PATCH)
		room = port->mtu - MIN((unsigned int)port->mtu, lm_attach_header_octets(a));
	if (room < LM_MTU_MIN)
		return lm_err_set(err, EINVAL,
			AT "%s: port %s leaves %u octets behind the slice header, %d are needed",
			file, a->line, iface->spec->client_id, a->port, room, LM_MTU_MIN);
	if (a->mtu > room)
		return lm_err_set(err, EINVAL,
			AT "%s: mtu %u is more than the %u that port %s leaves", file, a->line,
			iface->spec->client_id, a->mtu, room, a->port);
	iface->mtu = (uint16_t)(a->mtu != 0 ? a->mtu : room);
	return 0;
}

static int plan_iface(struct sliver *sliver, const char *file, unsigned int idx,
	const struct lm_spec *spec, struct lm_err *err)
{
	const struct slice *slice = sliver->slice;
	struct iface *iface = &sliver->ifaces[idx];
	const struct lm_spec_attach *a = &sliver->spec->ifaces[idx].attach;
	int rc = 0;

	iface->spec = &sliver->spec->ifaces[idx];
	iface->kernel = sliver->spec->type == LM_SLIVER_VROUTER_RAW;
	iface->memif_id = (uint16_t)idx;
	snprintf(iface->vif, sizeof(iface->vif), "%s/%s", sliver->path, iface->spec->name);
	if (a->kind == LM_ATTACH_PATCH)
		snprintf(iface->link, sizeof(iface->link), "%s/%s", slice->name,
			spec->links[iface->spec->link].client_id);
	else
		rc = check_port(sliver->node, file, iface->spec, err);
	return rc < 0 ? rc : choose_mtu(sliver->node, file, iface, err);
}

static int plan_sliver(struct slice *slice, unsigned int idx, const struct lm_spec_node *spec,
	const char *name, struct lm_err *err)
{
	struct sliver *sliver = &slice->slivers[idx];
	const char *file = slice->spec.file != NULL ? slice->spec.file : slice->node->conf.file;
	int rc = 0;

	sliver->node = slice->node;
	sliver->slice = slice;
	sliver->spec = spec;
	sliver->pidfd = -1;
	sliver->memory_mb = spec->memory_mb + SLIVER_OVERHEAD_MB;
	sliver->n_ifaces = spec->n_ifaces;
	snprintf(sliver->path, sizeof(sliver->path), "%s/%s", slice->name, name);
	if (snprintf(sliver->dir, sizeof(sliver->dir), "%s/s/%s", slice->node->conf.rundir,
		    sliver->path) >= (int)sizeof(sliver->dir))
		return lm_err_set(
			err, ENAMETOOLONG, "%s: its directory's path is too long", sliver->path);
	sliver->ifaces = calloc(spec->n_ifaces + 1, sizeof(*sliver->ifaces));
	if (sliver->ifaces == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	for (unsigned int i = 0; rc == 0 && i < spec->n_ifaces; i++)
		rc = plan_iface(sliver, file, i, &slice->spec, err);
	return rc;
}

/* A vlink's MTU is the least of its ends', else OSPF stops in ExStart. */
static void even_out_mtus(struct slice *slice)
{
	for (unsigned int l = 0; l < slice->spec.n_links; l++) {
		uint16_t least = UINT16_MAX;

		for (int pass = 0; pass < 2; pass++) {
			for (unsigned int s = 0; s < slice->n_slivers; s++) {
				struct sliver *sliver = &slice->slivers[s];

				for (unsigned int i = 0; i < sliver->n_ifaces; i++) {
					struct iface *iface = &sliver->ifaces[i];

					if (iface->spec->link != (int)l)
						continue;
					if (pass == 0)
						least = MIN(least, iface->mtu);
					else
						iface->mtu = least;
				}
			}
		}
	}
}

static void choose_macs(struct slice *slice)
{
	unsigned int at = 0;

	for (unsigned int n = 0; n < slice->spec.n_nodes; n++) {
		struct sliver *sliver;

		if (!slice->spec.nodes[n].here)
			continue;
		sliver = &slice->slivers[at++];
		for (unsigned int i = 0; i < sliver->n_ifaces; i++)
			sliver->ifaces[i].n_macs =
				vmac_of(&slice->spec, slice->id, n, i, sliver->ifaces[i].macs);
	}
}

/* The first id of the local range that no slice has. */
static uint32_t local_id(const struct node *node)
{
	const struct slice *slice;
	uint32_t id = 0x80000000U;
	bool taken;

	do {
		taken = false;
		TAILQ_FOREACH (slice, &node->slices, next)
			taken |= slice->id == id;
		id += taken;
	} while (taken);
	return id;
}

static int plan_names(struct slice *slice, const char *name, struct lm_err *err)
{
	const char *file = slice->spec.file;

	if (name == NULL)
		name = slice->spec.slice_name;
	if (name[0] == '\0')
		return lm_err_set(err, EINVAL,
			"%s: the request names no slice; say apply --slice NAME", file);
	if (!lm_slice_name_ok(name))
		return lm_err_set(err, EINVAL,
			"slice name '%.64s': 1 to 19 letters, digits and '-', please", name);
	if (strcmp(name, LEGACY_SLICE) == 0)
		return lm_err_set(err, EINVAL,
			"%s: the name '%s' is the legacy router's; choose another", file, name);
	snprintf(slice->name, sizeof(slice->name), "%s", name);
	snprintf(slice->urn, sizeof(slice->urn), "%s", slice->spec.slice_urn);
	slice->id = slice->spec.slice_id != 0 ? slice->spec.slice_id : local_id(slice->node);
	return 0;
}

static struct slice *slice_alloc(struct node *node, unsigned int n_slivers, struct lm_err *err)
{
	struct slice *slice = calloc(1, sizeof(*slice));

	if (slice != NULL)
		slice->slivers = calloc(n_slivers + 1, sizeof(*slice->slivers));
	if (slice == NULL || slice->slivers == NULL) {
		free(slice);
		lm_err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	slice->node = node;
	slice->n_slivers = n_slivers;
	return slice;
}

struct slice *plan_slice(
	struct node *node, struct lm_spec *spec, const char *slice_name, struct lm_err *err)
{
	unsigned int n_here = 0, at = 0;
	struct slice *slice;
	int rc;

	for (unsigned int i = 0; i < spec->n_nodes; i++)
		n_here += spec->nodes[i].here;
	slice = slice_alloc(node, n_here, err);
	if (slice == NULL) {
		lm_spec_free(spec);
		return NULL;
	}
	slice->spec = *spec;
	memset(spec, 0, sizeof(*spec));
	rc = plan_names(slice, slice_name, err);
	if (rc == 0 && n_here == 0)
		rc = lm_err_set(err, ENOENT, "%s: no node of the request is for Lamina node %s",
			slice->spec.file, node->conf.name);
	for (unsigned int i = 0; rc == 0 && i < slice->spec.n_nodes; i++)
		if (slice->spec.nodes[i].here)
			rc = plan_sliver(slice, at++, &slice->spec.nodes[i],
				slice->spec.nodes[i].client_id, err);
	if (rc < 0) {
		slice_free(slice);
		return NULL;
	}
	even_out_mtus(slice);
	choose_macs(slice);
	return slice;
}

struct slice *plan_legacy(struct node *node, struct lm_err *err)
{
	struct slice *slice = slice_alloc(node, 1, err);

	if (slice == NULL)
		return NULL;
	snprintf(slice->name, sizeof(slice->name), "%s", LEGACY_SLICE);
	if (plan_sliver(slice, 0, &node->conf.legacy, LEGACY_SLIVER, err) < 0) {
		slice_free(slice);
		return NULL;
	}
	for (unsigned int i = 0; i < slice->slivers[0].n_ifaces; i++) {
		struct iface *iface = &slice->slivers[0].ifaces[i];

		/* two nodes on one wire must differ: their name takes part */
		iface->n_macs = 1;
		vmac_make(node->conf.name, 0, LEGACY_SLIVER, iface->spec->name, i, iface->macs[0]);
		if (iface->spec->n_macs > 0) {
			iface->n_macs = iface->spec->n_macs;
			memcpy(iface->macs, iface->spec->macs, sizeof(iface->macs));
		}
	}
	return slice;
}

void slice_free(struct slice *slice)
{
	if (slice == NULL)
		return;
	for (unsigned int i = 0; i < slice->n_slivers; i++)
		free(slice->slivers[i].ifaces);
	free(slice->slivers);
	if (slice->step != NULL)
		event_free(slice->step);
	lm_spec_free(&slice->spec);
	free(slice);
}

void plan_attachment(const struct iface *iface, uint32_t slice_id, char *text, size_t size)
{
	const struct lm_spec_attach *a = &iface->spec->attach;

	switch (a->kind) {
	case LM_ATTACH_PATCH:
		snprintf(text, size, "patch %s", iface->link);
		break;
	case LM_ATTACH_ACCESS:
		snprintf(text, size, "access %s", a->port);
		break;
	case LM_ATTACH_LEGACY:
		snprintf(text, size, "legacy %s", a->port);
		break;
	default:
		if (a->type == LM_HDR_SLICE)
			snprintf(text, size, "trunk %s, slice %u", a->port, slice_id);
		else
			snprintf(text, size, "trunk %s, slice %u, vif %u, type %u", a->port,
				slice_id, a->vif_id, a->type);
	}
}
