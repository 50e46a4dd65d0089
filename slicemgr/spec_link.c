/* SPDX-License-Identifier: BSD-3-Clause */
/* <link>: vlinks between interfaces, and what must hold between all parts of a request. */
#include "slicemgr/spec_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lm_spec_node *end_node(const struct lm_spec *spec, const struct lm_spec_end *end)
{
	return &spec->nodes[end->node];
}

static struct lm_spec_iface *end_iface(const struct lm_spec *spec, const struct lm_spec_end *end)
{
	return &spec->nodes[end->node].ifaces[end->iface];
}

/* The Lamina node a sliver is for; unbound ones are the own node's. */
static const char *place(const struct spec_in *in, const struct lm_spec_node *node)
{
	if (node->lamina_node[0] != '\0')
		return node->lamina_node;
	return in->own_node != NULL ? in->own_node : "";
}

static bool find_iface(const struct lm_spec *spec, const char *id, struct lm_spec_end *end)
{
	unsigned i, j;

	for (i = 0; i < spec->n_nodes; i++)
		for (j = 0; j < spec->nodes[i].n_ifaces; j++)
			if (strcmp(spec->nodes[i].ifaces[j].client_id, id) == 0) {
				end->node = i;
				end->iface = j;
				return true;
			}
	return false;
}

static int ref_parse(const struct spec_in *in, xmlNode *el, struct lm_spec_link *link)
{
	struct lm_spec_end end = {.line = xml_line(el)}, *room;
	const char *id = xml_attr(el, "client_id");
	struct lm_spec_iface *iface;

	if (id == NULL || !find_iface(in->spec, id, &end))
		return xml_err(&in->xml, el, EINVAL,
			"link '%s' refers to interface '%.64s', which no node has", link->client_id,
			id != NULL ? id : "");
	iface = end_iface(in->spec, &end);
	if (iface->link >= 0)
		return xml_err(&in->xml, el, EINVAL,
			"interface '%s' is already in link '%s': an interface can be in one", id,
			in->spec->links[iface->link].client_id);
	if (link->n_ends == LM_SPEC_ENDS_MAX)
		return xml_err(&in->xml, el, E2BIG, "link '%s' has more than %d ends",
			link->client_id, LM_SPEC_ENDS_MAX);
	room = spec_grow(link->ends, link->n_ends, sizeof(*room));
	if (room == NULL)
		return xml_err(&in->xml, el, ENOMEM, "out of memory");
	link->ends = room;
	link->ends[link->n_ends++] = end;
	iface->link = (int)(in->spec->n_links - 1);
	return 0;
}

/* An impairment that is asked for must not be left out in silence. */
static int property_parse(const struct spec_in *in, xmlNode *el, const struct lm_spec_link *link)
{
	static const char *const names[] = {"capacity", "latency", "packet_loss"};
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (xml_attr(el, names[i]) != NULL)
			return xml_err(&in->xml, el, EINVAL,
				"link '%s': <property> %s is not supported yet: remove it",
				link->client_id, names[i]);
	return spec_warn(in, el, "link '%s': an empty <property> has no effect", link->client_id);
}

static int link_type_parse(const struct spec_in *in, xmlNode *el, const struct lm_spec_link *link)
{
	const char *name = xml_attr(el, "name");

	if (name != NULL && (strcmp(name, "lan") == 0 || strcmp(name, "vlan") == 0))
		return spec_warn(in, el,
			"link '%s': <link_type name=\"%s\"> has no effect: vlinks are Ethernet "
			"already",
			link->client_id, name);
	return xml_err(&in->xml, el, EINVAL,
		"link '%s': link type '%.64s' is not supported: remove <link_type>",
		link->client_id, name != NULL ? name : "");
}

static int link_child(const struct spec_in *in, xmlNode *el, struct lm_spec_link *link)
{
	if (xml_is(el, XML_NS_RSPEC, "interface_ref"))
		return ref_parse(in, el, link);
	if (xml_is(el, XML_NS_RSPEC, "property"))
		return property_parse(in, el, link);
	if (xml_is(el, XML_NS_RSPEC, "link_type"))
		return link_type_parse(in, el, link);
	if (xml_is(el, XML_NS_RSPEC, "component_manager"))
		return spec_warn(in, el, "<component_manager> has no effect");
	return spec_stranger(in, el);
}

static int link_id(const struct spec_in *in, xmlNode *el, struct lm_spec_link *link)
{
	static const char chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
	const char *id = xml_attr(el, "client_id");
	unsigned i;

	if (id == NULL || *id == '\0' || strlen(id) >= LM_CLIENT_ID_MAX ||
		strspn(id, chars) != strlen(id))
		return xml_err(&in->xml, el, EINVAL,
			"<link> client_id=\"%.64s\": give 1 to %d letters, digits, '-', '_', '.' "
			"or ':'",
			id != NULL ? id : "", LM_CLIENT_ID_MAX - 1);
	for (i = 0; &in->spec->links[i] != link; i++)
		if (strcmp(in->spec->links[i].client_id, id) == 0)
			return xml_err(&in->xml, el, EINVAL,
				"link '%s' is already in line %d: client_ids must be unique", id,
				in->spec->links[i].line);
	snprintf(link->client_id, sizeof(link->client_id), "%s", id);
	return 0;
}

/* All ends by ports, or all inside one node's substrate; nothing between. */
static int link_place(const struct spec_in *in, struct lm_spec_link *link)
{
	const struct lm_spec_end *ends = link->ends;
	unsigned i, attached = 0, patched = 0;

	for (i = 0; i < link->n_ends; i++) {
		if (end_iface(in->spec, &ends[i])->attach.kind == LM_ATTACH_PATCH)
			patched = i + 1;
		else
			attached = i + 1;
		link->here |= end_node(in->spec, &ends[i])->here;
	}
	if (attached > 0 && patched > 0)
		return xml_err_line(&in->xml, ends[patched - 1].line,
			"link '%s': interface '%s' has an <lm:attach> port and '%s' has none: give "
			"one to all ends or to none",
			link->client_id, end_iface(in->spec, &ends[attached - 1])->client_id,
			end_iface(in->spec, &ends[patched - 1])->client_id);
	link->patch = attached == 0;
	for (i = 1; link->patch && i < link->n_ends; i++) {
		const struct lm_spec_node *a = end_node(in->spec, &ends[0]);
		const struct lm_spec_node *b = end_node(in->spec, &ends[i]);

		if (strcmp(place(in, a), place(in, b)) != 0)
			return xml_err_line(&in->xml, link->line,
				"link '%s' joins '%s' and '%s', which are on different Lamina "
				"nodes: give both ends <lm:attach port=\"...\"/>",
				link->client_id, a->client_id, b->client_id);
	}
	return 0;
}

/* The type and the vif id name the vlink on the wire: the same at all trunk ends. */
static int link_header(const struct spec_in *in, const struct lm_spec_link *link)
{
	const struct lm_spec_attach *first = NULL, *attach;
	unsigned i;

	for (i = 0; i < link->n_ends; i++) {
		attach = &end_iface(in->spec, &link->ends[i])->attach;
		if (attach->kind != LM_ATTACH_TRUNK)
			continue;
		if (first != NULL &&
			(first->type != attach->type || first->vif_id != attach->vif_id))
			return xml_err_line(&in->xml, attach->line,
				"link '%s': all ends need the same header type and vif; type %u "
				"vif %u here, type %u vif %u in line %d",
				link->client_id, attach->type, attach->vif_id, first->type,
				first->vif_id, first->line);
		if (first == NULL)
			first = attach;
	}
	return 0;
}

int spec_link(const struct spec_in *in, xmlNode *el)
{
	struct lm_spec *spec = in->spec;
	struct lm_spec_link *link;
	xmlNode *child;
	int rc;

	if (spec->n_links == LM_SPEC_LINKS_MAX)
		return xml_err(&in->xml, el, E2BIG, "more than %d links in one request",
			LM_SPEC_LINKS_MAX);
	link = spec_grow(spec->links, spec->n_links, sizeof(*link));
	if (link == NULL)
		return xml_err(&in->xml, el, ENOMEM, "out of memory");
	spec->links = link;
	link = &spec->links[spec->n_links++];
	link->line = xml_line(el);
	rc = link_id(in, el, link);
	for (child = xml_first(el); child != NULL && rc == 0; child = xml_next(child))
		rc = link_child(in, child, link);
	if (rc == 0 && link->n_ends < 2)
		rc = xml_err(&in->xml, el, EINVAL,
			"link '%s' has %u <interface_ref>: a link needs two or more",
			link->client_id, link->n_ends);
	if (rc == 0)
		rc = link_place(in, link);
	return rc == 0 ? link_header(in, link) : rc;
}

/* Would frames of the one on the wire also be the other's? */
static bool same_key(const struct lm_spec_attach *a, const struct lm_spec_attach *b)
{
	bool vif_a = a->type == LM_HDR_VIF || a->type == LM_HDR_LOCATOR;
	bool vif_b = b->type == LM_HDR_VIF || b->type == LM_HDR_LOCATOR;

	if (a->kind == LM_ATTACH_PATCH || b->kind == LM_ATTACH_PATCH ||
		strcmp(a->port, b->port) != 0)
		return false;
	if (a->kind != LM_ATTACH_TRUNK || b->kind != LM_ATTACH_TRUNK)
		return true;
	return vif_a == vif_b && (!vif_a || a->vif_id == b->vif_id);
}

static int check_key(const struct spec_in *in, const struct lm_spec_node *node,
	const struct lm_spec_iface *iface)
{
	const struct lm_spec_attach *attach = &iface->attach;
	const struct lm_spec *spec = in->spec;
	unsigned i, j;

	if (attach->kind == LM_ATTACH_PATCH)
		return 0;
	for (i = 0; i < spec->n_nodes; i++) {
		if (strcmp(place(in, &spec->nodes[i]), place(in, node)) != 0)
			continue;
		for (j = 0; j < spec->nodes[i].n_ifaces; j++) {
			const struct lm_spec_iface *other = &spec->nodes[i].ifaces[j];

			if (other == iface)
				return 0; /* the rest is checked from the other side */
			if (!same_key(attach, &other->attach))
				continue;
			if (attach->kind != other->attach.kind || attach->kind == LM_ATTACH_ACCESS)
				return xml_err_line(&in->xml, attach->line,
					"port '%s' is already taken by interface '%s' in line %d: "
					"an access port serves one interface",
					attach->port, other->client_id, other->attach.line);
			return xml_err_line(&in->xml, attach->line,
				"interface '%s' has the same slice and vif on port '%s' as '%s' in "
				"line %d: give them different vif numbers",
				iface->client_id, attach->port, other->client_id,
				other->attach.line);
		}
	}
	return 0;
}

int spec_check_links(const struct spec_in *in)
{
	const struct lm_spec *spec = in->spec;
	unsigned i, j;
	int rc;

	for (i = 0; i < spec->n_nodes; i++)
		for (j = 0; j < spec->nodes[i].n_ifaces; j++) {
			const struct lm_spec_iface *iface = &spec->nodes[i].ifaces[j];

			if (iface->attach.kind == LM_ATTACH_PATCH && iface->link < 0)
				return xml_err_line(&in->xml, iface->line,
					"interface '%s' is in no <link> and has no <lm:attach> "
					"port: give it one",
					iface->client_id);
			rc = check_key(in, &spec->nodes[i], iface);
			if (rc != 0)
				return rc;
		}
	return 0;
}
