/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's side of the slow path: punted frames into TAPs, the kernel's frames out. */
#ifndef LM_FP_TAP_IO_H
#define LM_FP_TAP_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/dataplane.h"
#include "mp/err.h"

struct event_base;
struct lm_tap_io;

/** `counters`: the control thread's. NULL with `err`. */
struct lm_tap_io *lm_tap_io_new(struct event_base *base, struct lm_worker *w,
	struct lm_counters *counters, struct lm_err *err);

/** Closes the TAPs' descriptors. NULL is ignored. */
void lm_tap_io_free(struct lm_tap_io *io);

/** Use `fd` (taken over) for a TAP; takes the place of an older descriptor. */
int lm_tap_io_set(struct lm_tap_io *io, uint16_t tap, int fd, struct lm_err *err);

/** Open (or make) the TAP of that name in this network namespace, with its MAC and MTU, and raise
 * it: for use without lamina-init. */
int lm_tap_io_open(struct lm_tap_io *io, uint16_t tap, struct lm_err *err);

#endif
