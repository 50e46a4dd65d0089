/* SPDX-License-Identifier: BSD-3-Clause */
/* What `lamina inspect` and `lamina counters` show: gathered from slicemgr, substrate and agents.
 */
#ifndef LM_SLICEMGR_INSPECT_H
#define LM_SLICEMGR_INSPECT_H

#include <jansson.h>

#include "slicemgr/state.h"

/**
 * Gather for slice `name` (NULL: all) and answer `later` when every agent has answered or its time
 * is over. Whatever a sliver says is bounded and shown as such; it cannot hold up the node.
 */
void inspect_answer(struct node *node, const char *name, struct lm_rpc_later *later);

/** As inspect_answer(), for counters. */
void counters_answer(struct node *node, const char *name, struct lm_rpc_later *later);

#endif
