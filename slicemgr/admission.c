/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/admission.h"

#include <errno.h>
#include <string.h>

static bool has_core(const struct lm_cores *cores, uint16_t id)
{
	for (unsigned int i = 0; i < cores->n; i++)
		if (cores->ids[i] == id)
			return true;
	return false;
}

static bool is_dedicated(const struct slice *slice, uint16_t id)
{
	for (unsigned int i = 0; i < slice->n_slivers; i++)
		if (has_core(&slice->slivers[i].own_cores, id))
			return true;
	return false;
}

/* Sliver cores dedicated to no sliver of the node's slices, nor of `extra` (may be NULL). */
static struct lm_cores free_cores(const struct node *node, const struct slice *extra)
{
	struct lm_cores left = {0};
	const struct slice *slice;

	for (unsigned int i = 0; i < node->conf.sliver_cores.n; i++) {
		uint16_t id = node->conf.sliver_cores.ids[i];
		bool taken = extra != NULL && is_dedicated(extra, id);

		TAILQ_FOREACH (slice, &node->slices, next)
			taken |= is_dedicated(slice, id);
		if (!taken)
			left.ids[left.n++] = id;
	}
	return left;
}

struct lm_cores admission_shared_cores(const struct node *node)
{
	return free_cores(node, NULL);
}

/* Two requests for the same slice, or two slices that want the same id. */
static int check_identity(const struct slice *slice, struct lm_err *err)
{
	const struct slice *other = node_slice(slice->node, slice->name);
	const char *file = slice->spec.file;

	if (other != NULL && strcmp(other->urn, slice->urn) != 0)
		return lm_err_set(err, EEXIST,
			"%s: the name '%s' is held by another slice (%s); choose one with --slice",
			file, slice->name, other->urn[0] != '\0' ? other->urn : "without URN");
	if (other != NULL)
		return lm_err_set(err, EEXIST,
			"%s: slice %s is on this node already; end it first: lamina destroy %s",
			file, slice->name, slice->name);
	TAILQ_FOREACH (other, &slice->node->slices, next)
		if (other->id == slice->id)
			return lm_err_set(err, EEXIST,
				"%s:%d: slice id %u is held by slice %s%s%s%s", file,
				slice->spec.slice_line, slice->id, other->name,
				other->urn[0] != '\0' ? " (" : "", other->urn,
				other->urn[0] != '\0' ? ")" : "");
	return 0;
}

/*
 * An access port has one vif. On trunks nobody can collide: the key holds the slice's id, which is
 * one slice's alone, and within a request the parser refuses equal keys.
 */
static int check_access(const struct slice *slice, const struct iface *iface,
	const struct slice *other, struct lm_err *err)
{
	const struct lm_spec_attach *a = &iface->spec->attach;

	for (unsigned int s = 0; s < other->n_slivers; s++)
		for (unsigned int i = 0; i < other->slivers[s].n_ifaces; i++) {
			const struct iface *b = &other->slivers[s].ifaces[i];

			if (b->spec->attach.kind == LM_ATTACH_ACCESS &&
				strcmp(a->port, b->spec->attach.port) == 0)
				return lm_err_set(err, EEXIST,
					"%s:%d: %s: access port %s is taken by %s; an access port "
					"has one vif",
					slice->spec.file, a->line, iface->spec->client_id, a->port,
					b->vif);
		}
	return 0;
}

static int check_attachments(const struct slice *slice, struct lm_err *err)
{
	const struct slice *other;

	for (unsigned int s = 0; s < slice->n_slivers; s++)
		for (unsigned int i = 0; i < slice->slivers[s].n_ifaces; i++) {
			const struct iface *iface = &slice->slivers[s].ifaces[i];
			int rc = 0;

			if (iface->spec->attach.kind != LM_ATTACH_ACCESS)
				continue;
			TAILQ_FOREACH (other, &slice->node->slices, next)
				if (rc == 0)
					rc = check_access(slice, iface, other, err);
			if (rc < 0)
				return rc;
		}
	return 0;
}

static int check_amounts(const struct slice *slice, struct lm_err *err)
{
	const struct lm_node_conf *conf = &slice->node->conf;
	unsigned int n = slice->n_slivers, memory_mb = 0, wanted_mb = 0;
	const struct slice *other;

	TAILQ_FOREACH (other, &slice->node->slices, next) {
		n += other->id != 0 ? other->n_slivers : 0;
		for (unsigned int i = 0; other->id != 0 && i < other->n_slivers; i++)
			memory_mb += other->slivers[i].memory_mb;
	}
	if (n > conf->max_slivers)
		return lm_err_set(err, ENOSPC,
			"%s: %u slivers asked for, node %s has room for %u more (at most %u)",
			slice->spec.file, slice->n_slivers, conf->name,
			conf->max_slivers - (n - slice->n_slivers), conf->max_slivers);
	for (unsigned int i = 0; i < slice->n_slivers; i++) {
		const struct sliver *sliver = &slice->slivers[i];

		wanted_mb += sliver->memory_mb;
		if (memory_mb + wanted_mb > conf->sliver_memory_mb)
			return lm_err_set(err, ENOSPC,
				"%s:%d: %s: memory_mb=\"%u\" and %d MB for its processes do not "
				"fit: %u of node %s's %u MB are free",
				slice->spec.file, sliver->spec->fp_line, sliver->spec->client_id,
				sliver->spec->memory_mb, SLIVER_OVERHEAD_MB,
				conf->sliver_memory_mb -
					(memory_mb + wanted_mb - sliver->memory_mb),
				conf->name, conf->sliver_memory_mb);
	}
	return 0;
}

/* Dedicated cores come from the end of the list; one always stays for all that is shared. */
static int give_cores(struct slice *slice, struct sliver *sliver, struct lm_err *err)
{
	const struct lm_spec_node *spec = sliver->spec;
	const struct lm_node_conf *conf = &slice->node->conf;
	struct lm_cores left = free_cores(slice->node, slice);
	unsigned int have = spec->mode == LM_FP_DEDICATED ? left.n - (left.n > 0) : left.n;

	if (spec->type == LM_SLIVER_VROUTER_RAW)
		return 0;
	if (spec->cores > have)
		return lm_err_set(err, ENOSPC,
			"%s:%d: %s: %u %s core%s asked for, node %s has %u%s", slice->spec.file,
			spec->fp_line, spec->client_id, spec->cores,
			spec->mode == LM_FP_DEDICATED ? "dedicated" : "shared",
			spec->cores > 1 ? "s" : "", conf->name, have,
			spec->mode == LM_FP_DEDICATED ? " left to give (one stays shared)" : "");
	for (unsigned int i = 0; spec->mode == LM_FP_DEDICATED && i < spec->cores; i++)
		sliver->own_cores.ids[sliver->own_cores.n++] = left.ids[left.n - spec->cores + i];
	return 0;
}

int admission_check(struct slice *slice, struct lm_err *err)
{
	int rc = check_identity(slice, err);

	if (rc == 0)
		rc = check_attachments(slice, err);
	if (rc == 0)
		rc = check_amounts(slice, err);
	for (unsigned int i = 0; rc == 0 && i < slice->n_slivers; i++)
		rc = give_cores(slice, &slice->slivers[i], err);
	return rc;
}
