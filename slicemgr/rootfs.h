/* SPDX-License-Identifier: BSD-3-Clause */
/* The root directory of a sliver: empty mount points, links and a small /etc. */
#ifndef LM_SLICEMGR_ROOTFS_H
#define LM_SLICEMGR_ROOTFS_H

#include "mp/err.h"

/**
 * Directories of the host that a sliver sees read-only at the same path, where they exist; an
 * array that ends with NULL. lm_rootfs_make() makes their mount points.
 */
extern const char *const lm_rootfs_binds[];

/**
 * Make the root directory `dir` (must not exist). It holds mount points, the host's /bin, /lib...
 * links, and /etc with the accounts a router needs (numeric ids as on the host) and `hostname`.
 * It is never written again: the sliver mounts it read-only. Negative errno on failure; what was
 * made is then left for lm_rootfs_remove().
 */
int lm_rootfs_make(const char *dir, const char *hostname, struct lm_err *err);

/** Remove the directory tree `dir` without following links or crossing mounts. Absent: no error. */
int lm_rootfs_remove(const char *dir, struct lm_err *err);

#endif
