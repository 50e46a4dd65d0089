/* SPDX-License-Identifier: BSD-3-Clause */
/* The trie against a naive model: random sets and removes, every answer compared. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fp/fib.h"
#include "fp/grace.h"

#define ROUTES_MAX 512

struct model {
	struct {
		struct lm_prefix p;
		uint32_t value;
	} routes[ROUTES_MAX];
	unsigned int n;
};

static bool covers(const struct lm_prefix *p, const uint8_t *key)
{
	unsigned int whole = p->len / 8, rest = p->len % 8;

	if (memcmp(p->addr, key, whole) != 0)
		return false;
	return rest == 0 || ((p->addr[whole] ^ key[whole]) >> (8 - rest)) == 0;
}

static int best(const struct model *m, const uint8_t *key, int shorter_than)
{
	int found = -1;

	for (unsigned int i = 0; i < m->n; i++)
		if (m->routes[i].p.len < shorter_than && covers(&m->routes[i].p, key) &&
			(found < 0 || m->routes[i].p.len > m->routes[found].p.len))
			found = (int)i;
	return found;
}

static int find(const struct model *m, const struct lm_prefix *p)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (memcmp(&m->routes[i].p, p, sizeof(*p)) == 0)
			return (int)i;
	return -1;
}

/* Addresses from a small set, so that prefixes nest. */
static void random_prefix(struct lm_prefix *p, uint8_t family)
{
	unsigned int bits = family == AF_INET ? 32 : 128;

	memset(p, 0, sizeof(*p));
	p->family = family;
	p->len = (uint8_t)(random() % (bits + 1));
	for (unsigned int i = 0; i < p->len; i++)
		if (random() % 8 == 0)
			p->addr[i / 8] |= (uint8_t)(0x80 >> (i % 8));
}

static void compare(const struct lm_fib *fib, const struct model *m, const uint8_t *key)
{
	int i = best(m, key, 129);

	ck_assert_uint_eq(lm_fib_lookup(fib, key), i < 0 ? LM_FIB_NONE : m->routes[i].value);
}

static void model_remove(struct lm_fib *fib, struct model *m, int at)
{
	struct lm_prefix p = m->routes[at].p;
	int cover;

	m->routes[at] = m->routes[--m->n];
	cover = best(m, p.addr, p.len);
	lm_fib_remove(fib, &p, cover < 0 ? 0 : m->routes[cover].p.len,
		cover < 0 ? LM_FIB_NONE : m->routes[cover].value);
}

static void run_model(uint8_t family)
{
	struct lm_grace *grace = lm_grace_new(1);
	struct lm_fib *fib = lm_fib_new(family, grace);
	struct model *m = calloc(1, sizeof(*m));

	srandom(7);
	for (unsigned int step = 0; step < 6000; step++) {
		struct lm_prefix p;
		int at;

		random_prefix(&p, family);
		at = find(m, &p);
		if (m->n == ROUTES_MAX || (m->n > 0 && random() % 5 < 2)) {
			model_remove(fib, m, (int)(random() % m->n));
		} else {
			if (at < 0)
				at = (int)m->n++;
			m->routes[at].p = p;
			m->routes[at].value = 1 + (uint32_t)(random() % 1000);
			ck_assert_int_eq(lm_fib_set(fib, &p, m->routes[at].value), 0);
		}
		for (unsigned int k = 0; k < 8; k++) {
			random_prefix(&p, family);
			compare(fib, m, p.addr);
		}
	}
	while (m->n > 0)
		model_remove(fib, m, 0);
	ck_assert_uint_eq(lm_fib_nodes(fib), 1);
	lm_fib_free(fib);
	lm_grace_free(grace);
	free(m);
}

START_TEST(ipv4_model)
{
	run_model(AF_INET);
}
END_TEST

START_TEST(ipv6_model)
{
	run_model(AF_INET6);
}
END_TEST

START_TEST(default_route)
{
	struct lm_grace *grace = lm_grace_new(1);
	struct lm_fib *fib = lm_fib_new(AF_INET, grace);
	struct lm_prefix any = {.family = AF_INET};
	const uint8_t key[4] = {10, 1, 2, 3};

	ck_assert_uint_eq(lm_fib_lookup(fib, key), LM_FIB_NONE);
	ck_assert_int_eq(lm_fib_set(fib, &any, 9), 0);
	ck_assert_uint_eq(lm_fib_lookup(fib, key), 9);
	lm_fib_remove(fib, &any, 0, LM_FIB_NONE);
	ck_assert_uint_eq(lm_fib_lookup(fib, key), LM_FIB_NONE);
	lm_fib_free(fib);
	lm_grace_free(grace);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fib");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, ipv4_model);
	tcase_add_test(t, ipv6_model);
	tcase_add_test(t, default_route);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
