/* SPDX-License-Identifier: BSD-3-Clause */
/* May this slice be on this node? Pure: looks at what is planned and what runs, changes nothing
 * but the cores it gives. */
#ifndef LM_SLICEMGR_ADMISSION_H
#define LM_SLICEMGR_ADMISSION_H

#include "slicemgr/state.h"

/**
 * Check `slice` (planned, in no list) against the node and its slices: name and id, access ports
 * that others hold, number of slivers, memory, cores. Gives dedicated cores to its slivers. Returns
 * 0, or -EEXIST (taken) or -ENOSPC (not enough) with "file:line: ..." in `err`.
 */
int admission_check(struct slice *slice, struct lm_err *err);

/** The node's sliver cores that are dedicated to nobody. */
struct lm_cores admission_shared_cores(const struct node *node);

#endif
