/* SPDX-License-Identifier: BSD-3-Clause */
/* The route table fed by parsed frames: real changes only, objects in any order, epochs, sweep. */
#include "fp/fpm_routes.h"

#include <check.h>
#include <errno.h>
#include <time.h>

#include "fp/fpm_index.h"
#include "fp/fpm_parser.h"
#include "tests/unit/fp/fpm_build.h"

/* A FIB that remembers the next hops (as a number) of prefixes 10.0.0.0/8 + i, and a call log. */
struct fib {
	char log[8192];
	size_t len;
	unsigned int replaced, removed;
	int refuse;
};

static int fib_replace(void *ctx, const struct lm_route *r)
{
	struct fib *f = ctx;
	char addr[INET6_ADDRSTRLEN];

	if (f->refuse != 0)
		return f->refuse;
	f->replaced++;
	if (f->len > sizeof(f->log) - 512)
		return 0;
	inet_ntop(r->prefix.family, r->prefix.addr, addr, sizeof(addr));
	f->len += (size_t)snprintf(
		f->log + f->len, sizeof(f->log) - f->len, "+%s/%u", addr, r->prefix.len);
	if (r->type != LM_ROUTE_UNICAST)
		f->len += (size_t)snprintf(
			f->log + f->len, sizeof(f->log) - f->len, " type%d", r->type);
	for (unsigned int i = 0; i < r->n_nexthops; i++) {
		inet_ntop(r->nexthops[i].family, r->nexthops[i].gateway, addr, sizeof(addr));
		f->len += (size_t)snprintf(f->log + f->len, sizeof(f->log) - f->len, " %s", addr);
	}
	f->log[f->len++] = '\n';
	f->log[f->len] = '\0';
	return 0;
}

static int fib_remove(void *ctx, const struct lm_prefix *p)
{
	struct fib *f = ctx;
	char addr[INET6_ADDRSTRLEN];

	f->removed++;
	if (f->len > sizeof(f->log) - 512)
		return 0;
	inet_ntop(p->family, p->addr, addr, sizeof(addr));
	f->len += (size_t)snprintf(
		f->log + f->len, sizeof(f->log) - f->len, "-%s/%u\n", addr, p->len);
	return 0;
}

static struct fib fib;
static struct lm_fpm_routes *table;
static struct lm_fpm_parser *parser;
static struct fpm_build b;

static int on_event(void *ctx, const struct lm_rtmsg *msg)
{
	return lm_fpm_routes_apply(ctx, msg);
}

static void setup(void)
{
	struct lm_route_sink sink = {.ctx = &fib, .replace = fib_replace, .remove = fib_remove};

	fib = (struct fib){0};
	b = (struct fpm_build){0};
	table = lm_fpm_routes_new(&sink);
	parser = lm_fpm_parser_new(on_event, table);
	lm_fpm_routes_new_epoch(table);
}

static void teardown(void)
{
	lm_fpm_parser_free(parser);
	lm_fpm_routes_free(table);
	free(b.data);
}

/* Apply what was built and compare what the FIB was told since the last call. */
static void expect(const char *log)
{
	struct lm_err err = {0};

	ck_assert_msg(lm_fpm_parser_feed(parser, b.data, b.len, &err) == 0, "%s", err.msg);
	b.len = 0;
	while (lm_fpm_routes_work(table, 3))
		;
	ck_assert_str_eq(fib.log, log);
	fib.log[0] = '\0';
	fib.len = 0;
}

static struct lm_fpm_routes_stats stats(void)
{
	struct lm_fpm_routes_stats s;

	lm_fpm_routes_stats(table, &s);
	return s;
}

static void new_route(const char *prefix, const char *gateway)
{
	struct lm_nexthop nh = fpm_build_hop(gateway, 3);

	fpm_build_frame(&b, prefix, false, &nh, 1, 0);
}

START_TEST(only_real_changes)
{
	struct lm_nexthop nh[2] = {fpm_build_hop("10.0.0.2", 3), fpm_build_hop("10.0.1.2", 5)};

	fpm_build_frame(&b, "10.1.0.0/16", false, nh, 1, 0);
	expect("+10.1.0.0/16 10.0.0.2\n");
	fpm_build_frame(&b, "10.1.0.0/16", true, nh, 1, 0);
	expect("");
	fpm_build_frame(&b, "10.1.0.0/16", true, nh, 2, 0);
	expect("+10.1.0.0/16 10.0.0.2 10.0.1.2\n");
	fpm_build_frame(&b, "10.1.0.0/16", true, NULL, 0, 0);
	expect("+10.1.0.0/16 type1\n");
	fpm_build_frame_del(&b, "10.1.0.0/16");
	fpm_build_frame_del(&b, "10.1.0.0/16");
	fpm_build_frame_del(&b, "10.7.0.0/16");
	expect("-10.1.0.0/16\n");
	ck_assert_uint_eq(stats().routes, 0);
	/* the same octets, another length, another family: three routes */
	new_route("0.0.0.0/0", "10.0.0.2");
	new_route("0.0.0.0/1", "10.0.0.2");
	new_route("::/0", "2001:db8::2");
	expect("+0.0.0.0/0 10.0.0.2\n+0.0.0.0/1 10.0.0.2\n+::/0 2001:db8::2\n");
	ck_assert_uint_eq(stats().routes, 3);
}
END_TEST

START_TEST(reconnect_and_sweep)
{
	new_route("10.1.0.0/16", "10.0.0.2");
	new_route("10.2.0.0/16", "10.0.0.2");
	new_route("10.3.0.0/16", "10.0.0.2");
	new_route("10.4.0.0/16", "10.0.0.2");
	expect("+10.1.0.0/16 10.0.0.2\n+10.2.0.0/16 10.0.0.2\n+10.3.0.0/16 10.0.0.2\n"
	       "+10.4.0.0/16 10.0.0.2\n");

	/* the connection drops: nothing happens; then a replay without 10.2 and with a new 10.3 */
	lm_fpm_routes_new_epoch(table);
	ck_assert_uint_eq(stats().stale, 4);
	new_route("10.1.0.0/16", "10.0.0.2");
	new_route("10.3.0.0/16", "10.0.0.9");
	fpm_build_frame_del(&b, "10.4.0.0/16");
	expect("+10.3.0.0/16 10.0.0.9\n-10.4.0.0/16\n");
	ck_assert_uint_eq(stats().stale, 1);
	ck_assert_uint_eq(stats().refreshed, 2);
	lm_fpm_routes_sweep(table);
	expect("-10.2.0.0/16\n");
	ck_assert_uint_eq(stats().routes, 2);
	ck_assert_uint_eq(stats().stale, 0);
	ck_assert_uint_eq(stats().swept, 1);
}
END_TEST

START_TEST(a_new_connection_calls_a_sweep_off)
{
	for (int i = 0; i < 10; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%d.0.0/16", i);
		new_route(prefix, "10.0.0.2");
	}
	expect("+10.0.0.0/16 10.0.0.2\n+10.1.0.0/16 10.0.0.2\n+10.2.0.0/16 10.0.0.2\n"
	       "+10.3.0.0/16 10.0.0.2\n+10.4.0.0/16 10.0.0.2\n+10.5.0.0/16 10.0.0.2\n"
	       "+10.6.0.0/16 10.0.0.2\n+10.7.0.0/16 10.0.0.2\n+10.8.0.0/16 10.0.0.2\n"
	       "+10.9.0.0/16 10.0.0.2\n");
	lm_fpm_routes_new_epoch(table);
	lm_fpm_routes_sweep(table);
	ck_assert(lm_fpm_routes_work(table, 2));
	lm_fpm_routes_new_epoch(table);
	expect("-10.0.0.0/16\n-10.1.0.0/16\n");
	ck_assert_uint_eq(stats().routes, 8);
}
END_TEST

START_TEST(seeds)
{
	struct lm_route route = {.type = LM_ROUTE_UNICAST, .n_nexthops = 1};

	teardown();
	setup();
	lm_fpm_routes_free(table);
	table = lm_fpm_routes_new(&(struct lm_route_sink){&fib, fib_replace, fib_remove});
	lm_fpm_parser_free(parser);
	parser = lm_fpm_parser_new(on_event, table);

	route.nexthops[0] = fpm_build_hop("10.0.0.2", 3);
	route.prefix = fpm_build_prefix("10.1.0.0/16");
	ck_assert_int_eq(lm_fpm_routes_seed(table, &route), 0);
	route.prefix = fpm_build_prefix("10.2.0.0/16");
	ck_assert_int_eq(lm_fpm_routes_seed(table, &route), 0);
	expect("+10.1.0.0/16 10.0.0.2\n+10.2.0.0/16 10.0.0.2\n");
	ck_assert_uint_eq(stats().stale, 0);

	lm_fpm_routes_new_epoch(table);
	new_route("10.1.0.0/16", "10.0.0.9");
	expect("+10.1.0.0/16 10.0.0.9\n");
	/* what zebra said stands against a late seed */
	route.prefix = fpm_build_prefix("10.1.0.0/16");
	ck_assert_int_eq(lm_fpm_routes_seed(table, &route), 0);
	lm_fpm_routes_sweep(table);
	expect("-10.2.0.0/16\n");
}
END_TEST

START_TEST(objects_in_any_order)
{
	struct lm_nexthop nh28 = fpm_build_hop("10.0.0.2", 3), nh29 = fpm_build_hop("10.0.1.2", 5);
	uint32_t members[2] = {28, 29};

	fpm_build_frame(&b, "10.1.0.0/16", false, NULL, 0, 30);
	expect("");
	fpm_build_group(&b, 30, members, 2);
	fpm_build_object(&b, 28, &nh28);
	expect("");
	fpm_build_object(&b, 29, &nh29);
	expect("+10.1.0.0/16 10.0.0.2 10.0.1.2\n");
	/* the same as a plain route changes nothing */
	struct lm_nexthop both[2] = {nh28, nh29};
	fpm_build_frame(&b, "10.1.0.0/16", true, both, 2, 0);
	expect("");
	fpm_build_frame(&b, "10.1.0.0/16", true, NULL, 0, 30);
	fpm_build_frame(&b, "10.2.0.0/16", false, NULL, 0, 29);
	expect("+10.2.0.0/16 10.0.1.2\n");
	ck_assert_uint_eq(stats().objects, 3);
}
END_TEST

START_TEST(objects_change)
{
	struct lm_nexthop nh28 = fpm_build_hop("10.0.0.2", 3), nh29 = fpm_build_hop("10.0.1.2", 5);
	uint32_t members[2] = {28, 29};

	fpm_build_object(&b, 28, &nh28);
	fpm_build_object(&b, 29, &nh29);
	fpm_build_group(&b, 30, members, 2);
	fpm_build_frame(&b, "10.1.0.0/16", false, NULL, 0, 30);
	fpm_build_frame(&b, "10.2.0.0/16", false, NULL, 0, 28);
	new_route("10.3.0.0/16", "10.0.0.2");
	expect("+10.1.0.0/16 10.0.0.2 10.0.1.2\n+10.2.0.0/16 10.0.0.2\n+10.3.0.0/16 10.0.0.2\n");
	fpm_build_object(&b, 28, &nh28);
	fpm_build_group(&b, 30, members, 2);
	expect("");
	/* one member moves: both routes that use it do, the plain one does not */
	nh28 = fpm_build_hop("10.0.0.7", 3);
	fpm_build_object(&b, 28, &nh28);
	expect("+10.1.0.0/16 10.0.0.7 10.0.1.2\n+10.2.0.0/16 10.0.0.7\n");
	fpm_build_group(&b, 30, members, 1);
	expect("+10.1.0.0/16 10.0.0.7\n");
	/* an object that goes leaves its routes as they are until something new is said */
	fpm_build_object_del(&b, 28);
	fpm_build_object_del(&b, 999);
	expect("");
	fpm_build_group(&b, 30, &members[1], 1);
	expect("+10.1.0.0/16 10.0.1.2\n");
	fpm_build_frame_del(&b, "10.2.0.0/16");
	expect("-10.2.0.0/16\n");
}
END_TEST

START_TEST(object_ids_of_another_zebra)
{
	struct lm_nexthop nh = fpm_build_hop("10.0.0.2", 3), other = fpm_build_hop("10.9.9.9", 9);

	fpm_build_object(&b, 28, &nh);
	fpm_build_frame(&b, "10.1.0.0/16", false, NULL, 0, 28);
	expect("+10.1.0.0/16 10.0.0.2\n");
	/* after a restart 28 is something else: the old route must not follow it */
	lm_fpm_routes_new_epoch(table);
	fpm_build_object(&b, 28, &other);
	fpm_build_frame(&b, "10.2.0.0/16", false, NULL, 0, 28);
	expect("+10.2.0.0/16 10.9.9.9\n");
	fpm_build_object(&b, 5, &nh);
	fpm_build_frame(&b, "10.1.0.0/16", false, NULL, 0, 5);
	expect("");
}
END_TEST

START_TEST(hostile_groups)
{
	uint32_t self[2] = {7, 8}, nested[1] = {7};
	struct fpm_build many = {0};
	struct lm_nexthop nh = fpm_build_hop("10.0.0.2", 3);
	uint32_t members[256];

	fpm_build_group(&b, 7, self, 2); /* names itself */
	fpm_build_group(&b, 8, nested, 1);
	fpm_build_frame(&b, "10.1.0.0/16", false, NULL, 0, 7);
	fpm_build_frame(&b, "10.2.0.0/16", false, NULL, 0, 8);
	expect("");
	fpm_build_object(&b, 1, &nh);
	for (unsigned int i = 0; i < 256; i++)
		members[i] = 1;
	fpm_build_group(&b, 9, members, 256);
	fpm_build_frame(&b, "10.3.0.0/16", false, NULL, 0, 9);
	ck_assert_uint_eq(fib.replaced, 0);
	struct lm_err err = {0};
	ck_assert_int_eq(lm_fpm_parser_feed(parser, b.data, b.len, &err), 0);
	ck_assert_uint_eq(fib.replaced, 1);
	/* objects by the thousand, deleted in another order */
	for (uint32_t id = 100; id < 5000; id++)
		fpm_build_object(&many, id, &nh);
	for (uint32_t id = 4999; id >= 100; id -= 2)
		fpm_build_object_del(&many, id);
	ck_assert_int_eq(lm_fpm_parser_feed(parser, many.data, many.len, &err), 0);
	ck_assert_uint_eq(stats().objects, 4 + 2450);
	free(many.data);
}
END_TEST

START_TEST(a_sink_that_refuses)
{
	fib.refuse = -ENOSPC;
	new_route("10.1.0.0/16", "10.0.0.2");
	expect("");
	ck_assert_uint_eq(stats().failed, 1);
	ck_assert_uint_eq(stats().routes, 1);
	fib.refuse = 0;
	new_route("10.1.0.0/16", "10.0.0.2");
	expect("+10.1.0.0/16 10.0.0.2\n");
	/* refused after it was taken: a delete is still told */
	fib.refuse = -ENOSPC;
	new_route("10.1.0.0/16", "10.0.0.3");
	fpm_build_frame_del(&b, "10.1.0.0/16");
	expect("-10.1.0.0/16\n");
}
END_TEST

START_TEST(many_routes_many_rounds)
{
	enum { N = 100000 };
	struct lm_err err = {0};
	unsigned int seed = 7;
	char prefix[32];

	for (int round = 0; round < 3; round++) {
		struct lm_nexthop nh = fpm_build_hop("10.0.0.2", 3);
		unsigned int kept = 0;

		b.len = 0;
		for (unsigned int i = 0; i < N; i++) {
			if (rand_r(&seed) % 4 == 0 && round > 0)
				continue;
			nh.ifindex = i % 37;
			snprintf(prefix, sizeof(prefix), "%u.%u.%u.0/24", 1 + (i >> 16),
				(i >> 8) & 255, i & 255);
			fpm_build_frame(&b, prefix, false, &nh, 1, 0);
			kept++;
		}
		ck_assert_int_eq(lm_fpm_parser_feed(parser, b.data, b.len, &err), 0);
		lm_fpm_routes_sweep(table);
		while (lm_fpm_routes_work(table, 1000))
			;
		ck_assert_uint_eq(stats().routes, kept);
		ck_assert_uint_eq(stats().stale, 0);
		lm_fpm_routes_new_epoch(table);
	}
	ck_assert_uint_eq(fib.replaced - fib.removed, stats().routes);
	ck_assert_uint_lt(stats().bytes, N * 64);
}
END_TEST

START_TEST(index_against_a_plain_array)
{
	struct fpm_index index = {0};
	static uint32_t hashes[2048]; /* 0: not in */
	unsigned int seed = 1;

	for (int step = 0; step < 200000; step++) {
		uint32_t item = (uint32_t)rand_r(&seed) % 2048;

		if (hashes[item] == 0) {
			hashes[item] = 1 + (uint32_t)rand_r(&seed) % 300; /* many collide */
			ck_assert_int_eq(fpm_index_add(&index, hashes[item], item), 0);
		} else {
			uint32_t place = fpm_index_start(&index, hashes[item]), found;

			while ((found = fpm_index_next(&index, hashes[item], &place)) != item)
				ck_assert_uint_ne(found, FPM_INDEX_NONE);
			fpm_index_remove(&index, hashes[item], item);
			hashes[item] = 0;
		}
	}
	for (uint32_t i = 0; i < 2048; i++)
		if (hashes[i] != 0)
			fpm_index_remove(&index, hashes[i], i);
	ck_assert_uint_eq(index.used, 0);
	fpm_index_clear(&index);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fpm_routes");
	TCase *tc = tcase_create("fpm_routes");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, only_real_changes);
	tcase_add_test(tc, reconnect_and_sweep);
	tcase_add_test(tc, a_new_connection_calls_a_sweep_off);
	tcase_add_test(tc, seeds);
	tcase_add_test(tc, objects_in_any_order);
	tcase_add_test(tc, objects_change);
	tcase_add_test(tc, object_ids_of_another_zebra);
	tcase_add_test(tc, hostile_groups);
	tcase_add_test(tc, a_sink_that_refuses);
	tcase_add_test(tc, many_routes_many_rounds);
	tcase_add_test(tc, index_against_a_plain_array);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
