/* SPDX-License-Identifier: BSD-3-Clause */
/* One Lamina node: its run directory, substrate, socket and slices. */
#ifndef LM_SLICEMGR_NODE_H
#define LM_SLICEMGR_NODE_H

#include "mp/rpc.h"
#include "slicemgr/state.h"

/**
 * Bring the node of config file `file` up on `base`. 0: it serves; when its legacy router (if any)
 * is ready, too, "ready NODE" is written to `ready_fd` (-1: nobody waits), or "error WHY" and the
 * loop ends with node->exit_code 1. On failure nothing is left behind and a negative errno is
 * returned with `err`.
 */
int node_start(struct node *node, struct event_base *base, const char *file, int ready_fd,
	struct lm_err *err);

/** Begin the orderly end: slices, substrate, run directory; then the loop is left. */
void node_end(struct node *node);

/** After the loop: release everything. */
void node_free(struct node *node);

/* What slices tell (slice.h). `err`: the legacy router could not be started. */
void node_slice_ready(const struct slice *slice);
void node_slice_gone(struct node *node, const struct lm_err *err);

/** The methods of slicemgr.sock; ctx is the node. */
extern const struct lm_rpc_method node_methods[];

#endif
