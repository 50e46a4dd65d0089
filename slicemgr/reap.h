/* SPDX-License-Identifier: BSD-3-Clause */
/* The slice manager is the parent of all orphans of runc: of containers first of all. */
#ifndef LM_SLICEMGR_REAP_H
#define LM_SLICEMGR_REAP_H

#include "slicemgr/state.h"

/**
 * Reap the ended children that nobody else waits for: pid 1 of a container that was killed while
 * it was made again, what a killed runc left. The substrate and the slivers' own are left to those
 * who watch them.
 */
void reap_orphans(const struct node *node);

#endif
