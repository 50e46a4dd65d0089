/* SPDX-License-Identifier: BSD-3-Clause */
/* XML documents from strangers: bounded, without DTD, entities or network; then helpers to walk. */
#ifndef LM_SLICEMGR_XML_DOC_H
#define LM_SLICEMGR_XML_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libxml/tree.h>

#include "mp/err.h"

#define XML_DEPTH_MAX	 32
#define XML_ELEMENTS_MAX 20000

#define XML_NS_RSPEC  "http://www.geni.net/resources/rspec/3"
#define XML_NS_LAMINA "urn:lamina:rspec:vrouter:1"
#define XML_NS_NODE   "urn:lamina:node:1"

/** What every walk needs: the file's name for messages and where the error goes. */
struct xml_in {
	const char *file;
	const char *page; /* the documentation to name in messages of the schema */
	struct lm_err *err;
};

/**
 * Parse `len` octets of UTF-8 XML, at most `max` of them, XML_DEPTH_MAX levels and XML_ELEMENTS_MAX
 * elements. Returns the document (xmlFreeDoc()) or NULL with in->err "file:line: ...".
 */
xmlDoc *xml_load(const struct xml_in *in, const char *text, size_t len, size_t max);

/** Fill in->err with "file:line: message" at the line of `node`. Returns -code. */
int xml_err(const struct xml_in *in, const xmlNode *node, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** As xml_err() with EINVAL at a line number kept from earlier. */
int xml_err_line(const struct xml_in *in, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Line of an element (where its start tag ends). */
int xml_line(const xmlNode *node);

/** First child element, or NULL; and the next sibling element. */
xmlNode *xml_first(const xmlNode *node);
xmlNode *xml_next(const xmlNode *node);

/** Is the element `name` of namespace `ns`? */
bool xml_is(const xmlNode *node, const char *ns, const char *name);
bool xml_in_ns(const xmlNode *node, const char *ns);

/** Value of the attribute without namespace, "" when empty, NULL when absent. Owned by the tree. */
const char *xml_attr(xmlNode *node, const char *name);

/**
 * A whole decimal number attribute from `min` to `max`; `*out` stays when it is absent. Returns 0
 * or -EINVAL.
 */
int xml_attr_uint(const struct xml_in *in, xmlNode *node, const char *name, uint64_t min,
	uint64_t max, uint64_t *out);

/** A boolean attribute (true, false, 1, 0, yes, no); `*out` stays when it is absent. */
int xml_attr_bool(const struct xml_in *in, xmlNode *node, const char *name, bool *out);

/** "element" or "lm:element" for messages. */
const char *xml_show(const xmlNode *node, char *buf, size_t size);

#endif
