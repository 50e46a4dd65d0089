/* SPDX-License-Identifier: BSD-3-Clause */
/* The XML schemas of this folder, built into the program. */
#ifndef LM_SLICEMGR_XML_SCHEMA_H
#define LM_SLICEMGR_XML_SCHEMA_H

#include "slicemgr/xml_doc.h"

enum xml_schema { XML_SCHEMA_RSPEC, XML_SCHEMA_EXT, XML_SCHEMA_MANIFEST, XML_SCHEMA_NODE };

/** Check the whole document. 0, or -EINVAL with in->err: "file:line: <element>: rule". */
int xml_schema_check(const struct xml_in *in, enum xml_schema which, xmlDoc *doc);

/** Check every outermost element of Lamina's RSpec extension below `root` against its schema. */
int xml_schema_check_ext(const struct xml_in *in, xmlNode *root);

#endif
