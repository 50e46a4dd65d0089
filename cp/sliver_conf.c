/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/sliver_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "cp/frr_daemons.h"
#include "mp/cleanup.h"

#define MTU_MIN 68 /* RFC 791 */
#define MTU_MAX 65535

static int get_string(
	const json_t *obj, const char *key, char *out, size_t size, struct lm_err *err)
{
	const char *s = json_string_value(json_object_get(obj, key));

	if (s == NULL || s[0] == '\0')
		return lm_err_set(err, EINVAL, "'%s' must be a text that is not empty", key);
	if (strlen(s) >= size)
		return lm_err_set(
			err, EINVAL, "'%s' is longer than %zu octets: '%.80s'", key, size - 1, s);
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int parse_type(struct sliver_conf *conf, const json_t *root, struct lm_err *err)
{
	static const char *const names[] = {"vrouter", "vrouter-raw", "legacy"};
	char type[32];
	int rc = get_string(root, "type", type, sizeof(type), err);

	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(type, names[i]) == 0) {
			conf->type = (enum sliver_type)i;
			return 0;
		}
	return lm_err_set(
		err, EINVAL, "'type' must be vrouter, vrouter-raw or legacy, not '%s'", type);
}

static int add_daemon(struct sliver_conf *conf, const char *name, struct lm_err *err)
{
	if (!frr_daemon_known(name))
		return lm_err_set(err, EINVAL,
			"cp.daemons: '%.32s' is no daemon of FRR that runs "
			"in a sliver; known are " FRR_DAEMON_NAMES,
			name);
	for (unsigned int i = 0; i < conf->n_daemons; i++)
		if (strcmp(conf->daemons[i], name) == 0)
			return 0;
	if (conf->n_daemons == SLIVER_DAEMONS_MAX)
		return lm_err_set(err, EINVAL, "cp.daemons: more than %d", SLIVER_DAEMONS_MAX);
	snprintf(conf->daemons[conf->n_daemons++], sizeof(conf->daemons[0]), "%s", name);
	return 0;
}

static int parse_cp(struct sliver_conf *conf, const json_t *root, struct lm_err *err)
{
	const json_t *cp = json_object_get(root, "cp");
	const json_t *daemons = json_object_get(cp, "daemons");
	const json_t *config = json_object_get(cp, "config");
	size_t i;
	json_t *v;
	int rc;

	if ((cp != NULL && !json_is_object(cp)) || (daemons != NULL && !json_is_array(daemons)))
		return lm_err_set(err, EINVAL, "'cp' must be an object and 'cp.daemons' an array");
	if (config != NULL && !json_is_string(config))
		return lm_err_set(err, EINVAL, "'cp.config' must be a text");
	conf->config = strdup(config != NULL ? json_string_value(config) : "");
	if (conf->config == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	if (conf->type == SLIVER_VROUTER_RAW)
		return 0;
	/* these two always: the routing table itself and the sentinel route */
	rc = add_daemon(conf, "zebra", err);
	if (rc == 0)
		rc = add_daemon(conf, "staticd", err);
	json_array_foreach (daemons, i, v) {
		if (rc < 0)
			return rc;
		if (!json_is_string(v))
			return lm_err_set(err, EINVAL, "cp.daemons[%zu] must be a text", i);
		rc = add_daemon(conf, json_string_value(v), err);
	}
	return rc;
}

static int parse_mac(uint8_t mac[6], const char *text, struct lm_err *err)
{
	unsigned int o[6];
	int end = 0;

	if (text == NULL ||
		sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5],
			&end) != 6 ||
		text[end] != '\0' || end != 17)
		return lm_err_set(err, EINVAL, "'%.40s' is no MAC address (aa:bb:cc:dd:ee:ff)",
			text != NULL ? text : "");
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)o[i];
	if ((mac[0] & 1) != 0)
		return lm_err_set(err, EINVAL, "'%s' is a group address; a vMAC is not", text);
	return 0;
}

static int parse_addr(struct sliver_addr *a, const char *text, struct lm_err *err)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	char *end;
	unsigned long plen;

	if (slash == NULL || slash[1] < '0' || slash[1] > '9' ||
		(size_t)(slash - text) >= sizeof(host))
		goto bad;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	plen = strtoul(slash + 1, &end, 10);
	a->family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
	if (*end != '\0' || plen > (a->family == AF_INET ? 32U : 128U) ||
		inet_pton(a->family, host, a->octets) != 1)
		goto bad;
	a->prefix_len = (uint8_t)plen;
	return 0;
bad:
	return lm_err_set(err, EINVAL, "'%.64s' is no ADDRESS/LENGTH", text != NULL ? text : "");
}

static int parse_macs(struct sliver_if *i, const json_t *obj, struct lm_err *err)
{
	const json_t *macs = json_object_get(obj, "macs");
	char last[IFNAMSIZ + 8];
	size_t k;
	json_t *v;

	if (!json_is_array(macs) || json_array_size(macs) == 0 ||
		json_array_size(macs) > SLIVER_MACS_MAX)
		return lm_err_set(
			err, EINVAL, "'macs' must be an array of 1 to %d", SLIVER_MACS_MAX);
	json_array_foreach (macs, k, v) {
		int rc = parse_mac(i->macs[k], json_string_value(v), err);

		if (rc < 0)
			return rc;
	}
	i->n_macs = (unsigned int)json_array_size(macs);
	if (i->n_macs > 1 &&
		(size_t)snprintf(last, sizeof(last), "%s.%u", i->name, i->n_macs - 1) >= IFNAMSIZ)
		return lm_err_set(err, EINVAL,
			"'name' is too long for more than one vMAC: '%s' would be over %d octets",
			last, IFNAMSIZ - 1);
	return 0;
}

static int parse_addrs(struct sliver_if *i, const json_t *obj, struct lm_err *err)
{
	const json_t *addrs = json_object_get(obj, "addresses");
	size_t k;
	json_t *v;

	if (addrs != NULL && (!json_is_array(addrs) || json_array_size(addrs) > SLIVER_ADDRS_MAX))
		return lm_err_set(err, EINVAL, "'addresses' must be an array of at most %d",
			SLIVER_ADDRS_MAX);
	json_array_foreach (addrs, k, v) {
		int rc = parse_addr(&i->addrs[k], json_string_value(v), err);

		if (rc < 0)
			return rc;
		i->n_addrs++;
	}
	return 0;
}

static bool ifname_ok(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if (*c <= ' ' || *c == '/' || *c == ':' || *c == '%' || *c >= 127)
			return false;
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "lo") != 0;
}

static int parse_if(
	struct sliver_conf *conf, struct sliver_if *i, const json_t *obj, struct lm_err *err)
{
	char plane[16];
	json_int_t mtu = json_integer_value(json_object_get(obj, "mtu"));
	int rc = get_string(obj, "name", i->name, sizeof(i->name), err);

	if (rc < 0)
		return rc;
	if (!ifname_ok(i->name))
		return lm_err_set(err, EINVAL, "'name': '%s' is no interface name", i->name);
	for (const struct sliver_if *o = conf->ifs; o < i; o++)
		if (strcmp(o->name, i->name) == 0)
			return lm_err_set(err, EEXIST, "'name': '%s' is there twice", i->name);
	if (mtu < MTU_MIN || mtu > MTU_MAX)
		return lm_err_set(
			err, EINVAL, "'mtu' must be a number from %d to %d", MTU_MIN, MTU_MAX);
	i->mtu = (uint32_t)mtu;
	rc = get_string(obj, "plane", plane, sizeof(plane), err);
	if (rc < 0)
		return rc;
	i->kernel_plane = strcmp(plane, "kernel") == 0;
	if (!i->kernel_plane && strcmp(plane, "fp") != 0)
		return lm_err_set(err, EINVAL, "'plane' must be fp or kernel, not '%s'", plane);
	if (!i->kernel_plane && conf->type == SLIVER_VROUTER_RAW)
		return lm_err_set(err, EINVAL, "'plane' must be kernel in a vrouter-raw");
	rc = parse_macs(i, obj, err);
	return rc < 0 ? rc : parse_addrs(i, obj, err);
}

/* "eth0" with two vMACs makes a TAP "eth0.1": no interface may have that name. */
static int check_tap_names(const struct sliver_conf *conf, struct lm_err *err)
{
	char tap[IFNAMSIZ];

	for (unsigned int i = 0; i < conf->n_ifs; i++)
		for (unsigned int m = 1; m < conf->ifs[i].n_macs; m++) {
			sliver_if_tap_name(&conf->ifs[i], m, tap);
			for (unsigned int k = 0; k < conf->n_ifs; k++)
				if (strcmp(conf->ifs[k].name, tap) == 0)
					return lm_err_set(err, EEXIST,
						"interfaces: '%s' is also the TAP of a vMAC of "
						"'%s'",
						tap, conf->ifs[i].name);
		}
	return 0;
}

static int parse_ifs(struct sliver_conf *conf, const json_t *root, struct lm_err *err)
{
	const json_t *ifs = json_object_get(root, "interfaces");
	unsigned int n_taps = 0;
	size_t k;
	json_t *v;

	if (!json_is_array(ifs) || json_array_size(ifs) > SLIVER_IFS_MAX)
		return lm_err_set(
			err, EINVAL, "'interfaces' must be an array of at most %d", SLIVER_IFS_MAX);
	conf->ifs = calloc(SLIVER_IFS_MAX, sizeof(*conf->ifs));
	if (conf->ifs == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	json_array_foreach (ifs, k, v) {
		int rc = parse_if(conf, &conf->ifs[k], v, err);

		if (rc < 0)
			return lm_err_context(err, "interfaces[%zu]", k);
		conf->n_ifs++;
		n_taps += conf->ifs[k].n_macs;
	}
	if (n_taps > SLIVER_TAPS_MAX)
		return lm_err_set(err, EINVAL,
			"'interfaces' have %u vMACs; a sliver has at most %d", n_taps,
			SLIVER_TAPS_MAX);
	return check_tap_names(conf, err);
}

static int parse_root(struct sliver_conf *conf, const json_t *root, struct lm_err *err)
{
	int rc;

	memset(conf, 0, sizeof(*conf));
	if (!json_is_object(root))
		return lm_err_set(err, EINVAL, "line 1: not a JSON object");
	rc = get_string(root, "node", conf->node, sizeof(conf->node), err);
	if (rc == 0)
		rc = get_string(root, "slice", conf->slice, sizeof(conf->slice), err);
	if (rc == 0)
		rc = get_string(root, "sliver", conf->sliver, sizeof(conf->sliver), err);
	if (rc == 0)
		rc = parse_type(conf, root, err);
	if (rc == 0)
		rc = parse_cp(conf, root, err);
	if (rc == 0)
		rc = parse_ifs(conf, root, err);
	if (rc < 0)
		sliver_conf_free(conf);
	return rc;
}

int sliver_conf_parse(struct sliver_conf *conf, const char *text, size_t len, struct lm_err *err)
{
	json_error_t where;
	lm_cleanup_json json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);

	memset(conf, 0, sizeof(*conf));
	if (root == NULL)
		return lm_err_set(err, EINVAL, "line %d: %s", where.line, where.text);
	return parse_root(conf, root, err);
}

int sliver_conf_load(struct sliver_conf *conf, const char *path, struct lm_err *err)
{
	json_error_t where;
	lm_cleanup_json json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

	memset(conf, 0, sizeof(*conf));
	if (root == NULL)
		return lm_err_set(err, EINVAL, "%s: line %d: %s", path, where.line, where.text);
	return parse_root(conf, root, err) < 0 ? lm_err_context(err, "%s", path) : 0;
}

void sliver_conf_free(struct sliver_conf *conf)
{
	free(conf->config);
	free(conf->ifs);
	conf->config = NULL;
	conf->ifs = NULL;
	conf->n_ifs = 0;
}

void sliver_if_tap_name(const struct sliver_if *i, unsigned int mac, char out[IFNAMSIZ])
{
	char name[IFNAMSIZ + 12];

	if (mac == 0)
		snprintf(name, sizeof(name), "%s", i->name);
	else
		snprintf(name, sizeof(name), "%s.%u", i->name, mac);
	memcpy(out, name, IFNAMSIZ - 1); /* parse_macs() saw that it fits */
	out[IFNAMSIZ - 1] = '\0';
}
