/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slicemgr/spec_parts.h"
#include "slicemgr/xml_schema.h"

#define SPEC_PAGE "docs/spec.md"

void *spec_grow(void *array, unsigned n, size_t size)
{
	char *grown = reallocarray(array, (size_t)n + 1, size);

	if (grown != NULL)
		memset(grown + n * size, 0, size);
	return grown;
}

int spec_warn(const struct spec_in *in, const xmlNode *node, const char *fmt, ...)
{
	struct lm_spec *spec = in->spec;
	char text[LM_ERR_MSG_MAX];
	va_list ap;
	char **room;

	if (spec->n_warnings == SPEC_WARNINGS_MAX)
		return 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	room = spec_grow(spec->warnings, spec->n_warnings, sizeof(*room));
	if (room == NULL)
		return xml_err(&in->xml, node, ENOMEM, "out of memory");
	spec->warnings = room;
	if (asprintf(&spec->warnings[spec->n_warnings], "%s:%d: %s", in->xml.file, xml_line(node),
		    text) < 0)
		return xml_err(&in->xml, node, ENOMEM, "out of memory");
	spec->n_warnings++;
	return 0;
}

static bool ns_warned(const struct lm_spec *spec, const char *quoted)
{
	unsigned i;

	for (i = 0; i < spec->n_warnings; i++)
		if (strstr(spec->warnings[i], quoted) != NULL)
			return true;
	return false;
}

int spec_stranger(const struct spec_in *in, const xmlNode *node)
{
	char quoted[128], show[64];

	if (xml_in_ns(node, XML_NS_RSPEC))
		return xml_err(&in->xml, node, EINVAL,
			"<%s> is not supported by this node: remove it",
			xml_show(node, show, sizeof(show)));
	if (xml_in_ns(node, XML_NS_LAMINA))
		return xml_err(&in->xml, node, EINVAL, "<%s> has no place in <%.48s> (see %s)",
			xml_show(node, show, sizeof(show)), (const char *)node->parent->name,
			SPEC_PAGE);
	snprintf(quoted, sizeof(quoted), "namespace '%.100s'",
		node->ns != NULL ? (const char *)node->ns->href : "");
	if (ns_warned(in->spec, quoted))
		return 0;
	return spec_warn(in, node, "<%s>: elements of %s have no effect here",
		xml_show(node, show, sizeof(show)), quoted);
}

/* urn:publicid:IDN+AUTHORITY+slice+NAME */
static const char *urn_slice_name(const char *urn)
{
	const char *name = strstr(urn, "+slice+");

	if (strncmp(urn, "urn:publicid:IDN+", 17) != 0 || name == NULL)
		return NULL;
	return lm_slice_name_ok(name + 7) ? name + 7 : NULL;
}

static int slice_parse(const struct spec_in *in, xmlNode *el)
{
	const char *name = xml_attr(el, "name"), *urn = xml_attr(el, "urn"), *from_urn = NULL;
	struct lm_spec *spec = in->spec;
	uint64_t id = 0;
	int rc;

	if (spec->slice_line != 0)
		return xml_err(&in->xml, el, EINVAL, "a second <lm:slice>; the first is in line %d",
			spec->slice_line);
	spec->slice_line = xml_line(el);
	rc = xml_attr_uint(&in->xml, el, "id", 1, UINT32_MAX, &id);
	if (rc != 0)
		return rc;
	spec->slice_id = (uint32_t)id;
	if (urn != NULL) {
		from_urn = strlen(urn) < LM_URN_MAX ? urn_slice_name(urn) : NULL;
		if (from_urn == NULL)
			return xml_err(&in->xml, el, EINVAL,
				"<lm:slice> urn=\"%.96s\": give "
				"urn:publicid:IDN+AUTHORITY+slice+NAME",
				urn);
		snprintf(spec->slice_urn, sizeof(spec->slice_urn), "%s", urn);
	}
	if (name == NULL)
		name = from_urn;
	if (name == NULL)
		return 0;
	if (!lm_slice_name_ok(name) || strcmp(name, "legacy") == 0)
		return xml_err(&in->xml, el, EINVAL,
			"<lm:slice> name=\"%.64s\": give 1 to %d letters, digits or '-', first no "
			"'-', not 'legacy'",
			name, LM_SLICE_NAME_MAX - 1);
	if (from_urn != NULL && strcmp(name, from_urn) != 0)
		return xml_err(&in->xml, el, EINVAL, "<lm:slice> name '%s' is not the urn's '%s'",
			name, from_urn);
	snprintf(spec->slice_name, sizeof(spec->slice_name), "%s", name);
	return 0;
}

static int root_check(const struct spec_in *in, xmlNode *root)
{
	const char *type = xml_attr(root, "type");

	if (strcmp((const char *)root->name, "rspec") != 0)
		return xml_err(&in->xml, root, EINVAL,
			"<%.48s> is no RSpec: a request starts with <rspec type=\"request\">",
			(const char *)root->name);
	if (!xml_in_ns(root, XML_NS_RSPEC))
		return xml_err(&in->xml, root, EINVAL,
			"<rspec> is of namespace '%.64s': give RSpec version 3, xmlns=\"%s\"",
			root->ns != NULL ? (const char *)root->ns->href : "", XML_NS_RSPEC);
	if (type != NULL && strcmp(type, "request") != 0)
		return xml_err(&in->xml, root, EINVAL,
			"<rspec type=\"%.32s\">: give a request (type=\"request\")", type);
	return 0;
}

/* Links refer to interfaces of any node, so nodes are read first. */
static int children_parse(const struct spec_in *in, xmlNode *root)
{
	xmlNode *child;
	int rc = 0;

	for (child = xml_first(root); child != NULL && rc == 0; child = xml_next(child)) {
		if (xml_is(child, XML_NS_RSPEC, "node"))
			rc = spec_node(in, child);
		else if (xml_is(child, XML_NS_LAMINA, "slice"))
			rc = slice_parse(in, child);
		else if (!xml_is(child, XML_NS_RSPEC, "link"))
			rc = spec_stranger(in, child);
	}
	for (child = xml_first(root); child != NULL && rc == 0; child = xml_next(child))
		if (xml_is(child, XML_NS_RSPEC, "link"))
			rc = spec_link(in, child);
	if (rc == 0 && in->spec->n_nodes == 0)
		rc = xml_err(&in->xml, root, EINVAL, "the request has no <node>");
	return rc == 0 ? spec_check_links(in) : rc;
}

static int doc_parse(const struct spec_in *in, xmlDoc *doc)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	int rc = root_check(in, root);

	if (rc == 0)
		rc = xml_schema_check(&in->xml, XML_SCHEMA_RSPEC, doc);
	if (rc == 0)
		rc = xml_schema_check_ext(&in->xml, root);
	if (rc == 0 && xml_attr(root, "expires") != NULL)
		rc = spec_warn(
			in, root, "<rspec> expires has no effect: destroy the slice yourself");
	return rc == 0 ? children_parse(in, root) : rc;
}

int lm_spec_parse(const char *file, const char *text, size_t len, const char *own_node,
	struct lm_spec *spec, struct lm_err *err)
{
	struct spec_in in = {
		.xml = {.file = file, .page = SPEC_PAGE, .err = err},
		.spec = spec,
		.own_node = own_node,
	};
	xmlDoc *doc;
	int rc;

	memset(spec, 0, sizeof(*spec));
	memset(err, 0, sizeof(*err));
	doc = xml_load(&in.xml, text, len, LM_SPEC_BYTES_MAX);
	if (doc == NULL)
		return -err->code;
	spec->file = strdup(file);
	rc = spec->file != NULL ? doc_parse(&in, doc)
				: lm_err_set(err, ENOMEM, "%s: out of memory", file);
	xmlFreeDoc(doc);
	if (rc != 0)
		lm_spec_free(spec);
	return rc;
}

void lm_spec_node_clear(struct lm_spec_node *node)
{
	unsigned i;

	for (i = 0; i < node->n_ifaces; i++)
		free(node->ifaces[i].addrs);
	free(node->ifaces);
	free(node->config);
	memset(node, 0, sizeof(*node));
}

void lm_spec_free(struct lm_spec *spec)
{
	unsigned i;

	for (i = 0; i < spec->n_nodes; i++)
		lm_spec_node_clear(&spec->nodes[i]);
	for (i = 0; i < spec->n_links; i++)
		free(spec->links[i].ends);
	for (i = 0; i < spec->n_warnings; i++)
		free(spec->warnings[i]);
	free(spec->nodes);
	free(spec->links);
	free(spec->warnings);
	free(spec->file);
	memset(spec, 0, sizeof(*spec));
}
