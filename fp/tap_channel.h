/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket over which lamina-init hands TAPs to the FP (docs/architecture.md). */
#ifndef LM_FP_TAP_CHANNEL_H
#define LM_FP_TAP_CHANNEL_H

#include "fp/tap_io.h"

struct lm_tap_channel;

/**
 * Read messages from `fd` (a SOCK_SEQPACKET socket, taken over) and give the TAPs in them to `io`;
 * on_end(ctx) is called at {"end":true}, on_closed(ctx) when the other end is gone. NULL with
 * `err`.
 */
struct lm_tap_channel *lm_tap_channel_new(struct event_base *base, int fd, struct lm_tap_io *io,
	struct lm_ports *ports, void (*on_end)(void *ctx), void (*on_closed)(void *ctx), void *ctx,
	struct lm_err *err);
void lm_tap_channel_free(struct lm_tap_channel *ch);

#endif
