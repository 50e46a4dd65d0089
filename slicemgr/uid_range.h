/* SPDX-License-Identifier: BSD-3-Clause */
/* Machine-wide allocation of uid ranges: no two slivers of any node share a host uid. */
#ifndef LM_SLICEMGR_UID_RANGE_H
#define LM_SLICEMGR_UID_RANGE_H

#include <stdint.h>

#include "mp/err.h"

#define LM_UID_RANGE_DIR   "/run/lamina/.uids"
#define LM_UID_RANGE_FIRST 0x70000000U
#define LM_UID_RANGE_SIZE  65536U
#define LM_UID_RANGE_COUNT 4096U

/**
 * Take a free range for `owner`, the absolute path of the sliver's directory, and note it in
 * `dir` (LM_UID_RANGE_DIR). `*base` is the first host id. A range that a dead node left is taken
 * again only when that is provable: other boot, or its owner directory is gone, the process that
 * took it has ended and no process runs with an id of it. -ENOSPC when all are in use.
 */
int lm_uid_range_take(const char *dir, const char *owner, uint32_t *base, struct lm_err *err);

/** Give the range at `base` back; it must be `owner`'s (-EPERM). A free range is no error. */
int lm_uid_range_release(const char *dir, const char *owner, uint32_t base, struct lm_err *err);

#endif
