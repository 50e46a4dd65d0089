/* SPDX-License-Identifier: BSD-3-Clause */
/* Run runc and wait for it. */
#ifndef LM_SLICEMGR_CONTAINER_RUN_H
#define LM_SLICEMGR_CONTAINER_RUN_H

#include <stddef.h>

#include "mp/err.h"

/**
 * Run `argv` (NULL-terminated; argv[0] is looked up in the system's paths) in its own session with
 * a clean environment and only descriptors 0 (/dev/null), 1 and 2. With `out` its standard output
 * is captured there (terminated, cut at `size` - 1); otherwise both outputs go to descriptor
 * `log_fd`, -1: /dev/null. Returns its exit status (0..255), or a negative errno: ENOENT (no such
 * program), ETIMEDOUT (killed after `timeout_ms`), ECHILD (ended by a signal).
 */
int lm_container_run(const char *const *argv, int log_fd, char *out, size_t size, int timeout_ms,
	struct lm_err *err);

#endif
