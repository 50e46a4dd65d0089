/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside the node's configuration: <legacy>, the router of frames that belong to no slice. */
#ifndef LM_SLICEMGR_NODE_CONFIG_LEGACY_H
#define LM_SLICEMGR_NODE_CONFIG_LEGACY_H

#include "slicemgr/node_config.h"
#include "slicemgr/xml_doc.h"

int conf_legacy_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_node *node);

/** After all ports are known: each interface's port exists, is a trunk and has no other. */
int conf_legacy_check(const struct xml_in *in, const struct lm_node_conf *conf);

#endif
