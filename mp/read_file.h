/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole file of bounded length in memory. */
#ifndef LM_MP_READ_FILE_H
#define LM_MP_READ_FILE_H

#include <stddef.h>

#include "mp/err.h"

/**
 * Read at most `max` octets of `path`; a longer file is cut at `max` + 1, so that *len > max tells.
 * Caller frees *text (terminated). 0, or a negative errno with "PATH: why" in `err`.
 */
int lm_read_file(const char *path, size_t max, char **text, size_t *len, struct lm_err *err);

#endif
