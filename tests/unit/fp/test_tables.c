/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes, next-hop groups and adjacencies together: what is stated is found, what is taken back
 * leaves nothing behind. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "fp/adjacency.h"
#include "fp/fib.h"
#include "fp/grace.h"
#include "fp/nexthop.h"
#include "fp/ports.h"
#include "fp/rib.h"

#define LINKS 4

static struct lm_ports ports;
static struct lm_grace *grace;
static struct lm_fib *fib4, *fib6;
static struct lm_adj_table *adjs;
static struct lm_nhg_table *groups;
static struct lm_rib *rib;
static unsigned int asked;

static void on_ask(void *ctx, uint16_t tap, uint8_t family, const uint8_t *addr)
{
	(void)ctx;
	(void)tap;
	(void)family;
	(void)addr;
	asked++;
}

static void setup(void)
{
	memset(&ports, 0, sizeof(ports));
	asked = 0;
	for (uint32_t i = 0; i < LINKS; i++) {
		const uint8_t mac[1][6] = {{2, 0, 0, 0, 0, (uint8_t)i}};
		struct lm_vif vif = {.mtu = 1500};
		struct lm_err err = {0};

		snprintf(vif.name, sizeof(vif.name), "eth%u", i);
		ck_assert_int_eq(lm_ports_add(&ports, &vif, mac, 1, &err), 0);
		ports.taps[i].ifindex = 10 + i;
	}
	grace = lm_grace_new(1);
	fib4 = lm_fib_new(AF_INET, grace);
	fib6 = lm_fib_new(AF_INET6, grace);
	adjs = lm_adj_table_new(&ports, grace);
	groups = lm_nhg_table_new(&ports, adjs, grace, on_ask, NULL);
	rib = lm_rib_new(fib4, fib6, groups);
}

static void teardown(void)
{
	lm_rib_free(rib);
	lm_nhg_table_free(groups);
	lm_adj_table_free(adjs);
	lm_fib_free(fib4);
	lm_fib_free(fib6);
	lm_grace_free(grace);
}

static struct lm_nexthop hop(uint32_t ifindex, uint8_t last, uint16_t weight)
{
	return (struct lm_nexthop){.ifindex = ifindex,
		.family = AF_INET,
		.weight = weight,
		.gateway = {10, 0, 0, last}};
}

static unsigned int adjacencies_alive(void)
{
	struct lm_adj_view v;
	unsigned int n = 0;

	for (uint32_t id = 0; id < lm_adj_count(adjs); id++)
		n += lm_adj_get(adjs, id, &v);
	return n;
}

static unsigned int buckets_to(const struct lm_nhg *g, uint32_t ifindex)
{
	unsigned int n = 0;
	struct lm_adj_view v;

	for (unsigned int i = 0; i < g->n_buckets; i++)
		if ((g->buckets[i] & LM_HOP_KIND) == LM_HOP_ADJ &&
			lm_adj_get(adjs, g->buckets[i], &v) &&
			ports.taps[v.adj->tap].ifindex == ifindex)
			n++;
	return n;
}

START_TEST(groups_are_shared_and_freed)
{
	struct lm_nexthop hops[3] = {hop(10, 1, 1), hop(11, 1, 1), hop(10, 2, 1)};
	uint32_t a = lm_nhg_ref(groups, LM_NHG_FORWARD, hops, 2);
	uint32_t b = lm_nhg_ref(groups, LM_NHG_FORWARD, hops, 2);
	uint32_t c = lm_nhg_ref(groups, LM_NHG_FORWARD, hops, 3);

	ck_assert_uint_ne(a, 0);
	ck_assert_uint_eq(a, b);
	ck_assert_uint_ne(a, c);
	ck_assert_uint_eq(adjacencies_alive(), 3);
	ck_assert_uint_eq(asked, 3);
	lm_nhg_unref(groups, a);
	lm_nhg_unref(groups, c);
	ck_assert_uint_eq(adjacencies_alive(), 2);
	lm_nhg_unref(groups, b);
	lm_grace_wait(grace);
	ck_assert_uint_eq(adjacencies_alive(), 0);
}
END_TEST

START_TEST(weights_become_buckets)
{
	struct lm_nexthop hops[LM_ROUTE_NEXTHOPS_MAX] = {hop(10, 1, 30), hop(11, 1, 10)};
	uint32_t id = lm_nhg_ref(groups, LM_NHG_FORWARD, hops, 2);
	const struct lm_nhg *g = lm_nhg_get(groups, id);

	ck_assert_uint_eq(g->n_buckets, 4);
	ck_assert_uint_eq(buckets_to(g, 10), 3);
	lm_nhg_unref(groups, id);
	for (unsigned int i = 0; i < LM_ROUTE_NEXTHOPS_MAX; i++)
		hops[i] =
			hop(10 + i % LINKS, (uint8_t)(1 + i / LINKS), (uint16_t)(i == 0 ? 1 : 256));
	id = lm_nhg_ref(groups, LM_NHG_FORWARD, hops, LM_ROUTE_NEXTHOPS_MAX);
	g = lm_nhg_get(groups, id);
	ck_assert_uint_le(g->n_buckets, LM_NHG_BUCKETS_MAX);
	ck_assert_uint_ge(g->n_buckets, LM_ROUTE_NEXTHOPS_MAX);
	lm_nhg_unref(groups, id);
	lm_grace_wait(grace);
	ck_assert_uint_eq(adjacencies_alive(), 0);
}
END_TEST

START_TEST(a_hop_stated_twice_is_released)
{
	struct lm_nexthop hops[3] = {hop(10, 1, 1), hop(10, 1, 2), hop(10, 1, 1)};
	uint32_t id = lm_nhg_ref(groups, LM_NHG_FORWARD, hops, 3);

	ck_assert_uint_eq(adjacencies_alive(), 1);
	lm_nhg_unref(groups, id);
	lm_grace_wait(grace);
	ck_assert_uint_eq(adjacencies_alive(), 0);
}
END_TEST

START_TEST(link_comes_later)
{
	struct lm_nexthop h = hop(99, 1, 1);
	uint32_t id = lm_nhg_ref(groups, LM_NHG_FORWARD, &h, 1);

	ck_assert_uint_eq(lm_nhg_get(groups, id)->buckets[0], LM_HOP_FOREIGN);
	ports.taps[3].ifindex = 99;
	lm_nhg_relink(groups);
	ck_assert_uint_eq(buckets_to(lm_nhg_get(groups, id), 99), 1);
	lm_nhg_unref(groups, id);
}
END_TEST

START_TEST(many_neighbours)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 9, 9};
	uint8_t addr[16] = {0x20, 0x01};

	for (uint32_t i = 0; i < 20000; i++) {
		memcpy(addr + 12, &i, sizeof(i));
		ck_assert_int_eq(lm_adj_resolve(adjs, (uint16_t)(i % LINKS), AF_INET6, addr, mac,
					 LM_ADJ_REACHABLE),
			0);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		memcpy(addr + 12, &i, sizeof(i));
		ck_assert_uint_ne(
			lm_adj_find(adjs, (uint16_t)(i % LINKS), AF_INET6, addr), LM_ADJ_NONE);
		ck_assert_uint_eq(lm_adj_find(adjs, (uint16_t)((i + 1) % LINKS), AF_INET6, addr),
			LM_ADJ_NONE);
	}
	lm_adj_mark(adjs);
	memset(addr + 12, 0, 4);
	ck_assert_int_eq(lm_adj_resolve(adjs, 0, AF_INET6, addr, mac, LM_ADJ_STALE), 0);
	lm_adj_sweep(adjs);
	ck_assert_uint_eq(adjacencies_alive(), 1);
	lm_adj_flush_tap(adjs, 0);
	ck_assert_uint_eq(adjacencies_alive(), 0);
}
END_TEST

START_TEST(neighbours_come_and_go)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 9, 9};
	bool ask = false;

	/* ids and hash slots are used again: no creep */
	for (uint32_t i = 0; i < 300000; i++) {
		uint8_t addr[16] = {0};

		memcpy(addr, &i, sizeof(i));
		ck_assert_int_eq(lm_adj_resolve(adjs, 1, AF_INET, addr, mac, LM_ADJ_REACHABLE), 0);
		ck_assert_uint_ne(lm_adj_find(adjs, 1, AF_INET, addr), LM_ADJ_NONE);
		lm_adj_unresolve(adjs, 1, AF_INET, addr, i % 2);
		ck_assert_uint_eq(lm_adj_find(adjs, 1, AF_INET, addr), LM_ADJ_NONE);
	}
	ck_assert_uint_lt(lm_adj_count(adjs), 64);
	/* full: refused, not broken */
	for (uint32_t i = 0; i < LM_ADJ_MAX + 10; i++) {
		uint8_t addr[16] = {0};

		memcpy(addr, &i, sizeof(i));
		if (i < LM_ADJ_MAX)
			ck_assert_uint_ne(lm_adj_ref(adjs, 1, AF_INET, addr, &ask), LM_ADJ_NONE);
		else
			ck_assert_uint_eq(lm_adj_ref(adjs, 1, AF_INET, addr, &ask), LM_ADJ_NONE);
	}
}
END_TEST

static void random_route(struct lm_route *r)
{
	memset(r, 0, sizeof(*r));
	r->prefix.family = AF_INET;
	r->prefix.len = (uint8_t)(random() % 33);
	for (unsigned int i = 0; i < r->prefix.len; i++)
		if (random() % 16 == 0)
			r->prefix.addr[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	r->type = random() % 8 == 0 ? LM_ROUTE_BLACKHOLE : LM_ROUTE_UNICAST;
	if (r->type == LM_ROUTE_UNICAST)
		r->n_nexthops = (uint16_t)(1 + random() % 4);
	for (unsigned int i = 0; i < r->n_nexthops; i++)
		r->nexthops[i] = hop(10 + (uint32_t)random() % 5, (uint8_t)(random() % 30),
			(uint16_t)(1 + random() % 4));
}

static void count_route(void *ctx, const struct lm_rib_view *view)
{
	ck_assert_uint_ne(view->nhg, 0);
	++*(unsigned int *)ctx;
}

START_TEST(route_churn_leaves_nothing)
{
	struct lm_route r;
	unsigned int n = 0;

	srandom(3);
	for (unsigned int i = 0; i < 20000; i++) {
		enum lm_rib_source source = i % 3 == 0 ? LM_RIB_CONNECTED : LM_RIB_ROUTE;

		random_route(&r);
		if (random() % 3 == 0)
			lm_rib_remove(rib, source, &r.prefix);
		else
			ck_assert_int_eq(lm_rib_set(rib, source, &r), 0);
	}
	ck_assert_int_eq(lm_rib_walk(rib, AF_INET, 1000000, count_route, &n), 0);
	ck_assert_uint_eq(n, lm_rib_count(rib, AF_INET));
	lm_rib_mark(rib, LM_RIB_ROUTE);
	lm_rib_mark(rib, LM_RIB_CONNECTED);
	lm_rib_sweep(rib, LM_RIB_ROUTE);
	lm_rib_sweep(rib, LM_RIB_CONNECTED);
	lm_grace_wait(grace);
	ck_assert_uint_eq(lm_rib_count(rib, AF_INET), 0);
	ck_assert_uint_eq(lm_fib_nodes(fib4), 1);
	ck_assert_uint_eq(adjacencies_alive(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tables");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, groups_are_shared_and_freed);
	tcase_add_test(t, weights_become_buckets);
	tcase_add_test(t, a_hop_stated_twice_is_released);
	tcase_add_test(t, link_comes_later);
	tcase_add_test(t, many_neighbours);
	tcase_add_test(t, neighbours_come_and_go);
	tcase_add_test(t, route_churn_leaves_nothing);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
