/* SPDX-License-Identifier: BSD-3-Clause */
/* /run/lamina: what all nodes of a machine share there, and how the last one leaves nothing. */
#ifndef LM_SLICEMGR_RUN_DIR_H
#define LM_SLICEMGR_RUN_DIR_H

#include <stdbool.h>

#include "mp/err.h"

#define LM_RUN_DIR     "/run/lamina"
#define LM_CGROUP_LOCK LM_RUN_DIR "/.cgroup.lock"

/**
 * Open the file (`is_dir`: directory) `path`, made when missing (with the directory around it), and
 * flock() it `how`. What is locked is what the path names even when somebody removes it meanwhile.
 * Returns a descriptor to close, or a negative errno (EAGAIN: LOCK_NB and somebody holds it).
 */
int lm_lock_path(const char *path, bool is_dir, int how, struct lm_err *err);

/** Remove what is shared when nobody uses it. For a node that has just gone. */
void lm_run_dir_tidy(void);

#endif
