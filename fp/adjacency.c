/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/adjacency.h"

#include <errno.h>
#include <stdlib.h>

#include "fp/grace.h"
#include "fp/ports.h"

#define HASH_MIN 64u

struct entry {
	uint32_t refs; /* next-hop groups that use it */
	uint8_t state; /* enum lm_adj_state */
	bool marked;
};

struct lm_adj_ctl {
	struct entry *entries;
	uint32_t *free_ids;
	uint32_t n_free, n_ids; /* ids ever given; below it: in use or on free_ids */
	uint32_t n_slots;	/* used slots of the hash, those of dead ids included */
	struct lm_ports *ports;
	struct lm_grace *grace;
};

struct lm_adj_table *lm_adj_table_new(struct lm_ports *ports, struct lm_grace *grace)
{
	struct lm_adj_table *t = calloc(1, sizeof(*t));
	struct lm_adj_ctl *c = calloc(1, sizeof(*c));

	if (t == NULL || c == NULL) {
		free(t);
		free(c);
		return NULL;
	}
	t->ctl = c;
	c->ports = ports;
	c->grace = grace;
	/* large and zero: the memory comes page by page as ids are used */
	t->objs = calloc(LM_ADJ_MAX, sizeof(struct lm_adj *));
	c->entries = calloc(LM_ADJ_MAX, sizeof(*c->entries));
	c->free_ids = calloc(LM_ADJ_MAX, sizeof(*c->free_ids));
	t->hash = calloc(1, sizeof(*t->hash) + HASH_MIN * sizeof(uint32_t));
	if (t->objs == NULL || c->entries == NULL || c->free_ids == NULL || t->hash == NULL) {
		lm_adj_table_free(t);
		return NULL;
	}
	t->hash->mask = HASH_MIN - 1;
	return t;
}

void lm_adj_table_free(struct lm_adj_table *t)
{
	if (t == NULL)
		return;
	lm_grace_wait(t->ctl->grace);
	for (uint32_t id = 0; t->objs != NULL && id < t->ctl->n_ids; id++)
		free(t->objs[id]);
	free(t->objs);
	free(t->hash);
	free(t->ctl->entries);
	free(t->ctl->free_ids);
	free(t->ctl);
	free(t);
}

static void hash_put(struct lm_adj_hash *h, const struct lm_adj *adj, uint32_t id)
{
	uint32_t at = lm_adj_hash_key(adj->tap, adj->family, adj->addr) & h->mask;

	while (h->slots[at] != 0)
		at = (at + 1) & h->mask;
	__atomic_store_n(&h->slots[at], id + 1, __ATOMIC_RELEASE);
}

/* A fresh hash of the living, at most a quarter full. */
static int hash_rebuild(struct lm_adj_table *t)
{
	struct lm_adj_ctl *c = t->ctl;
	uint32_t alive = c->n_ids - c->n_free;
	uint32_t size = HASH_MIN;
	struct lm_adj_hash *h, *old = t->hash;

	while (size < alive * 4)
		size *= 2;
	h = calloc(1, sizeof(*h) + size * sizeof(uint32_t));
	if (h == NULL)
		return -ENOMEM;
	h->mask = size - 1;
	c->n_slots = 0;
	for (uint32_t id = 0; id < c->n_ids; id++)
		if (t->objs[id] != NULL) {
			hash_put(h, t->objs[id], id);
			c->n_slots++;
		}
	__atomic_store_n(&t->hash, h, __ATOMIC_RELEASE);
	lm_grace_defer_free(c->grace, old);
	return 0;
}

static void publish(struct lm_adj_table *t, uint32_t id, struct lm_adj *adj)
{
	struct lm_adj *old = t->objs[id];

	__atomic_store_n(&t->objs[id], adj, __ATOMIC_RELEASE);
	if (old != NULL)
		lm_grace_defer_free(t->ctl->grace, old);
}

static struct lm_adj *adj_alloc(void)
{
	struct lm_adj *adj = aligned_alloc(_Alignof(struct lm_adj), sizeof(*adj));

	if (adj != NULL)
		memset(adj, 0, sizeof(*adj));
	return adj;
}

static uint32_t adj_new(struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr)
{
	struct lm_adj_ctl *c = t->ctl;
	struct lm_adj *adj;
	uint32_t id;

	if (c->n_free == 0)
		lm_grace_reclaim(c->grace);
	if (c->n_free == 0 && c->n_ids == LM_ADJ_MAX)
		return LM_ADJ_NONE;
	if ((c->n_slots + 1) * 2 > t->hash->mask && hash_rebuild(t) < 0)
		return LM_ADJ_NONE;
	adj = adj_alloc();
	if (adj == NULL)
		return LM_ADJ_NONE;
	adj->tap = tap;
	adj->vif = c->ports->taps[tap].vif;
	adj->family = family;
	memcpy(adj->addr, addr, family == AF_INET ? 4 : 16);
	id = c->n_free > 0 ? c->free_ids[--c->n_free] : c->n_ids++;
	c->entries[id] = (struct entry){.state = LM_ADJ_INCOMPLETE};
	publish(t, id, adj);
	hash_put(t->hash, adj, id);
	c->n_slots++;
	return id;
}

static void id_recycle(void *ctx, void *item)
{
	struct lm_adj_ctl *c = ctx;

	c->free_ids[c->n_free++] = (uint32_t)(uintptr_t)item;
}

/* Gone once neither a group nor a MAC needs it. */
static void drop_if_unused(struct lm_adj_table *t, uint32_t id)
{
	if (t->ctl->entries[id].refs > 0 || t->objs[id]->resolved)
		return;
	publish(t, id, NULL);
	lm_grace_defer(t->ctl->grace, id_recycle, t->ctl, (void *)(uintptr_t)id);
}

uint32_t lm_adj_ref(
	struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr, bool *ask)
{
	uint32_t id = lm_adj_find(t, tap, family, addr);

	if (id == LM_ADJ_NONE)
		id = adj_new(t, tap, family, addr);
	if (id == LM_ADJ_NONE)
		return id;
	*ask = t->ctl->entries[id].refs == 0 && !t->objs[id]->resolved;
	t->ctl->entries[id].refs++;
	return id;
}

void lm_adj_unref(struct lm_adj_table *t, uint32_t id)
{
	t->ctl->entries[id].refs--;
	drop_if_unused(t, id);
}

int lm_adj_resolve(struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr,
	const uint8_t *mac, enum lm_adj_state state)
{
	uint32_t id = lm_adj_find(t, tap, family, addr);
	struct lm_adj *adj;

	if (id == LM_ADJ_NONE)
		id = adj_new(t, tap, family, addr);
	if (id == LM_ADJ_NONE)
		return -ENOSPC;
	t->ctl->entries[id].state = (uint8_t)state;
	t->ctl->entries[id].marked = false;
	if (t->objs[id]->resolved && memcmp(t->objs[id]->macs, mac, 6) == 0)
		return 0;
	adj = adj_alloc();
	if (adj == NULL)
		return -ENOMEM;
	*adj = *t->objs[id];
	memcpy(adj->macs, mac, 6);
	memcpy(adj->macs + 6, t->ctl->ports->taps[tap].mac, 6);
	adj->resolved = true;
	publish(t, id, adj);
	return 0;
}

static void forget_mac(struct lm_adj_table *t, uint32_t id)
{
	struct lm_adj *adj;

	if (t->objs[id]->resolved) {
		adj = adj_alloc();
		if (adj == NULL)
			return; /* the old MAC stays: no worse than before */
		*adj = *t->objs[id];
		memset(adj->macs, 0, sizeof(adj->macs));
		adj->resolved = false;
		publish(t, id, adj);
	}
	drop_if_unused(t, id);
}

bool lm_adj_unresolve(
	struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr, bool failed)
{
	uint32_t id = lm_adj_find(t, tap, family, addr);

	if (id == LM_ADJ_NONE)
		return false;
	t->ctl->entries[id].marked = false;
	t->ctl->entries[id].state = failed ? LM_ADJ_FAILED : LM_ADJ_INCOMPLETE;
	if (!failed && t->ctl->entries[id].refs > 0)
		return true;
	forget_mac(t, id);
	return false;
}

void lm_adj_flush_tap(struct lm_adj_table *t, uint16_t tap)
{
	for (uint32_t id = 0; id < t->ctl->n_ids; id++)
		if (t->objs[id] != NULL && t->objs[id]->tap == tap) {
			t->ctl->entries[id].state = LM_ADJ_INCOMPLETE;
			forget_mac(t, id);
		}
}

void lm_adj_mark(struct lm_adj_table *t)
{
	for (uint32_t id = 0; id < t->ctl->n_ids; id++)
		t->ctl->entries[id].marked = true;
}

void lm_adj_sweep(struct lm_adj_table *t)
{
	for (uint32_t id = 0; id < t->ctl->n_ids; id++)
		if (t->objs[id] != NULL && t->ctl->entries[id].marked)
			forget_mac(t, id);
}

uint32_t lm_adj_count(const struct lm_adj_table *t)
{
	return t->ctl->n_ids;
}

bool lm_adj_get(const struct lm_adj_table *t, uint32_t id, struct lm_adj_view *view)
{
	if (id >= t->ctl->n_ids || t->objs[id] == NULL)
		return false;
	*view = (struct lm_adj_view){.adj = t->objs[id],
		.state = t->ctl->entries[id].state,
		.refs = t->ctl->entries[id].refs};
	return true;
}
