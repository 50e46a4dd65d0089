/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "mp/cleanup.h"

#define MTU_MIN	   68	 /* RFC 791 */
#define MTU_MAX	   16000 /* with its headers it fits a memif buffer */
#define MEMORY_MIN 16
/* Ethernet header, a customer VLAN tag, and an inline slice header of its longest common kind. */
#define FRAME_OVERHEAD 64u
#define FRAME_MIN      2048u
#define RING_LOG2_MIN  7
#define RING_LOG2_MAX  10

static int bad(struct lm_err *err, const char *what, const char *rule)
{
	return lm_err_set(err, EINVAL, "%s: %s", what, rule);
}

static int read_mac(const json_t *text, uint8_t mac[6], struct lm_err *err)
{
	const char *s = json_string_value(text);
	unsigned int v[6];
	char end;

	if (s == NULL || strlen(s) != 17 ||
		sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
			&end) != 6)
		return bad(err, "macs", "must be texts such as \"02:4c:00:00:00:01\"");
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)v[i];
	return 0;
}

static int read_interface(
	struct lm_ports *ports, const json_t *item, uint32_t *frame_max, struct lm_err *err)
{
	const char *name = json_string_value(json_object_get(item, "name"));
	const char *plane = json_string_value(json_object_get(item, "plane"));
	const json_t *list = json_object_get(item, "macs");
	json_int_t mtu = json_integer_value(json_object_get(item, "mtu"));
	json_int_t id = json_integer_value(json_object_get(item, "memif_id"));
	size_t n = json_array_size(list);
	uint8_t macs[LM_VIF_TAPS_MAX][6];
	struct lm_vif vif = {.promisc = json_is_true(json_object_get(item, "promisc"))};

	if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof(vif.name))
		return bad(err, "name", "must be a text of 1 to 15 octets");
	if (plane != NULL && strcmp(plane, "kernel") == 0)
		return 0;
	if (plane == NULL || strcmp(plane, "fp") != 0)
		return bad(err, name, "plane must be fp or kernel");
	if (mtu < MTU_MIN || mtu > MTU_MAX)
		return bad(err, name, "mtu must be from 68 to 16000");
	if (id < 0 || id > UINT16_MAX)
		return bad(err, name, "memif_id must be from 0 to 65535");
	if (n < 1 || n > LM_VIF_TAPS_MAX)
		return bad(err, name, "macs must have 1 to 16 addresses");
	for (size_t i = 0; i < n; i++)
		if (read_mac(json_array_get(list, i), macs[i], err) < 0)
			return lm_err_context(err, "%s", name);
	snprintf(vif.name, sizeof(vif.name), "%s", name);
	vif.mtu = (uint16_t)mtu;
	vif.memif_id = (uint16_t)id;
	if (vif.mtu + FRAME_OVERHEAD > *frame_max)
		*frame_max = vif.mtu + FRAME_OVERHEAD;
	return lm_ports_add(ports, &vif, (const uint8_t(*)[6])macs, (unsigned int)n, err);
}

static int read_fp(struct lm_fp_conf *conf, const json_t *fp, struct lm_err *err)
{
	const char *mode = json_string_value(json_object_get(fp, "mode"));
	json_int_t memory = json_integer_value(json_object_get(fp, "memory_mb"));
	const json_t *cpu;
	size_t i;

	if (mode == NULL || (strcmp(mode, "shared") != 0 && strcmp(mode, "dedicated") != 0))
		return bad(err, "fp.mode", "must be shared or dedicated");
	conf->dedicated = strcmp(mode, "dedicated") == 0;
	if (memory < MEMORY_MIN || memory > UINT16_MAX)
		return bad(err, "fp.memory_mb", "must be from 16 to 65535");
	conf->memory_mb = (uint32_t)memory;
	json_array_foreach (json_object_get(fp, "cpus"), i, cpu) {
		json_int_t n = json_integer_value(cpu);

		if (!json_is_integer(cpu) || n < 0 || n >= CPU_SETSIZE)
			return bad(err, "fp.cpus", "must be CPU numbers");
		CPU_SET((int)n, &conf->cpus);
	}
	return 0;
}

/* All rings together take at most a quarter of the memory, but for very small slivers. */
static uint8_t ring_size(const struct lm_fp_conf *conf, uint32_t n_vifs)
{
	uint64_t budget = (uint64_t)conf->memory_mb * 1024 * 1024 / 4;
	uint8_t log2 = RING_LOG2_MAX;

	while (log2 > RING_LOG2_MIN && ((uint64_t)2 * n_vifs * conf->frame_max << log2) > budget)
		log2--;
	return log2;
}

static int read_all(
	struct lm_fp_conf *conf, struct lm_ports *ports, const json_t *root, struct lm_err *err)
{
	const json_t *cp = json_object_get(root, "cp");
	const json_t *item;
	size_t i;
	int rc = read_fp(conf, json_object_get(root, "fp"), err);

	if (rc < 0)
		return rc;
	json_array_foreach (json_object_get(cp, "daemons"), i, item) {
		const char *name = json_string_value(item);

		if (name != NULL && strcmp(name, "zebra") == 0)
			conf->has_zebra = true;
	}
	json_array_foreach (json_object_get(root, "interfaces"), i, item) {
		rc = read_interface(ports, item, &conf->frame_max, err);
		if (rc < 0)
			return lm_err_context(err, "interfaces[%zu]", i);
	}
	return 0;
}

int lm_fp_conf_load(
	struct lm_fp_conf *conf, struct lm_ports *ports, const char *path, struct lm_err *err)
{
	json_error_t where;
	lm_cleanup_json json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

	*conf = (struct lm_fp_conf){.frame_max = FRAME_MIN};
	if (root == NULL)
		return lm_err_set(err, EINVAL, "%s:%d: %s", path, where.line, where.text);
	if (read_all(conf, ports, root, err) < 0)
		return lm_err_context(err, "%s", path);
	conf->ring_size_log2 = ring_size(conf, ports->n_vifs);
	return 0;
}
