/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of a real zebra 8.4.4 (record_fpm.py), with next-hop groups off and on: the tables they
 * lead to, however the octets are split. */
#include <check.h>
#include <stdio.h>

#include "fp/fpm_parser.h"
#include "fp/fpm_routes.h"
#include "tests/unit/fp/fpm_build.h"

#define DATA "tests/unit/fp/data/"

static struct {
	struct lm_route routes[64];
	unsigned int n, changes;
} fib;

static unsigned int place_of(const struct lm_prefix *prefix)
{
	unsigned int i = 0;

	while (i < fib.n && memcmp(&fib.routes[i].prefix, prefix, sizeof(*prefix)) != 0)
		i++;
	return i;
}

static int fib_replace(void *ctx, const struct lm_route *route)
{
	unsigned int i = place_of(&route->prefix);

	(void)ctx;
	if (i == fib.n)
		ck_assert_uint_lt(fib.n++, 64);
	fib.routes[i] = *route;
	fib.changes++;
	return 0;
}

static int fib_remove(void *ctx, const struct lm_prefix *prefix)
{
	unsigned int i = place_of(prefix);

	(void)ctx;
	ck_assert_uint_lt(i, fib.n); /* only what it was given is taken back */
	fib.routes[i] = fib.routes[--fib.n];
	fib.changes++;
	return 0;
}

static int by_prefix(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lm_prefix));
}

/* The table as text, in the order of prefixes; returns its length. */
static size_t fib_text(char *text, size_t size)
{
	static const char *const types[] = {"", " blackhole", " unreachable", " prohibit"};
	size_t len = 0;

	qsort(fib.routes, fib.n, sizeof(fib.routes[0]), by_prefix);
	text[0] = '\0';
	for (unsigned int i = 0; i < fib.n; i++) {
		const struct lm_route *r = &fib.routes[i];
		char addr[INET6_ADDRSTRLEN];

		inet_ntop(r->prefix.family, r->prefix.addr, addr, sizeof(addr));
		len += (size_t)snprintf(
			text + len, size - len, "%s/%u%s", addr, r->prefix.len, types[r->type]);
		for (unsigned int n = 0; n < r->n_nexthops; n++) {
			const struct lm_nexthop *nh = &r->nexthops[n];

			if (nh->family != 0)
				inet_ntop(nh->family, nh->gateway, addr, sizeof(addr));
			len += (size_t)snprintf(text + len, size - len, " %s%%%u",
				nh->family == 0 ? "" : addr, nh->ifindex);
		}
		len += (size_t)snprintf(text + len, size - len, "\n");
	}
	return len;
}

static int on_event(void *ctx, const struct lm_rtmsg *msg)
{
	static const uint8_t sentinel[2] = {0xfe, 0xff};

	if (msg->type == LM_RTMSG_ROUTE_REPLACE && msg->route.prefix.len == 128 &&
		memcmp(msg->route.prefix.addr, sentinel, 2) == 0)
		return 0;
	return lm_fpm_routes_apply(ctx, msg);
}

static char *load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data = calloc(1, 65536);

	ck_assert_msg(f != NULL, "%s is missing: run from the top of the tree", path);
	*len = fread(data, 1, 65535, f);
	fclose(f);
	return data;
}

/* Replay all connections in pieces of `piece` octets; compare the table after each. */
static void replay(const char *path, size_t piece)
{
	struct lm_route_sink sink = {.replace = fib_replace, .remove = fib_remove};
	struct lm_fpm_routes *table = lm_fpm_routes_new(&sink);
	struct lm_fpm_parser *parser = lm_fpm_parser_new(on_event, table);
	size_t size, expected_size, at = 0;
	char *data = load(path, &size);
	char *expected = load(DATA "zebra.tables", &expected_size);
	char all[16384] = "";
	size_t used = 0;
	struct lm_err err = {0};

	fib.n = 0;
	while (at < size) {
		uint32_t len;

		memcpy(&len, data + at, 4);
		at += 4;
		lm_fpm_parser_reset(parser);
		lm_fpm_routes_new_epoch(table);
		for (size_t end = at + len; at < end;) {
			size_t n = end - at < piece ? end - at : piece;
			uint8_t *copy = malloc(n);

			memcpy(copy, data + at, n);
			ck_assert_msg(
				lm_fpm_parser_feed(parser, copy, n, &err) == 0, "%s", err.msg);
			free(copy);
			at += n;
		}
		lm_fpm_routes_sweep(table);
		while (lm_fpm_routes_work(table, 5))
			;
		used += fib_text(all + used, sizeof(all) - used);
		used += (size_t)snprintf(all + used, sizeof(all) - used, "--\n");
	}
	if (getenv("FPM_SHOW") != NULL)
		fputs(all, stderr);
	ck_assert_str_eq(all, expected);
	free(data);
	free(expected);
	lm_fpm_parser_free(parser);
	lm_fpm_routes_free(table);
}

START_TEST(plain)
{
	replay(DATA "zebra-plain.fpm", 65536);
	for (size_t piece = 1; piece < 300; piece += 13)
		replay(DATA "zebra-plain.fpm", piece);
}
END_TEST

START_TEST(with_next_hop_groups)
{
	replay(DATA "zebra-nhg.fpm", 65536);
	for (size_t piece = 1; piece < 300; piece += 13)
		replay(DATA "zebra-nhg.fpm", piece);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fpm_recorded");
	TCase *tc = tcase_create("fpm_recorded");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, plain);
	tcase_add_test(tc, with_next_hop_groups);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
