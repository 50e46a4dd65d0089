/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/node_config_legacy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slicemgr/spec_parts.h"

#define LEGACY_SLIVER "router"

static int iface_names(const struct xml_in *in, xmlNode *el, const struct lm_spec_node *node,
	struct lm_spec_iface *iface)
{
	const char *name = xml_attr(el, "name"), *port = xml_attr(el, "port");
	unsigned i;

	if (name == NULL || !spec_ifname_ok(name))
		return xml_err(in, el, EINVAL,
			"<interface> name=\"%.32s\": give 1-15 letters, digits, '-' or '_', not "
			"'lo' or another name that Linux uses",
			name != NULL ? name : "");
	for (i = 0; &node->ifaces[i] != iface; i++)
		if (strcmp(node->ifaces[i].name, name) == 0)
			return xml_err(in, el, EINVAL, "interface '%s' is already in line %d", name,
				node->ifaces[i].line);
	if (port == NULL || !lm_node_name_ok(port))
		return xml_err(
			in, el, EINVAL, "interface '%s' needs port=\"NAME\" of a <port>", name);
	snprintf(iface->name, sizeof(iface->name), "%s", name);
	snprintf(iface->client_id, sizeof(iface->client_id), LEGACY_SLIVER ":%s", name);
	snprintf(iface->attach.port, sizeof(iface->attach.port), "%s", port);
	return 0;
}

static int iface_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node)
{
	const char *mac = xml_attr(el, "mac");
	struct lm_spec_iface *room, *iface;
	uint64_t mtu = 0;
	xmlNode *child;
	int rc;

	if (node->n_ifaces == LM_SPEC_IFACES_MAX)
		return xml_err(
			in, el, E2BIG, "<legacy> has more than %d interfaces", LM_SPEC_IFACES_MAX);
	room = spec_grow(node->ifaces, node->n_ifaces, sizeof(*room));
	if (room == NULL)
		return xml_err(in, el, ENOMEM, "out of memory");
	node->ifaces = room;
	iface = &node->ifaces[node->n_ifaces];
	iface->line = iface->attach.line = xml_line(el);
	iface->link = -1;
	iface->attach.kind = LM_ATTACH_LEGACY;
	rc = iface_names(in, el, node, iface);
	node->n_ifaces++;
	if (rc == 0)
		rc = xml_attr_uint(in, el, "mtu", LM_MTU_MIN, LM_MTU_MAX, &mtu);
	iface->attach.mtu = (uint16_t)mtu;
	if (rc == 0 && mac != NULL)
		rc = spec_mac(in, el, mac, iface);
	for (child = xml_first(el); child != NULL && rc == 0; child = xml_next(child))
		rc = spec_ip(in, child, iface);
	return rc;
}

/* Lines tell whether a plane was given before: the default is the line of <legacy>. */
static int plane_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node, bool *seen)
{
	if (*seen)
		return xml_err(in, el, EINVAL, "a second <%s> in <legacy>", (const char *)el->name);
	*seen = true;
	return strcmp((const char *)el->name, "fp") == 0 ? spec_fp(in, el, node)
							 : spec_cp(in, el, node);
}

int conf_legacy_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node)
{
	bool fp = false, cp = false;
	xmlNode *child;
	int rc = 0;

	node->line = xml_line(el);
	node->type = LM_SLIVER_LEGACY;
	node->here = true;
	snprintf(node->client_id, sizeof(node->client_id), LEGACY_SLIVER);
	spec_plane_defaults(node);
	for (child = xml_first(el); child != NULL && rc == 0; child = xml_next(child)) {
		if (strcmp((const char *)child->name, "interface") == 0)
			rc = iface_parse(in, child, node);
		else
			rc = plane_parse(in, child, node,
				strcmp((const char *)child->name, "fp") == 0 ? &fp : &cp);
	}
	return rc == 0 ? spec_check_addrs(in, node) : rc;
}

int conf_legacy_check(const struct xml_in *in, const struct lm_node_conf *conf)
{
	const struct lm_spec_node *node = &conf->legacy;
	unsigned i, j;

	for (i = 0; i < node->n_ifaces; i++) {
		const struct lm_spec_iface *iface = &node->ifaces[i];
		const struct lm_conf_port *port = lm_node_conf_port(conf, iface->attach.port);

		if (port == NULL)
			return xml_err_line(in, iface->line,
				"interface '%s' is on port '%s', which no <port> names",
				iface->name, iface->attach.port);
		if (port->access)
			return xml_err_line(in, iface->line,
				"interface '%s' is on access port '%s': legacy frames come on "
				"trunk ports, give it mode=\"trunk\"",
				iface->name, port->name);
		if (iface->attach.mtu > port->mtu)
			return xml_err_line(in, iface->line,
				"interface '%s' has mtu %u, more than %u of port '%s'", iface->name,
				iface->attach.mtu, port->mtu, port->name);
		for (j = 0; j < i; j++)
			if (strcmp(node->ifaces[j].attach.port, port->name) == 0)
				return xml_err_line(in, iface->line,
					"interface '%s' is on port '%s', which interface '%s' "
					"already has",
					iface->name, port->name, node->ifaces[j].name);
	}
	return 0;
}
