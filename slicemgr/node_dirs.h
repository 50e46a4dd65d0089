/* SPDX-License-Identifier: BSD-3-Clause */
/* The run directory of a node: made and locked at the start, swept of what a crash left, removed.
 */
#ifndef LM_SLICEMGR_NODE_DIRS_H
#define LM_SLICEMGR_NODE_DIRS_H

#include "slicemgr/state.h"

/**
 * Make and lock the run directory, clear away what a dead slice manager left in it (substrate,
 * containers, files). -EBUSY with `err` when this node runs, -EADDRINUSE when another process has
 * one of its sockets; then nothing was changed.
 */
int node_dirs_claim(struct node *node, struct lm_err *err);

/** Remove the run directory with all in it and unlock. Only after node_dirs_claim(). */
void node_dirs_remove(struct node *node);

#endif
