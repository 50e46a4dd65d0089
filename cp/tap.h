/* SPDX-License-Identifier: BSD-3-Clause */
/* TAP devices: the door between a sliver's kernel and its forwarding plane. */
#ifndef LM_CP_TAP_H
#define LM_CP_TAP_H

#include <stdbool.h>

#include "mp/err.h"

/**
 * Make or attach to the persistent TAP `name` (frames without packet information, non-blocking,
 * close-on-exec). Its carrier stays while the descriptor is open somewhere. Returns the descriptor
 * or a negative errno.
 */
int tap_open(const char *name, struct lm_err *err);

/** Give or take the carrier of the TAP behind `fd`. */
int tap_set_carrier(int fd, bool on);

#endif
