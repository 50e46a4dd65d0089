/* SPDX-License-Identifier: BSD-3-Clause */
/* The directories of a sliver's cgroup; runc makes them, for cgroup v1 and v2 alike. */
#ifndef LM_SLICEMGR_CONTAINER_CGROUP_H
#define LM_SLICEMGR_CONTAINER_CGROUP_H

#include "mp/err.h"

/**
 * Lock against the removal of cgroup parents while a container is made below them, on the whole
 * machine. Returns a descriptor to close, or a negative errno.
 */
int lm_cgroup_hold(struct lm_err *err);

/**
 * Remove PARENT/NAME, then PARENT and its parents where they are empty, in every hierarchy. Waits
 * up to a second for processes that are being killed. -EBUSY when there are still some.
 */
int lm_cgroup_remove(const char *parent, const char *name, struct lm_err *err);

#endif
