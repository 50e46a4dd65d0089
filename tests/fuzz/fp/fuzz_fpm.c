/* SPDX-License-Identifier: BSD-3-Clause */
/* Any octets as an FPM connection, in pieces, into the route table, over two connections and a
 * sweep. A model sink checks what the table promises: prefixes are canonical, counts bounded, and
 * nothing is removed that was not given. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fp/fpm_parser.h"
#include "fp/fpm_routes.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static int64_t balance;

static void check_prefix(const struct lm_prefix *p)
{
	unsigned int bits = p->family == AF_INET ? 32 : 128;

	MUST(p->family == AF_INET || p->family == AF_INET6);
	MUST(p->len <= bits);
	for (unsigned int i = p->len; i < 128; i++)
		MUST((p->addr[i / 8] & (0x80 >> (i % 8))) == 0);
}

static int sink_replace(void *ctx, const struct lm_route *route)
{
	(void)ctx;
	check_prefix(&route->prefix);
	MUST(route->type <= LM_ROUTE_PROHIBIT);
	MUST(route->n_nexthops <= LM_ROUTE_NEXTHOPS_MAX);
	MUST((route->n_nexthops > 0) == (route->type == LM_ROUTE_UNICAST));
	for (unsigned int i = 0; i < route->n_nexthops; i++) {
		MUST(route->nexthops[i].weight >= 1 && route->nexthops[i].weight <= 256);
		MUST(route->nexthops[i].family == 0 || route->nexthops[i].family == AF_INET ||
			route->nexthops[i].family == AF_INET6);
	}
	balance++;
	/* now and then a full FIB */
	return route->prefix.addr[3] == 0xee ? -28 : 0;
}

static int sink_remove(void *ctx, const struct lm_prefix *prefix)
{
	(void)ctx;
	check_prefix(prefix);
	MUST(balance > 0);
	return 0;
}

static int on_event(void *ctx, const struct lm_rtmsg *msg)
{
	MUST(msg->type != LM_RTMSG_IGNORED);
	return lm_fpm_routes_apply(ctx, msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lm_route_sink sink = {.replace = sink_replace, .remove = sink_remove};
	struct lm_fpm_routes *table = lm_fpm_routes_new(&sink);
	struct lm_fpm_parser *parser = lm_fpm_parser_new(on_event, table);
	struct lm_fpm_routes_stats stats;
	struct lm_err err = {0};
	size_t half = size / 2, piece = size > 0 ? 1 + data[size - 1] : 1;

	balance = 0;
	for (int round = 0; round < 2; round++) {
		lm_fpm_parser_reset(parser);
		lm_fpm_routes_new_epoch(table);
		/* all of it first, then only the second half: some routes go stale */
		for (size_t at = round * half; at < size; at += piece) {
			size_t n = size - at < piece ? size - at : piece;

			if (lm_fpm_parser_feed(parser, data + at, n, &err) < 0)
				break;
			lm_fpm_routes_work(table, 2);
		}
	}
	lm_fpm_routes_sweep(table);
	for (int i = 0; i < 1000 && lm_fpm_routes_work(table, 1000); i++)
		;
	lm_fpm_routes_stats(table, &stats);
	MUST(stats.stale == 0 && stats.routes <= size / 40 + 1);
	lm_fpm_parser_free(parser);
	lm_fpm_routes_free(table);
	return 0;
}
