/* SPDX-License-Identifier: BSD-3-Clause */
/* Interning by content hash; ids are reused when the last reference goes. */
#include "fp/fpm_sets.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

static_assert(sizeof(struct lm_nexthop) == 24, "next hops are compared octet by octet");

static bool equal(const struct fpm_set *set, enum lm_route_type type, uint16_t n,
	const struct lm_nexthop *nexthops)
{
	return set->type == type && set->n == n &&
	       memcmp(set->nexthops, nexthops, n * sizeof(nexthops[0])) == 0;
}

static uint32_t new_id(struct fpm_sets *sets)
{
	if (sets->n_free > 0)
		return sets->free_ids[--sets->n_free];
	if (sets->n_items == sets->cap) {
		uint32_t cap = sets->cap == 0 ? 16 : sets->cap * 2;
		struct fpm_set **items = realloc(sets->items, cap * sizeof(items[0]));
		uint32_t *free_ids;

		if (items == NULL)
			return FPM_SET_NONE;
		sets->items = items;
		/* as long as the items, so that giving an id back cannot fail */
		free_ids = realloc(sets->free_ids, cap * sizeof(free_ids[0]));
		if (free_ids == NULL)
			return FPM_SET_NONE;
		sets->free_ids = free_ids;
		sets->cap = cap;
	}
	sets->items[sets->n_items] = NULL;
	return ++sets->n_items;
}

static uint32_t add(struct fpm_sets *sets, uint32_t hash, enum lm_route_type type, uint16_t n,
	const struct lm_nexthop *nexthops)
{
	struct fpm_set *set = malloc(sizeof(*set) + n * sizeof(set->nexthops[0]));
	uint32_t id = set == NULL ? FPM_SET_NONE : new_id(sets);

	if (id == FPM_SET_NONE || fpm_index_add(&sets->index, hash, id) < 0) {
		if (id != FPM_SET_NONE)
			sets->free_ids[sets->n_free++] = id;
		free(set);
		return FPM_SET_NONE;
	}
	set->refs = 1;
	set->hash = hash;
	set->type = (uint8_t)type;
	set->n = n;
	memcpy(set->nexthops, nexthops, n * sizeof(nexthops[0]));
	sets->items[id - 1] = set;
	return id;
}

uint32_t fpm_sets_get(struct fpm_sets *sets, enum lm_route_type type, uint16_t n,
	const struct lm_nexthop *nexthops)
{
	uint32_t hash, place, id;

	if (sets->last != FPM_SET_NONE && equal(sets->items[sets->last - 1], type, n, nexthops)) {
		sets->items[sets->last - 1]->refs++;
		return sets->last;
	}
	if (sets->seed == 0)
		sets->seed = fpm_index_seed() | 1;
	hash = fpm_hash(nexthops, n * sizeof(nexthops[0]), sets->seed + (uint64_t)type);
	place = fpm_index_start(&sets->index, hash);
	while ((id = fpm_index_next(&sets->index, hash, &place)) != FPM_INDEX_NONE) {
		if (equal(sets->items[id - 1], type, n, nexthops)) {
			sets->items[id - 1]->refs++;
			sets->last = id;
			return id;
		}
	}
	id = add(sets, hash, type, n, nexthops);
	sets->last = id;
	return id;
}

void fpm_sets_ref(struct fpm_sets *sets, uint32_t id)
{
	sets->items[id - 1]->refs++;
}

void fpm_sets_put(struct fpm_sets *sets, uint32_t id)
{
	struct fpm_set *set;

	if (id == FPM_SET_NONE)
		return;
	set = sets->items[id - 1];
	if (--set->refs > 0)
		return;
	if (sets->last == id)
		sets->last = FPM_SET_NONE;
	fpm_index_remove(&sets->index, set->hash, id);
	sets->items[id - 1] = NULL;
	sets->free_ids[sets->n_free++] = id;
	free(set);
}

void fpm_sets_clear(struct fpm_sets *sets)
{
	for (uint32_t i = 0; i < sets->n_items; i++)
		free(sets->items[i]);
	free(sets->items);
	free(sets->free_ids);
	fpm_index_clear(&sets->index);
	*sets = (struct fpm_sets){0};
}
