/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/rib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_MIN 256u

struct stated {
	uint32_t nhg; /* 0: this source states nothing */
	uint8_t protocol;
	uint8_t type; /* enum lm_route_type */
	bool marked;
};

struct entry {
	struct entry *next;
	struct lm_prefix prefix;
	struct stated by[LM_RIB_SOURCES];
};

struct lm_rib {
	struct lm_fib *fibs[2];
	struct lm_nhg_table *groups;
	struct entry **slots;
	uint32_t mask;
	uint32_t n_entries;
	uint32_t n_by_len[2][129]; /* which lengths exist: bounds the search for a cover */
};

static unsigned int family_index(const struct lm_prefix *p)
{
	return p->family == AF_INET6;
}

struct lm_rib *lm_rib_new(struct lm_fib *fib4, struct lm_fib *fib6, struct lm_nhg_table *groups)
{
	struct lm_rib *rib = calloc(1, sizeof(*rib));

	if (rib == NULL)
		return NULL;
	rib->fibs[0] = fib4;
	rib->fibs[1] = fib6;
	rib->groups = groups;
	rib->mask = HASH_MIN - 1;
	rib->slots = calloc(HASH_MIN, sizeof(struct entry *));
	if (rib->slots == NULL) {
		free(rib);
		return NULL;
	}
	return rib;
}

void lm_rib_free(struct lm_rib *rib)
{
	if (rib == NULL)
		return;
	for (uint32_t i = 0; i <= rib->mask; i++) {
		struct entry *e, *next;

		for (e = rib->slots[i]; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(rib->slots);
	free(rib);
}

static uint32_t hash_prefix(const struct lm_prefix *p)
{
	uint64_t a, b;

	memcpy(&a, p->addr, sizeof(a));
	memcpy(&b, p->addr + 8, sizeof(b));
	a ^= (b ^ ((uint64_t)p->family << 8 | p->len)) * 0x9e3779b97f4a7c15ULL;
	a = (a ^ (a >> 29)) * 0xff51afd7ed558ccdULL;
	return (uint32_t)(a >> 32);
}

static struct entry *find(const struct lm_rib *rib, const struct lm_prefix *p)
{
	struct entry *e;

	for (e = rib->slots[hash_prefix(p) & rib->mask]; e != NULL; e = e->next)
		if (memcmp(&e->prefix, p, sizeof(*p)) == 0)
			return e;
	return NULL;
}

static void grow(struct lm_rib *rib)
{
	uint32_t size = (rib->mask + 1) * 2;
	struct entry **slots;

	if (rib->n_entries <= rib->mask)
		return;
	slots = calloc(size, sizeof(struct entry *));
	if (slots == NULL)
		return; /* longer chains, nothing worse */
	for (uint32_t i = 0; i <= rib->mask; i++) {
		struct entry *e, *next;

		for (e = rib->slots[i]; e != NULL; e = next) {
			struct entry **at = &slots[hash_prefix(&e->prefix) & (size - 1)];

			next = e->next;
			e->next = *at;
			*at = e;
		}
	}
	free(rib->slots);
	rib->slots = slots;
	rib->mask = size - 1;
}

static struct entry *entry_new(struct lm_rib *rib, const struct lm_prefix *p)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct entry **at;

	if (e == NULL)
		return NULL;
	grow(rib);
	at = &rib->slots[hash_prefix(p) & rib->mask];
	e->prefix = *p;
	e->next = *at;
	*at = e;
	rib->n_entries++;
	rib->n_by_len[family_index(p)][p->len]++;
	return e;
}

static void entry_free(struct lm_rib *rib, struct entry *e)
{
	struct entry **at = &rib->slots[hash_prefix(&e->prefix) & rib->mask];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	rib->n_entries--;
	rib->n_by_len[family_index(&e->prefix)][e->prefix.len]--;
	free(e);
}

/* The statement that forwards; NULL when no source states anything. */
static const struct stated *winner(const struct entry *e, enum lm_rib_source *source)
{
	for (unsigned int s = 0; s < LM_RIB_SOURCES; s++)
		if (e->by[s].nhg != 0) {
			if (source != NULL)
				*source = s;
			return &e->by[s];
		}
	return NULL;
}

static void shorten(struct lm_prefix *p, uint8_t len)
{
	p->len = len;
	for (unsigned int i = len / 8u; i < sizeof(p->addr); i++)
		p->addr[i] &= i == len / 8u ? (uint8_t) ~(0xffu >> (len % 8)) : 0;
}

static void fib_remove(struct lm_rib *rib, const struct lm_prefix *prefix)
{
	unsigned int fi = family_index(prefix);
	struct lm_prefix p = *prefix;

	for (int len = prefix->len - 1; len >= 0; len--) {
		const struct entry *e;

		if (rib->n_by_len[fi][len] == 0)
			continue;
		shorten(&p, (uint8_t)len);
		e = find(rib, &p);
		if (e == NULL)
			continue;
		lm_fib_remove(rib->fibs[fi], prefix, p.len, winner(e, NULL)->nhg);
		return;
	}
	lm_fib_remove(rib->fibs[fi], prefix, 0, LM_FIB_NONE);
}

static int set_group(struct lm_rib *rib, enum lm_rib_source source, const struct lm_prefix *prefix,
	struct stated st)
{
	struct entry *e = find(rib, prefix);
	const struct stated *before = NULL;
	struct stated old;
	int rc = 0;

	if (e == NULL)
		e = entry_new(rib, prefix);
	else
		before = winner(e, NULL);
	if (e == NULL) {
		lm_nhg_unref(rib->groups, st.nhg);
		return -ENOMEM;
	}
	old = e->by[source];
	e->by[source] = st;
	if (before == NULL || before >= &e->by[source])
		rc = lm_fib_set(rib->fibs[family_index(prefix)], prefix, st.nhg);
	if (rc < 0) {
		e->by[source] = old;
		if (winner(e, NULL) == NULL)
			entry_free(rib, e);
		old = st;
	}
	if (old.nhg != 0)
		lm_nhg_unref(rib->groups, old.nhg);
	return rc;
}

int lm_rib_set(struct lm_rib *rib, enum lm_rib_source source, const struct lm_route *route)
{
	struct stated st = {.protocol = route->protocol, .type = (uint8_t)route->type};

	if (route->type == LM_ROUTE_BLACKHOLE)
		st.nhg = lm_nhg_ref(rib->groups, LM_NHG_BLACKHOLE, NULL, 0);
	else if (route->type != LM_ROUTE_UNICAST || route->n_nexthops == 0)
		st.nhg = lm_nhg_ref(rib->groups, LM_NHG_UNREACHABLE, NULL, 0);
	else
		st.nhg =
			lm_nhg_ref(rib->groups, LM_NHG_FORWARD, route->nexthops, route->n_nexthops);
	if (st.nhg == 0)
		return -ENOSPC;
	return set_group(rib, source, &route->prefix, st);
}

int lm_rib_set_local(struct lm_rib *rib, const struct lm_prefix *prefix)
{
	struct stated st = {.nhg = lm_nhg_ref(rib->groups, LM_NHG_LOCAL, NULL, 0), .protocol = 2};

	if (st.nhg == 0)
		return -ENOSPC;
	return set_group(rib, LM_RIB_LOCAL, prefix, st);
}

void lm_rib_remove(struct lm_rib *rib, enum lm_rib_source source, const struct lm_prefix *prefix)
{
	struct entry *e = find(rib, prefix);
	const struct stated *now;
	struct stated old;

	if (e == NULL || e->by[source].nhg == 0)
		return;
	old = e->by[source];
	e->by[source] = (struct stated){0};
	now = winner(e, NULL);
	if (now == NULL) {
		fib_remove(rib, prefix);
		entry_free(rib, e);
	} else if (now > &e->by[source]) {
		/* the prefix has its trie nodes already: this cannot fail */
		(void)lm_fib_set(rib->fibs[family_index(prefix)], prefix, now->nhg);
	}
	lm_nhg_unref(rib->groups, old.nhg);
}

void lm_rib_mark(struct lm_rib *rib, enum lm_rib_source source)
{
	for (uint32_t i = 0; i <= rib->mask; i++)
		for (struct entry *e = rib->slots[i]; e != NULL; e = e->next)
			e->by[source].marked = true;
}

void lm_rib_sweep(struct lm_rib *rib, enum lm_rib_source source)
{
	for (uint32_t i = 0; i <= rib->mask; i++) {
		struct entry *e, *next;

		for (e = rib->slots[i]; e != NULL; e = next) {
			struct lm_prefix p = e->prefix;

			next = e->next; /* e may be freed */
			if (e->by[source].marked)
				lm_rib_remove(rib, source, &p);
		}
	}
}

static int sink_replace(void *ctx, const struct lm_route *route)
{
	return lm_rib_set(ctx, LM_RIB_ROUTE, route);
}

static int sink_remove(void *ctx, const struct lm_prefix *prefix)
{
	struct lm_prefix copy = *prefix; /* may live in what is freed */

	lm_rib_remove(ctx, LM_RIB_ROUTE, &copy);
	return 0;
}

struct lm_route_sink lm_rib_sink(struct lm_rib *rib)
{
	return (struct lm_route_sink){.ctx = rib, .replace = sink_replace, .remove = sink_remove};
}

uint32_t lm_rib_count(const struct lm_rib *rib, uint8_t family)
{
	uint32_t n = 0;

	for (unsigned int len = 0; len <= 128; len++)
		n += rib->n_by_len[family == AF_INET6][len];
	return n;
}

static int by_prefix(const void *a, const void *b)
{
	const struct lm_prefix *p = &(*(struct entry *const *)a)->prefix;
	const struct lm_prefix *q = &(*(struct entry *const *)b)->prefix;
	int d = memcmp(p->addr, q->addr, sizeof(p->addr));

	return d != 0 ? d : p->len - q->len;
}

int lm_rib_walk(const struct lm_rib *rib, uint8_t family, uint32_t limit,
	void (*fn)(void *ctx, const struct lm_rib_view *view), void *ctx)
{
	uint32_t n = 0, total = lm_rib_count(rib, family);
	struct entry **all = malloc((total + 1) * sizeof(struct entry *));

	if (all == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i <= rib->mask; i++)
		for (struct entry *e = rib->slots[i]; e != NULL; e = e->next)
			if (e->prefix.family == family)
				all[n++] = e;
	qsort(all, n, sizeof(struct entry *), by_prefix);
	for (uint32_t i = 0; i < n && i < limit; i++) {
		enum lm_rib_source source = LM_RIB_ROUTE;
		const struct stated *st = winner(all[i], &source);
		struct lm_rib_view view = {.prefix = &all[i]->prefix,
			.source = source,
			.type = st->type,
			.protocol = st->protocol,
			.nhg = st->nhg};

		fn(ctx, &view);
	}
	free(all);
	return 0;
}
