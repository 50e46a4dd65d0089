/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/node_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slicemgr/node_config_legacy.h"
#include "slicemgr/spec_parts.h"
#include "slicemgr/xml_schema.h"

#define CONFIG_PAGE	    "docs/node-config.md"
#define CONFIG_BYTES_MAX    (1024 * 1024)
#define CORE_ID_MAX	    1023
#define SUBSTRATE_MEMORY_MB 128
#define SLIVERS_MAX_DEFAULT 64
#define SLIVERS_MEMORY_MB   4096
#define MEMORY_MAX_MB	    (16 * 1024 * 1024)
#define PORT_MTU_DEFAULT    1500
#define ETHERTYPE_MIN	    0x0600
#define VLAN_MAX	    4094

/* One "N" or "N-M" into a sorted set. */
static bool cores_range(const char *text, size_t len, bool *set)
{
	unsigned first = 0, last = 0;
	char range[16], dash;
	int n, used = 0;

	if (len == 0 || len >= sizeof(range) || strspn(text, "0123456789-") < len)
		return false;
	memcpy(range, text, len);
	range[len] = '\0';
	n = sscanf(range, "%4u%c%4u%n", &first, &dash, &last, &used);
	if (n == 1 && strchr(range, '-') == NULL)
		last = first;
	else if (n != 3 || dash != '-' || range[used] != '\0')
		return false;
	if (first > last || last > CORE_ID_MAX)
		return false;
	for (; first <= last; first++)
		set[first] = true;
	return true;
}

static int cores_parse(
	const struct xml_in *in, xmlNode *el, const char *text, struct lm_cores *cores)
{
	bool set[CORE_ID_MAX + 1] = {false};
	const char *at = text;
	unsigned id;
	size_t len;

	for (;;) {
		len = strcspn(at, ",");
		if (!cores_range(at, len, set))
			return xml_err(in, el, EINVAL,
				"<%s> cores=\"%.64s\": give core numbers as \"0-1,3\"",
				(const char *)el->name, text);
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	cores->n = 0;
	for (id = 0; id <= CORE_ID_MAX; id++) {
		if (!set[id])
			continue;
		if (cores->n == LM_CORES_MAX)
			return xml_err(in, el, E2BIG, "<%s> has more than %d cores",
				(const char *)el->name, LM_CORES_MAX);
		cores->ids[cores->n++] = (uint16_t)id;
	}
	return 0;
}

/* An absolute path that fits; `*out` stays when the attribute is absent. */
static int path_parse(
	const struct xml_in *in, xmlNode *el, const char *name, char out[LM_CONF_PATH_MAX])
{
	const char *path = xml_attr(el, name);

	if (path == NULL)
		return 0;
	if (path[0] != '/' || strlen(path) >= LM_CONF_PATH_MAX || strstr(path, "/../") != NULL)
		return xml_err(in, el, EINVAL,
			"<node> %s=\"%.64s\": give an absolute path without \"..\" of at most %d "
			"octets",
			name, path, LM_CONF_PATH_MAX - 1);
	snprintf(out, LM_CONF_PATH_MAX, "%s", path);
	return 0;
}

static int ethertype_parse(const struct xml_in *in, xmlNode *el, uint16_t *out)
{
	/* types that ordinary traffic on the same ports needs */
	static const uint16_t taken[] = {0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x8847, 0x8848};
	const char *text = xml_attr(el, "slice-ethertype");
	unsigned long value;
	unsigned i;
	char *end;

	if (text == NULL)
		return 0;
	value = strtoul(text, &end, 16);
	if (strncmp(text, "0x", 2) != 0 || strlen(text) > 6 || *end != '\0' ||
		value < ETHERTYPE_MIN || value > UINT16_MAX)
		return xml_err(in, el, EINVAL,
			"<node> slice-ethertype=\"%.32s\": give a number 0x0600 to 0xffff", text);
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (value == taken[i])
			return xml_err(in, el, EINVAL,
				"<node> slice-ethertype=\"%s\" is another protocol's: 0x88b5 and "
				"0x88b6 are for local use",
				text);
	*out = (uint16_t)value;
	return 0;
}

static int once(const struct xml_in *in, const xmlNode *el, int first_line)
{
	if (first_line == 0)
		return 0;
	return xml_err(in, el, EINVAL, "a second <%s>; the first is in line %d",
		(const char *)el->name, first_line);
}

static int substrate_parse(const struct xml_in *in, xmlNode *el, struct lm_node_conf *conf)
{
	uint64_t memory_mb = conf->substrate_memory_mb;
	const char *cores = xml_attr(el, "cores"), *mode = xml_attr(el, "mode");
	int rc = once(in, el, conf->substrate_line);

	conf->substrate_line = xml_line(el);
	if (rc == 0 && cores != NULL)
		rc = cores_parse(in, el, cores, &conf->substrate_cores);
	if (rc == 0)
		rc = xml_attr_uint(in, el, "memory-mb", 32, MEMORY_MAX_MB, &memory_mb);
	if (rc == 0)
		rc = xml_attr_bool(in, el, "hugepages", &conf->hugepages);
	conf->substrate_memory_mb = (unsigned)memory_mb;
	conf->substrate_poll = mode != NULL && strcmp(mode, "poll") == 0;
	return rc;
}

static int slivers_parse(const struct xml_in *in, xmlNode *el, struct lm_node_conf *conf)
{
	uint64_t max = conf->max_slivers, memory_mb = conf->sliver_memory_mb;
	const char *cores = xml_attr(el, "cores");
	int rc = once(in, el, conf->slivers_line);

	conf->slivers_line = xml_line(el);
	if (rc == 0 && cores != NULL)
		rc = cores_parse(in, el, cores, &conf->sliver_cores);
	if (rc == 0)
		rc = xml_attr_uint(in, el, "max", 1, LM_SLIVERS_MAX, &max);
	if (rc == 0)
		rc = xml_attr_uint(in, el, "memory-mb", 64, MEMORY_MAX_MB, &memory_mb);
	conf->max_slivers = (unsigned)max;
	conf->sliver_memory_mb = (unsigned)memory_mb;
	return rc;
}

/* Two ports cannot be one device: compare up to the first comma. */
static bool same_device(const char *a, const char *b)
{
	size_t len = strcspn(a, ",");

	return len == strcspn(b, ",") && memcmp(a, b, len) == 0;
}

static int port_names(const struct xml_in *in, xmlNode *el, const struct lm_node_conf *conf,
	struct lm_conf_port *port)
{
	const char *name = xml_attr(el, "name"), *devargs = xml_attr(el, "devargs");
	unsigned i;

	if (name == NULL || !lm_node_name_ok(name))
		return xml_err(in, el, EINVAL,
			"<port> name=\"%.32s\": give 1-15 of a-z, 0-9 and '-', first no '-'",
			name != NULL ? name : "");
	if (devargs == NULL || *devargs == '\0' || strlen(devargs) >= LM_CONF_ARGS_MAX ||
		strpbrk(devargs, " \t\r\n") != NULL)
		return xml_err(in, el, EINVAL,
			"port '%s': devargs must be 1 to %d octets without blanks, as "
			"net_af_packet_%s,iface=eth0 or 0000:01:00.0",
			name, LM_CONF_ARGS_MAX - 1, name);
	for (i = 0; i < conf->n_ports; i++) {
		if (strcmp(conf->ports[i].name, name) == 0)
			return xml_err(in, el, EINVAL, "port '%s' is already in line %d", name,
				conf->ports[i].line);
		if (same_device(conf->ports[i].devargs, devargs))
			return xml_err(in, el, EINVAL,
				"port '%s' has the device '%.*s' of port '%s' in line %d", name,
				(int)strcspn(devargs, ","), devargs, conf->ports[i].name,
				conf->ports[i].line);
	}
	snprintf(port->name, sizeof(port->name), "%s", name);
	snprintf(port->devargs, sizeof(port->devargs), "%s", devargs);
	return 0;
}

static int port_parse(const struct xml_in *in, xmlNode *el, struct lm_node_conf *conf)
{
	uint64_t mtu = PORT_MTU_DEFAULT, vlan = 0;
	const char *mode = xml_attr(el, "mode");
	struct lm_conf_port *room, *port;
	int rc;

	if (conf->n_ports == LM_CONF_PORTS_MAX)
		return xml_err(in, el, E2BIG, "more than %d ports", LM_CONF_PORTS_MAX);
	room = spec_grow(conf->ports, conf->n_ports, sizeof(*room));
	if (room == NULL)
		return xml_err(in, el, ENOMEM, "out of memory");
	conf->ports = room;
	port = &conf->ports[conf->n_ports];
	port->line = xml_line(el);
	rc = port_names(in, el, conf, port);
	conf->n_ports++;
	if (rc == 0)
		rc = xml_attr_uint(in, el, "mtu", LM_MTU_MIN, LM_MTU_MAX, &mtu);
	if (rc == 0)
		rc = xml_attr_uint(in, el, "vlan", 0, VLAN_MAX, &vlan);
	if (rc == 0)
		rc = xml_attr_bool(in, el, "poll", &port->poll);
	port->access = mode != NULL && strcmp(mode, "access") == 0;
	port->mtu = (uint16_t)mtu;
	port->vlan = (uint16_t)vlan;
	return rc;
}

static int node_attrs(const struct xml_in *in, xmlNode *root, struct lm_node_conf *conf)
{
	const char *name = xml_attr(root, "name");
	int rc;

	if (name == NULL || !lm_node_name_ok(name))
		return xml_err(in, root, EINVAL,
			"<node> name=\"%.32s\": give 1-15 of a-z, 0-9 and '-', first no '-'",
			name != NULL ? name : "");
	snprintf(conf->name, sizeof(conf->name), "%s", name);
	snprintf(conf->rundir, sizeof(conf->rundir), "/run/lamina/%s", name);
	rc = path_parse(in, root, "netns", conf->netns);
	if (rc == 0)
		rc = path_parse(in, root, "rundir", conf->rundir);
	return rc == 0 ? ethertype_parse(in, root, &conf->slice_ethertype) : rc;
}

static int child_parse(const struct xml_in *in, xmlNode *el, struct lm_node_conf *conf)
{
	const char *name = (const char *)el->name;

	if (strcmp(name, "substrate") == 0)
		return substrate_parse(in, el, conf);
	if (strcmp(name, "slivers") == 0)
		return slivers_parse(in, el, conf);
	if (strcmp(name, "port") == 0)
		return port_parse(in, el, conf);
	if (conf->has_legacy)
		return once(in, el, conf->legacy.line);
	conf->has_legacy = true;
	return conf_legacy_parse(in, el, &conf->legacy);
}

static int doc_parse(const struct xml_in *in, xmlDoc *doc, struct lm_node_conf *conf)
{
	xmlNode *root = xmlDocGetRootElement(doc), *child;
	int rc;

	if (!xml_is(root, XML_NS_NODE, "node"))
		return xml_err(in, root, EINVAL,
			"<%.48s> is no node configuration: it starts with <node xmlns=\"%s\">",
			(const char *)root->name, XML_NS_NODE);
	rc = xml_schema_check(in, XML_SCHEMA_NODE, doc);
	if (rc == 0)
		rc = node_attrs(in, root, conf);
	for (child = xml_first(root); child != NULL && rc == 0; child = xml_next(child))
		rc = child_parse(in, child, conf);
	if (rc == 0 && conf->sliver_cores.n == 0)
		conf->sliver_cores = conf->substrate_cores;
	return rc == 0 && conf->has_legacy ? conf_legacy_check(in, conf) : rc;
}

int lm_node_conf_parse(const char *file, const char *text, size_t len, struct lm_node_conf *conf,
	struct lm_err *err)
{
	struct xml_in in = {.file = file, .page = CONFIG_PAGE, .err = err};
	xmlDoc *doc;
	int rc;

	memset(err, 0, sizeof(*err));
	*conf = (struct lm_node_conf){
		.slice_ethertype = LM_SLICE_ETHERTYPE,
		.substrate_cores = {.n = 1},
		.substrate_memory_mb = SUBSTRATE_MEMORY_MB,
		.max_slivers = SLIVERS_MAX_DEFAULT,
		.sliver_memory_mb = SLIVERS_MEMORY_MB,
	};
	doc = xml_load(&in, text, len, CONFIG_BYTES_MAX);
	if (doc == NULL) {
		lm_node_conf_free(conf);
		return -err->code;
	}
	conf->file = strdup(file);
	rc = conf->file != NULL ? doc_parse(&in, doc, conf)
				: lm_err_set(err, ENOMEM, "%s: out of memory", file);
	xmlFreeDoc(doc);
	if (rc != 0)
		lm_node_conf_free(conf);
	return rc;
}

void lm_node_conf_free(struct lm_node_conf *conf)
{
	lm_spec_node_clear(&conf->legacy);
	free(conf->ports);
	free(conf->file);
	memset(conf, 0, sizeof(*conf));
}

const struct lm_conf_port *lm_node_conf_port(const struct lm_node_conf *conf, const char *name)
{
	unsigned i;

	for (i = 0; i < conf->n_ports; i++)
		if (strcmp(conf->ports[i].name, name) == 0)
			return &conf->ports[i];
	return NULL;
}
