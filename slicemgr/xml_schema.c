/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/xml_schema.h"

#include <errno.h>
#include <libxml/xmlschemas.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The .xsd files become part of the program: a node needs no file to judge a request. */
#define EMBED(symbol, path)                                                          \
	__asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"" path "\"\n" #symbol \
		"_end:\n.byte 0\n.popsection\n");                                    \
	extern const char symbol[] __attribute__((visibility("hidden")));            \
	extern const char symbol##_end[] __attribute__((visibility("hidden")))

EMBED(lm_xsd_rspec, "slicemgr/schema/lamina-rspec.xsd");
EMBED(lm_xsd_ext, "slicemgr/schema/lamina-ext.xsd");
EMBED(lm_xsd_manifest, "slicemgr/schema/lamina-manifest.xsd");
EMBED(lm_xsd_node, "slicemgr/schema/lamina-node.xsd");

#define N_SCHEMAS 4

static xmlSchema *schemas[N_SCHEMAS];
static pthread_once_t schemas_once = PTHREAD_ONCE_INIT;

static xmlSchema *schema_parse(const char *text, const char *end)
{
	xmlSchemaParserCtxt *ctxt = xmlSchemaNewMemParserCtxt(text, (int)(end - text));
	xmlSchema *schema = NULL;

	if (ctxt != NULL) {
		schema = xmlSchemaParse(ctxt);
		xmlSchemaFreeParserCtxt(ctxt);
	}
	return schema;
}

static void schemas_load(void)
{
	schemas[XML_SCHEMA_RSPEC] = schema_parse(lm_xsd_rspec, lm_xsd_rspec_end);
	schemas[XML_SCHEMA_EXT] = schema_parse(lm_xsd_ext, lm_xsd_ext_end);
	schemas[XML_SCHEMA_MANIFEST] = schema_parse(lm_xsd_manifest, lm_xsd_manifest_end);
	schemas[XML_SCHEMA_NODE] = schema_parse(lm_xsd_node, lm_xsd_node_end);
}

/* Take every occurrence of `what` out of `s` and put the (not longer) `with` there. */
static void replace(char *s, const char *what, const char *with)
{
	size_t a = strlen(what), b = strlen(with), i;

	while ((s = strstr(s, what)) != NULL) {
		for (i = 0; i < b; i++)
			s[i] = with[i];
		memmove(s + b, s + a, strlen(s + a) + 1);
		s += b;
	}
}

/* "[facet 'enumeration'] " says nothing to a user. */
static void drop_facet(char *s)
{
	char *from = strstr(s, "[facet "), *to;

	if (from == NULL)
		return;
	to = strstr(from, "] ");
	if (to != NULL)
		memmove(from, to + 2, strlen(to + 2) + 1);
}

/* Put what a user can write in the place of a schema type's name. */
static void explain_type(char *s, size_t size)
{
	static const struct {
		const char *type, *give;
	} hints[] = {
		{"xs:positiveInteger", "a whole number from 1"},
		{"xs:nonNegativeInteger", "a whole number"},
		{"xs:unsignedInt", "a whole number 0 to 4294967295"},
		{"lm:uint32", "a whole number 1 to 4294967295"},
		{"lm:mtu", "a whole number 576 to 9216"},
		{"xs:boolean", "true or false"},
		{"xs:dateTime", "a time as 2030-01-01T00:00:00Z"},
	};
	char *from = strstr(s, " of the atomic type '");
	unsigned i;

	for (i = 0; from != NULL && i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strstr(from, hints[i].type) != NULL) {
			snprintf(from, size - (size_t)(from - s), ": give %s", hints[i].give);
			return;
		}
}

static void on_invalid(void *ctx, xmlError *error)
{
	const struct xml_in *in = ctx;
	char msg[2048]; /* before the namespaces are taken out */
	size_t len;

	if (in->err->code != 0 || error->message == NULL)
		return;
	snprintf(msg, sizeof(msg), "%s", error->message);
	replace(msg, "{" XML_NS_RSPEC "}", "");
	replace(msg, "{" XML_NS_LAMINA "}", "lm:");
	replace(msg, "{" XML_NS_NODE "}", "");
	replace(msg, "Element '", "element '");
	replace(msg, ", ##other*", "");
	replace(msg, "No matching global declaration available for the validation root",
		"There is no such element");
	drop_facet(msg);
	explain_type(msg, sizeof(msg));
	len = strcspn(msg, "\n");
	while (len > 0 && (msg[len - 1] == '.' || msg[len - 1] == ' '))
		len--;
	msg[len] = '\0';
	lm_err_set(in->err, EINVAL, "%s:%d: %.320s (see %s)", in->file,
		error->node != NULL ? xml_line(error->node) : error->line, msg, in->page);
}

static xmlSchemaValidCtxt *valid_ctxt(const struct xml_in *in, enum xml_schema which)
{
	xmlSchemaValidCtxt *ctxt = NULL;

	pthread_once(&schemas_once, schemas_load);
	if (schemas[which] != NULL)
		ctxt = xmlSchemaNewValidCtxt(schemas[which]);
	if (ctxt == NULL) {
		lm_err_set(in->err, ENOMEM, "%s: no memory for the XML schema", in->file);
		return NULL;
	}
	in->err->code = 0;
	xmlSchemaSetValidStructuredErrors(ctxt, on_invalid, (void *)(uintptr_t)in);
	return ctxt;
}

static int verdict(const struct xml_in *in, int rc)
{
	if (rc == 0 && in->err->code == 0)
		return 0;
	if (in->err->code == 0)
		return lm_err_set(in->err, EINVAL, "%s:1: breaks the XML schema (see %s)", in->file,
			in->page);
	return -in->err->code;
}

int xml_schema_check(const struct xml_in *in, enum xml_schema which, xmlDoc *doc)
{
	xmlSchemaValidCtxt *ctxt = valid_ctxt(in, which);
	int rc;

	if (ctxt == NULL)
		return -in->err->code;
	rc = xmlSchemaValidateDoc(ctxt, doc);
	xmlSchemaFreeValidCtxt(ctxt);
	return verdict(in, rc);
}

static int check_ext(const struct xml_in *in, xmlSchemaValidCtxt *ctxt, xmlNode *node)
{
	xmlNode *child;
	int rc;

	for (child = xml_first(node); child != NULL; child = xml_next(child)) {
		if (xml_in_ns(child, XML_NS_LAMINA))
			rc = verdict(in, xmlSchemaValidateOneElement(ctxt, child));
		else
			rc = check_ext(in, ctxt, child); /* depth: XML_DEPTH_MAX */
		if (rc != 0)
			return rc;
	}
	return 0;
}

int xml_schema_check_ext(const struct xml_in *in, xmlNode *root)
{
	xmlSchemaValidCtxt *ctxt = valid_ctxt(in, XML_SCHEMA_EXT);
	int rc;

	if (ctxt == NULL)
		return -in->err->code;
	rc = check_ext(in, ctxt, root);
	xmlSchemaFreeValidCtxt(ctxt);
	return rc;
}
