/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/sliver_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "slicemgr/substrate_client.h"

const char *sliver_type_name(const struct lm_spec_node *spec)
{
	switch (spec->type) {
	case LM_SLIVER_VROUTER_RAW:
		return "vrouter-raw";
	case LM_SLIVER_LEGACY:
		return "legacy";
	default:
		return "vrouter";
	}
}

static json_t *iface_to_json(const struct iface *iface)
{
	json_t *addresses = json_array();

	for (unsigned int i = 0; i < iface->spec->n_addrs; i++)
		json_array_append_new(addresses, json_string(iface->spec->addrs[i].text));
	return json_pack("{s:s, s:s, s:o, s:i, s:s, s:s, s:i, s:b, s:o}", "name", iface->spec->name,
		"client_id", iface->spec->client_id, "macs", macs_to_json(iface), "mtu", iface->mtu,
		"plane", iface->kernel ? "kernel" : "fp", "header",
		iface->spec->attach.inline_header ? "inline" : "strip", "memif_id", iface->memif_id,
		"promisc", iface->spec->attach.promisc, "addresses", addresses);
}

json_t *sliver_to_json(const struct sliver *sliver, const struct lm_cores *cpus)
{
	const struct lm_spec_node *spec = sliver->spec;
	json_t *cpu_ids = json_array(), *daemons = json_array(), *interfaces = json_array();
	const char *name = sliver->slice->id != 0 ? spec->client_id : LEGACY_SLIVER;

	for (unsigned int i = 0; i < cpus->n; i++)
		json_array_append_new(cpu_ids, json_integer(cpus->ids[i]));
	for (unsigned int i = 0; i < spec->n_daemons; i++)
		json_array_append_new(daemons, json_string(spec->daemons[i]));
	for (unsigned int i = 0; i < sliver->n_ifaces; i++)
		json_array_append_new(interfaces, iface_to_json(&sliver->ifaces[i]));
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:{s:o, s:s, s:i}, s:{s:o, s:s}, s:o}", "node",
		sliver->node->conf.name, "slice", sliver->slice->name, "sliver", name, "slice_id",
		(json_int_t)sliver->slice->id, "type", sliver_type_name(spec), "fp", "cpus",
		cpu_ids, "mode", spec->mode == LM_FP_DEDICATED ? "dedicated" : "shared",
		"memory_mb", (int)spec->memory_mb, "cp", "daemons", daemons, "config",
		spec->config != NULL ? spec->config : "", "interfaces", interfaces);
}

int sliver_json_write(const struct sliver *sliver, const struct lm_cores *cpus, struct lm_err *err)
{
	lm_cleanup_json json_t *json = sliver_to_json(sliver, cpus);
	lm_cleanup_file FILE *f = NULL;
	char path[PATH_MAX + 32];
	int fd;

	if (json == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "%s/conf/sliver.json", sliver->dir);
	/* a sliver that ran before holds the old file: never write into that */
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0440);
	if (fd < 0)
		return lm_err_errno(err, errno, "%s", path);
	f = fdopen(fd, "w");
	if (f == NULL) {
		close(fd);
		return lm_err_set(err, ENOMEM, "out of memory");
	}
	if (fchown(fd, sliver->uid_base, sliver->uid_base) < 0 ||
		json_dumpf(json, f, JSON_INDENT(1)) < 0 || fputc('\n', f) < 0 || fflush(f) != 0)
		return lm_err_errno(err, errno, "%s", path);
	return 0;
}
