/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/xml_doc.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the callbacks of one parse share, in the parser's _private. */
struct load {
	const struct xml_in *in;
	int depth, elements;
	bool failed;
};

static pthread_once_t parser_once = PTHREAD_ONCE_INIT;

static struct load *load_of(void *ctx)
{
	return ((xmlParserCtxt *)ctx)->_private;
}

/* Only the first fault is told: later ones follow from it. */
static void __attribute__((format(printf, 4, 5)))
load_fail(xmlParserCtxt *ctxt, int code, int line, const char *fmt, ...)
{
	struct load *load = load_of(ctxt);
	char msg[256];
	va_list ap;

	if (load->failed)
		return;
	load->failed = true;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	msg[strcspn(msg, "\n")] = '\0';
	lm_err_set(load->in->err, code, "%s:%d: %s", load->in->file, line, msg);
	xmlStopParser(ctxt);
}

static void on_error(void *ctx, xmlError *error)
{
	xmlParserCtxt *ctxt = ctx;

	if (error->level < XML_ERR_ERROR)
		return;
	if (error->code == XML_ERR_NO_MEMORY)
		load_fail(ctxt, ENOMEM, error->line, "out of memory");
	else
		load_fail(ctxt, EINVAL, error->line, "not well-formed XML: %s",
			error->message != NULL ? error->message : "unknown fault");
}

static void on_doctype(
	void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	xmlParserCtxt *ctxt = ctx;

	(void)name;
	(void)external;
	(void)system;
	load_fail(ctxt, EINVAL, xmlSAX2GetLineNumber(ctxt),
		"DOCTYPE is not allowed (no DTDs, no entities): remove it");
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	int n_ns, const xmlChar **ns, int n_attrs, int n_defaulted, const xmlChar **attrs)
{
	xmlParserCtxt *ctxt = ctx;
	struct load *load = load_of(ctx);

	if (++load->depth > XML_DEPTH_MAX) {
		load_fail(ctxt, E2BIG, xmlSAX2GetLineNumber(ctxt),
			"elements nest deeper than %d levels", XML_DEPTH_MAX);
		return;
	}
	if (++load->elements > XML_ELEMENTS_MAX) {
		load_fail(ctxt, E2BIG, xmlSAX2GetLineNumber(ctxt), "more than %d elements",
			XML_ELEMENTS_MAX);
		return;
	}
	xmlSAX2StartElementNs(ctx, name, prefix, uri, n_ns, ns, n_attrs, n_defaulted, attrs);
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	load_of(ctx)->depth--;
	xmlSAX2EndElementNs(ctx, name, prefix, uri);
}

static int line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

xmlDoc *xml_load(const struct xml_in *in, const char *text, size_t len, size_t max)
{
	struct load load = {.in = in};
	const char *nul;
	xmlParserCtxt *ctxt;
	xmlDoc *doc;

	pthread_once(&parser_once, xmlInitParser);
	if (len > max) {
		lm_err_set(in->err, E2BIG, "%s: the file has %zu octets, more than %zu", in->file,
			len, max);
		return NULL;
	}
	nul = len != 0 ? memchr(text, '\0', len) : NULL;
	if (nul != NULL || len == 0) {
		lm_err_set(in->err, EINVAL, "%s:%d: %s", in->file,
			nul != NULL ? line_of(text, nul) : 1,
			nul != NULL ? "a NUL octet: the file must be UTF-8 text"
				    : "the file is empty");
		return NULL;
	}
	ctxt = xmlNewParserCtxt();
	if (ctxt == NULL) {
		lm_err_set(in->err, ENOMEM, "%s: out of memory", in->file);
		return NULL;
	}
	ctxt->_private = &load;
	ctxt->sax->serror = on_error;
	ctxt->sax->internalSubset = on_doctype;
	ctxt->sax->startElementNs = on_start;
	ctxt->sax->endElementNs = on_end;
	/* The encoding is given, so that no declaration in the file can choose another decoder. */
	doc = xmlCtxtReadMemory(ctxt, text, (int)len, NULL, "UTF-8",
		XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES | XML_PARSE_NOERROR |
			XML_PARSE_NOWARNING);
	if (!load.failed && (doc == NULL || xmlDocGetRootElement(doc) == NULL))
		load_fail(ctxt, EINVAL, 1, "not well-formed XML");
	if (load.failed) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(ctxt);
	return doc;
}

int xml_line(const xmlNode *node)
{
	return (int)xmlGetLineNo(node);
}

static int err_at(const struct xml_in *in, int line, int code, const char *fmt, va_list ap)
{
	char msg[LM_ERR_MSG_MAX];

	vsnprintf(msg, sizeof(msg), fmt, ap);
	return lm_err_set(in->err, code, "%s:%d: %s", in->file, line, msg);
}

int xml_err(const struct xml_in *in, const xmlNode *node, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_at(in, xml_line(node), code, fmt, ap);
	va_end(ap);
	return -code;
}

int xml_err_line(const struct xml_in *in, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_at(in, line, EINVAL, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static xmlNode *element_from(xmlNode *node)
{
	while (node != NULL && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *xml_first(const xmlNode *node)
{
	return element_from(node->children);
}

xmlNode *xml_next(const xmlNode *node)
{
	return element_from(node->next);
}

bool xml_in_ns(const xmlNode *node, const char *ns)
{
	return node->ns != NULL && node->ns->href != NULL &&
	       strcmp((const char *)node->ns->href, ns) == 0;
}

bool xml_is(const xmlNode *node, const char *ns, const char *name)
{
	return strcmp((const char *)node->name, name) == 0 && xml_in_ns(node, ns);
}

const char *xml_attr(xmlNode *node, const char *name)
{
	xmlAttr *attr = xmlHasNsProp(node, (const xmlChar *)name, NULL);
	xmlChar *value;

	if (attr == NULL)
		return NULL;
	if (attr->children == NULL)
		return "";
	if (attr->children->type != XML_TEXT_NODE || attr->children->next != NULL) {
		/* "&amp;" and the like make several nodes: put one text in their place */
		value = xmlNodeListGetString(node->doc, attr->children, 1);
		if (value == NULL)
			return "";
		attr = xmlSetNsProp(node, NULL, (const xmlChar *)name, value);
		xmlFree(value);
		if (attr == NULL || attr->children == NULL)
			return "";
	}
	return attr->children->content != NULL ? (const char *)attr->children->content : "";
}

int xml_attr_uint(const struct xml_in *in, xmlNode *node, const char *name, uint64_t min,
	uint64_t max, uint64_t *out)
{
	const char *text = xml_attr(node, name);
	char show[64];
	uint64_t value;
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < min || value > max)
		return xml_err(in, node, EINVAL,
			"<%s> %s=\"%.32s\": give a whole number %llu to %llu",
			xml_show(node, show, sizeof(show)), name, text, (unsigned long long)min,
			(unsigned long long)max);
	*out = value;
	return 0;
}

int xml_attr_bool(const struct xml_in *in, xmlNode *node, const char *name, bool *out)
{
	const char *text = xml_attr(node, name);
	char show[64];

	if (text == NULL)
		return 0;
	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0)
		*out = true;
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || strcmp(text, "no") == 0)
		*out = false;
	else
		return xml_err(in, node, EINVAL, "<%s> %s=\"%.32s\": give true or false",
			xml_show(node, show, sizeof(show)), name, text);
	return 0;
}

const char *xml_show(const xmlNode *node, char *buf, size_t size)
{
	snprintf(buf, size, "%s%.48s", xml_in_ns(node, XML_NS_LAMINA) ? "lm:" : "",
		(const char *)node->name);
	return buf;
}
