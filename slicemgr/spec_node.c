/* SPDX-License-Identifier: BSD-3-Clause */
/* <node>: one sliver asked for, and its interfaces. */
#include "slicemgr/spec_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one element may have once. */
struct seen {
	bool sliver_type, node, fp, cp, mp, attach;
};

static int once(const struct spec_in *in, const xmlNode *el, bool *seen)
{
	char show[64];

	if (*seen)
		return xml_err(&in->xml, el, EINVAL, "a second <%s> in the same %s",
			xml_show(el, show, sizeof(show)), (const char *)el->parent->name);
	*seen = true;
	return 0;
}

static int iface_id(const struct spec_in *in, xmlNode *el, struct lm_spec_iface *iface)
{
	const char *id = xml_attr(el, "client_id");
	const struct lm_spec *spec = in->spec;
	unsigned i, j;

	if (id == NULL || *id == '\0' || strlen(id) >= LM_CLIENT_ID_MAX)
		return xml_err(&in->xml, el, EINVAL,
			"<interface> client_id must have 1 to %d octets", LM_CLIENT_ID_MAX - 1);
	for (i = 0; i < spec->n_nodes; i++)
		for (j = 0; j < spec->nodes[i].n_ifaces; j++)
			if (strcmp(spec->nodes[i].ifaces[j].client_id, id) == 0)
				return xml_err(&in->xml, el, EINVAL,
					"interface '%s' is already in line %d: client_ids must be "
					"unique",
					id, spec->nodes[i].ifaces[j].line);
	snprintf(iface->client_id, sizeof(iface->client_id), "%s", id);
	return 0;
}

static int iface_children(const struct spec_in *in, xmlNode *el, struct lm_spec_iface *iface)
{
	struct seen seen = {0};
	const char *mac;
	xmlNode *child;
	int rc = 0;

	for (child = xml_first(el); child != NULL && rc == 0; child = xml_next(child)) {
		if (xml_is(child, XML_NS_RSPEC, "ip")) {
			rc = spec_ip(&in->xml, child, iface);
		} else if (xml_is(child, XML_NS_LAMINA, "attach")) {
			rc = once(in, child, &seen.attach);
			if (rc == 0)
				rc = spec_attach(&in->xml, child, &iface->attach);
		} else if (xml_is(child, XML_NS_LAMINA, "mac")) {
			mac = xml_attr(child, "address");
			rc = spec_mac(&in->xml, child, mac != NULL ? mac : "", iface);
		} else {
			rc = spec_stranger(in, child);
		}
	}
	return rc;
}

static int iface_parse(const struct spec_in *in, xmlNode *el, struct lm_spec_node *node)
{
	struct lm_spec_iface *room, *iface;
	const char *mac = xml_attr(el, "mac_address");
	int rc;

	if (node->n_ifaces == LM_SPEC_IFACES_MAX)
		return xml_err(&in->xml, el, E2BIG, "node '%s' has more than %d interfaces",
			node->client_id, LM_SPEC_IFACES_MAX);
	room = spec_grow(node->ifaces, node->n_ifaces, sizeof(*room));
	if (room == NULL)
		return xml_err(&in->xml, el, ENOMEM, "out of memory");
	node->ifaces = room;
	iface = &node->ifaces[node->n_ifaces];
	iface->line = iface->attach.line = xml_line(el);
	iface->link = -1;
	rc = iface_id(in, el, iface);
	node->n_ifaces++;
	if (rc != 0)
		return rc;
	if (xml_attr(el, "component_id") != NULL)
		return xml_err(&in->xml, el, EINVAL,
			"<interface> component_id is not supported: choose a port with "
			"<lm:attach port=\"NAME\"/>");
	if (mac != NULL)
		rc = spec_mac(&in->xml, el, mac, iface);
	return rc == 0 ? iface_children(in, el, iface) : rc;
}

/* The sliver type decides what else makes sense, so it is read first. */
static int type_parse(const struct spec_in *in, xmlNode *el, struct lm_spec_node *node)
{
	struct seen seen = {0};
	xmlNode *child, *inner;
	const char *name;
	int rc;

	for (child = xml_first(el); child != NULL; child = xml_next(child)) {
		if (!xml_is(child, XML_NS_RSPEC, "sliver_type"))
			continue;
		rc = once(in, child, &seen.sliver_type);
		if (rc != 0)
			return rc;
		name = xml_attr(child, "name");
		if (name != NULL && strcmp(name, "vrouter") == 0)
			node->type = LM_SLIVER_VROUTER;
		else if (name != NULL && strcmp(name, "vrouter-raw") == 0)
			node->type = LM_SLIVER_VROUTER_RAW;
		else
			return xml_err(&in->xml, child, EINVAL,
				"node '%s': sliver type '%.64s' is not available here: use vrouter "
				"or vrouter-raw",
				node->client_id, name != NULL ? name : "");
		for (inner = xml_first(child); inner != NULL; inner = xml_next(inner)) {
			rc = spec_stranger(in, inner);
			if (rc != 0)
				return rc;
		}
	}
	if (!seen.sliver_type)
		return xml_err(&in->xml, el, EINVAL,
			"node '%s' has no <sliver_type>: add <sliver_type name=\"vrouter\"/>",
			node->client_id);
	return 0;
}

static int bind_to(const struct spec_in *in, xmlNode *el, const char *name, const char *where,
	struct lm_spec_node *node)
{
	if (!lm_node_name_ok(name))
		return xml_err(&in->xml, el, EINVAL,
			"%s '%.64s' names no Lamina node: a node's name is 1-15 of a-z, 0-9 and "
			"'-'",
			where, name);
	if (node->lamina_node[0] != '\0' && strcmp(node->lamina_node, name) != 0)
		return xml_err(&in->xml, el, EINVAL,
			"node '%s' is bound to both '%s' (component_id) and '%s' (lm:node)",
			node->client_id, node->lamina_node, name);
	snprintf(node->lamina_node, sizeof(node->lamina_node), "%s", name);
	return 0;
}

/* urn:publicid:IDN+AUTHORITY+node+NAME */
static int component_parse(const struct spec_in *in, xmlNode *el, struct lm_spec_node *node)
{
	const char *urn = xml_attr(el, "component_id"), *name;

	if (urn == NULL)
		return 0;
	name = strstr(urn, "+node+");
	if (strncmp(urn, "urn:publicid:IDN+", 17) != 0 || name == NULL)
		return xml_err(&in->xml, el, EINVAL,
			"component_id \"%.96s\": give urn:publicid:IDN+AUTHORITY+node+NAME", urn);
	return bind_to(in, el, name + 6, "component_id's node", node);
}

static int node_attrs(const struct spec_in *in, xmlNode *el, struct lm_spec_node *node)
{
	const char *id = xml_attr(el, "client_id");
	const struct lm_spec *spec = in->spec;
	bool exclusive = false;
	unsigned i;
	int rc;

	if (id == NULL || !lm_sliver_name_ok(id))
		return xml_err(&in->xml, el, EINVAL,
			"<node> client_id=\"%.64s\": give 1 to %d letters, digits, '-', '_' or "
			"'.', first a letter or digit",
			id != NULL ? id : "", LM_SLIVER_NAME_MAX - 1);
	snprintf(node->client_id, sizeof(node->client_id), "%s", id);
	for (i = 0; &spec->nodes[i] != node; i++)
		if (strcmp(spec->nodes[i].client_id, id) == 0)
			return xml_err(&in->xml, el, EINVAL,
				"node '%s' is already in line %d: client_ids must be unique", id,
				spec->nodes[i].line);
	if (xml_attr(el, "colocate") != NULL)
		return xml_err(&in->xml, el, EINVAL,
			"<node> colocate is not supported: bind nodes with <lm:node "
			"name=\"...\"/>");
	rc = xml_attr_bool(&in->xml, el, "exclusive", &exclusive);
	if (rc == 0 && exclusive)
		rc = spec_warn(in, el,
			"node '%s': exclusive has no effect: slivers share the machine, ask for "
			"cores with <lm:fp mode=\"dedicated\"/>",
			id);
	if (rc == 0 && xml_attr(el, "component_name") != NULL)
		rc = spec_warn(in, el, "node '%s': component_name has no effect", id);
	if (rc == 0 && xml_attr(el, "component_manager_id") != NULL)
		rc = spec_warn(in, el, "node '%s': component_manager_id has no effect", id);
	return rc == 0 ? component_parse(in, el, node) : rc;
}

/* A raw sliver has its interfaces and the Linux stack: nothing of ours runs on them. */
static int plane_parse(const struct spec_in *in, xmlNode *el, struct lm_spec_node *node)
{
	char show[64];

	if (node->type == LM_SLIVER_VROUTER_RAW)
		return xml_err(&in->xml, el, EINVAL,
			"node '%s': a vrouter-raw has no <%s>: remove it or use sliver type "
			"vrouter",
			node->client_id, xml_show(el, show, sizeof(show)));
	return strcmp((const char *)el->name, "fp") == 0 ? spec_fp(&in->xml, el, node)
							 : spec_cp(&in->xml, el, node);
}

static int node_child(
	const struct spec_in *in, xmlNode *el, struct lm_spec_node *node, struct seen *seen)
{
	const char *name;
	int rc = 0;

	if (xml_is(el, XML_NS_RSPEC, "sliver_type"))
		return 0;
	if (xml_is(el, XML_NS_RSPEC, "interface"))
		return iface_parse(in, el, node);
	if (xml_is(el, XML_NS_RSPEC, "location"))
		return spec_warn(in, el, "<location> has no effect");
	if (xml_is(el, XML_NS_RSPEC, "services") && xml_first(el) == NULL)
		return 0;
	if (xml_is(el, XML_NS_LAMINA, "node")) {
		rc = once(in, el, &seen->node);
		name = xml_attr(el, "name");
		return rc == 0 ? bind_to(in, el, name != NULL ? name : "", "lm:node", node) : rc;
	}
	if (xml_is(el, XML_NS_LAMINA, "fp"))
		rc = once(in, el, &seen->fp);
	else if (xml_is(el, XML_NS_LAMINA, "cp"))
		rc = once(in, el, &seen->cp);
	else if (xml_is(el, XML_NS_LAMINA, "mp"))
		return once(in, el, &seen->mp);
	else
		return spec_stranger(in, el);
	return rc == 0 ? plane_parse(in, el, node) : rc;
}

int spec_node(const struct spec_in *in, xmlNode *el)
{
	struct lm_spec *spec = in->spec;
	struct lm_spec_node *node;
	struct seen seen = {0};
	xmlNode *child;
	int rc;

	if (spec->n_nodes == LM_SPEC_NODES_MAX)
		return xml_err(&in->xml, el, E2BIG, "more than %d nodes in one request",
			LM_SPEC_NODES_MAX);
	node = spec_grow(spec->nodes, spec->n_nodes, sizeof(*node));
	if (node == NULL)
		return xml_err(&in->xml, el, ENOMEM, "out of memory");
	spec->nodes = node;
	node = &spec->nodes[spec->n_nodes++];
	node->line = xml_line(el);
	spec_plane_defaults(node);
	rc = node_attrs(in, el, node);
	if (rc == 0)
		rc = type_parse(in, el, node);
	for (child = xml_first(el); child != NULL && rc == 0; child = xml_next(child))
		rc = node_child(in, child, node, &seen);
	if (rc != 0)
		return rc;
	if (node->type == LM_SLIVER_VROUTER_RAW)
		node->n_daemons = node->cores = node->memory_mb = 0;
	node->here = node->lamina_node[0] == '\0' ||
		     (in->own_node != NULL && strcmp(node->lamina_node, in->own_node) == 0);
	spec_name_ifaces(node);
	return spec_check_addrs(&in->xml, node);
}
