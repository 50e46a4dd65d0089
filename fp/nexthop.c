/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/nexthop.h"

#include <stdlib.h>
#include <string.h>

#include "fp/adjacency.h"
#include "fp/grace.h"
#include "fp/ports.h"

#define HASH_MIN 64u

/* The writer's record of a group. */
struct group {
	struct group *next; /* of the same hash slot */
	uint32_t hash;
	uint32_t id;
	uint32_t refs;
	uint16_t type;
	uint16_t n;
	struct lm_nexthop hops[];
};

struct lm_nhg_ctl {
	struct group **by_id; /* [LM_NHG_MAX] */
	struct group **slots;
	uint32_t mask;
	uint32_t n_groups;
	uint32_t *free_ids;
	uint32_t n_free, n_ids;
	struct lm_ports *ports;
	struct lm_adj_table *adjs;
	struct lm_grace *grace;
	lm_nhg_ask_fn ask;
	void *ask_ctx;
};

struct lm_nhg_table *lm_nhg_table_new(struct lm_ports *ports, struct lm_adj_table *adjs,
	struct lm_grace *grace, lm_nhg_ask_fn ask, void *ask_ctx)
{
	struct lm_nhg_table *t = calloc(1, sizeof(*t));
	struct lm_nhg_ctl *c = calloc(1, sizeof(*c));

	if (t == NULL || c == NULL) {
		free(t);
		free(c);
		return NULL;
	}
	*c = (struct lm_nhg_ctl){.ports = ports,
		.adjs = adjs,
		.grace = grace,
		.ask = ask,
		.ask_ctx = ask_ctx,
		.mask = HASH_MIN - 1,
		.n_ids = 1};
	t->ctl = c;
	t->objs = calloc(LM_NHG_MAX, sizeof(struct lm_nhg *));
	c->by_id = calloc(LM_NHG_MAX, sizeof(struct group *));
	c->free_ids = calloc(LM_NHG_MAX, sizeof(*c->free_ids));
	c->slots = calloc(HASH_MIN, sizeof(struct group *));
	if (t->objs == NULL || c->by_id == NULL || c->free_ids == NULL || c->slots == NULL) {
		lm_nhg_table_free(t);
		return NULL;
	}
	return t;
}

void lm_nhg_table_free(struct lm_nhg_table *t)
{
	struct lm_nhg_ctl *c;

	if (t == NULL)
		return;
	c = t->ctl;
	lm_grace_wait(c->grace);
	for (uint32_t id = 0; c->by_id != NULL && t->objs != NULL && id < c->n_ids; id++) {
		free(c->by_id[id]);
		free(t->objs[id]);
	}
	free(t->objs);
	free(c->by_id);
	free(c->free_ids);
	free(c->slots);
	free(c);
	free(t);
}

static uint32_t hash_hops(enum lm_nhg_type type, const struct lm_nexthop *hops, uint16_t n)
{
	const uint8_t *p = (const uint8_t *)hops;
	uint32_t h = 2166136261u ^ (uint32_t)type;

	for (size_t i = 0; i < n * sizeof(*hops); i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ (h >> 15);
}

static struct group *find(struct lm_nhg_ctl *c, uint32_t hash, enum lm_nhg_type type,
	const struct lm_nexthop *hops, uint16_t n)
{
	struct group *g;

	for (g = c->slots[hash & c->mask]; g != NULL; g = g->next)
		if (g->hash == hash && g->type == type && g->n == n &&
			(n == 0 || memcmp(g->hops, hops, n * sizeof(*hops)) == 0))
			return g;
	return NULL;
}

/* The bucket of one next hop; takes a reference on its adjacency. */
static uint32_t resolve_hop(struct lm_nhg_ctl *c, const struct lm_nexthop *hop)
{
	uint16_t tap = lm_ports_by_ifindex(c->ports, hop->ifindex);
	bool ask = false;
	uint32_t id;

	if (tap == LM_NO_TAP)
		return LM_HOP_FOREIGN;
	if (hop->family == 0)
		return LM_HOP_ON_LINK | tap;
	id = lm_adj_ref(c->adjs, tap, hop->family, hop->gateway, &ask);
	if (id == LM_ADJ_NONE)
		return LM_HOP_FOREIGN; /* no room: the kernel forwards */
	if (ask && c->ask != NULL)
		c->ask(c->ask_ctx, tap, hop->family, hop->gateway);
	return LM_HOP_ADJ | id;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* How many buckets a hop gets, so that all fit into LM_NHG_BUCKETS_MAX. */
static uint32_t share(const struct lm_nexthop *hop, uint32_t unit, uint32_t total)
{
	uint32_t w = (hop->weight == 0 ? 1u : hop->weight) / unit;

	if (total > LM_NHG_BUCKETS_MAX)
		w = w * (LM_NHG_BUCKETS_MAX - LM_ROUTE_NEXTHOPS_MAX) / total;
	return w == 0 ? 1 : w;
}

static struct lm_nhg *make_obj(struct lm_nhg_ctl *c, const struct group *g)
{
	uint32_t unit = 0, total = 0, n = 0;
	struct lm_nhg *obj;

	for (uint16_t i = 0; i < g->n; i++)
		unit = gcd(g->hops[i].weight == 0 ? 1 : g->hops[i].weight, unit);
	for (uint16_t i = 0; i < g->n; i++)
		total += (g->hops[i].weight == 0 ? 1u : g->hops[i].weight) / unit;
	for (uint16_t i = 0; i < g->n; i++)
		n += share(&g->hops[i], unit, total);
	obj = malloc(sizeof(*obj) + n * sizeof(uint32_t));
	if (obj == NULL)
		return NULL;
	obj->type = g->type;
	obj->n_buckets = (uint16_t)n;
	n = 0;
	for (uint16_t i = 0; i < g->n; i++) {
		uint32_t hop = resolve_hop(c, &g->hops[i]);

		/* stated twice in a row: unref_buckets() will see one run, so keep one reference */
		if ((hop & LM_HOP_KIND) == LM_HOP_ADJ && n > 0 && obj->buckets[n - 1] == hop)
			lm_adj_unref(c->adjs, LM_HOP_VALUE(hop));
		for (uint32_t k = share(&g->hops[i], unit, total); k > 0; k--)
			obj->buckets[n++] = hop;
	}
	return obj;
}

/* The buckets of one hop are neighbours: each run holds one reference. */
static void unref_buckets(struct lm_nhg_ctl *c, const struct lm_nhg *obj)
{
	for (uint16_t i = 0; i < obj->n_buckets; i++) {
		uint32_t hop = obj->buckets[i];

		if ((hop & LM_HOP_KIND) == LM_HOP_ADJ && (i == 0 || obj->buckets[i - 1] != hop))
			lm_adj_unref(c->adjs, LM_HOP_VALUE(hop));
	}
}

static void grow(struct lm_nhg_ctl *c)
{
	uint32_t size = (c->mask + 1) * 2;
	struct group **slots;

	if (c->n_groups <= c->mask)
		return;
	slots = calloc(size, sizeof(struct group *));
	if (slots == NULL)
		return; /* longer chains, nothing worse */
	for (uint32_t i = 0; i <= c->mask; i++) {
		struct group *g, *next;

		for (g = c->slots[i]; g != NULL; g = next) {
			next = g->next;
			g->next = slots[g->hash & (size - 1)];
			slots[g->hash & (size - 1)] = g;
		}
	}
	free(c->slots);
	c->slots = slots;
	c->mask = size - 1;
}

static struct group *group_new(struct lm_nhg_ctl *c, uint32_t hash, enum lm_nhg_type type,
	const struct lm_nexthop *hops, uint16_t n)
{
	struct group *g;

	if (c->n_free == 0)
		lm_grace_reclaim(c->grace);
	if (c->n_free == 0 && c->n_ids == LM_NHG_MAX)
		return NULL;
	g = malloc(sizeof(*g) + n * sizeof(*hops));
	if (g == NULL)
		return NULL;
	*g = (struct group){.hash = hash, .type = type, .n = n};
	if (n > 0)
		memcpy(g->hops, hops, n * sizeof(*hops));
	g->id = c->n_free > 0 ? c->free_ids[--c->n_free] : c->n_ids++;
	return g;
}

uint32_t lm_nhg_ref(
	struct lm_nhg_table *t, enum lm_nhg_type type, const struct lm_nexthop *hops, uint16_t n)
{
	struct lm_nhg_ctl *c = t->ctl;
	uint32_t hash = hash_hops(type, hops, n);
	struct group *g = find(c, hash, type, hops, n);
	struct lm_nhg *obj;

	if (g != NULL) {
		g->refs++;
		return g->id;
	}
	g = group_new(c, hash, type, hops, n);
	if (g == NULL)
		return 0;
	obj = make_obj(c, g);
	if (obj == NULL) {
		c->free_ids[c->n_free++] = g->id;
		free(g);
		return 0;
	}
	grow(c);
	g->refs = 1;
	g->next = c->slots[hash & c->mask];
	c->slots[hash & c->mask] = g;
	c->n_groups++;
	c->by_id[g->id] = g;
	__atomic_store_n(&t->objs[g->id], obj, __ATOMIC_RELEASE);
	return g->id;
}

static void obj_release(void *ctx, void *item)
{
	struct lm_nhg_table *t = ctx;
	uint32_t id = (uint32_t)(uintptr_t)item;

	free(t->objs[id]);
	t->objs[id] = NULL;
	t->ctl->free_ids[t->ctl->n_free++] = id;
}

void lm_nhg_unref(struct lm_nhg_table *t, uint32_t id)
{
	struct lm_nhg_ctl *c = t->ctl;
	struct group *g = c->by_id[id];
	struct group **at = &c->slots[g->hash & c->mask];

	if (--g->refs > 0)
		return;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	c->n_groups--;
	c->by_id[id] = NULL;
	unref_buckets(c, t->objs[id]);
	/* a worker may have read the id from the FIB: the object goes with the grace period */
	lm_grace_defer(c->grace, obj_release, t, (void *)(uintptr_t)id);
	free(g);
}

void lm_nhg_relink(struct lm_nhg_table *t)
{
	struct lm_nhg_ctl *c = t->ctl;

	for (uint32_t id = 1; id < c->n_ids; id++) {
		struct lm_nhg *obj, *old = t->objs[id];

		if (c->by_id[id] == NULL || c->by_id[id]->type != LM_NHG_FORWARD)
			continue;
		obj = make_obj(c, c->by_id[id]);
		if (obj == NULL)
			continue; /* the old one stays: no worse than before */
		__atomic_store_n(&t->objs[id], obj, __ATOMIC_RELEASE);
		unref_buckets(c, old);
		lm_grace_defer_free(c->grace, old);
	}
}

uint16_t lm_nhg_hops(const struct lm_nhg_table *t, uint32_t id, const struct lm_nexthop **hops,
	enum lm_nhg_type *type)
{
	const struct group *g = t->ctl->by_id[id];

	*hops = g->hops;
	*type = g->type;
	return g->n;
}
