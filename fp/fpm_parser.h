/* SPDX-License-Identifier: BSD-3-Clause */
/* The octets of an FPM connection to route events. Pure: no socket, clock or table. */
#ifndef LM_FP_FPM_PARSER_H
#define LM_FP_FPM_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "fp/rtmsg.h"

struct lm_fpm_parser;

/**
 * Takes one event, never of type LM_RTMSG_IGNORED; `msg` is valid during the call. A negative errno
 * value ends the feeding and is returned from it.
 */
typedef int (*lm_fpm_event_fn)(void *ctx, const struct lm_rtmsg *msg);

/** A parser at the start of a connection (about 72 KiB), or NULL without memory. */
struct lm_fpm_parser *lm_fpm_parser_new(lm_fpm_event_fn on_event, void *ctx);

/** NULL is ignored. */
void lm_fpm_parser_free(struct lm_fpm_parser *parser);

/** Forget a half-read frame: the next octet is the first of a new connection. */
void lm_fpm_parser_reset(struct lm_fpm_parser *parser);

/**
 * Take the next `len` octets of the connection, in pieces of any size; events are given as soon as
 * their frame is whole. DELROUTE followed by NEWROUTE of the same prefix in one frame is one
 * LM_RTMSG_ROUTE_REPLACE. Returns 0; -EBADMSG with `err` naming the octet of the stream and the
 * rule: then the connection must be reset; or what the callback returned.
 */
int lm_fpm_parser_feed(
	struct lm_fpm_parser *parser, const void *data, size_t len, struct lm_err *err);

/** Messages passed over because they are not ours, and routes that had to be simplified. */
void lm_fpm_parser_counts(
	const struct lm_fpm_parser *parser, uint64_t *ignored, uint64_t *unsupported);

#endif
