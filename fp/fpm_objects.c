/* SPDX-License-Identifier: BSD-3-Clause */
/* Resolution is computed when asked for and kept until any object changes: a replay states objects
 * first and routes afterwards, so nearly every answer is a kept one. */
#include "fp/fpm_objects.h"

#include <errno.h>
#include <stdlib.h>

struct fpm_object {
	uint32_t id;
	uint8_t type; /* enum lm_route_type */
	uint16_t n_members;
	uint32_t set;	      /* what it resolved to, with a reference, or FPM_SET_NONE */
	uint64_t resolved_at; /* the version that holds for */
	struct lm_nexthop nexthop;
	struct lm_rtmsg_member *members;
};

static uint32_t hash_id(struct fpm_objects *objects, uint32_t id)
{
	if (objects->seed == 0)
		objects->seed = fpm_index_seed() | 1;
	return fpm_hash(&id, sizeof(id), objects->seed);
}

static struct fpm_object *find(struct fpm_objects *objects, uint32_t id)
{
	uint32_t hash = hash_id(objects, id);
	uint32_t place = fpm_index_start(&objects->index, hash);
	uint32_t item;

	while ((item = fpm_index_next(&objects->index, hash, &place)) != FPM_INDEX_NONE)
		if (objects->items[item].id == id)
			return &objects->items[item];
	return NULL;
}

static struct fpm_object *add(struct fpm_objects *objects, uint32_t id)
{
	if (objects->n_items == objects->cap) {
		uint32_t cap = objects->cap == 0 ? 16 : objects->cap * 2;
		struct fpm_object *items = realloc(objects->items, cap * sizeof(items[0]));

		if (items == NULL)
			return NULL;
		objects->items = items;
		objects->cap = cap;
	}
	if (fpm_index_add(&objects->index, hash_id(objects, id), objects->n_items) < 0)
		return NULL;
	objects->items[objects->n_items] = (struct fpm_object){.id = id};
	return &objects->items[objects->n_items++];
}

static bool unchanged(const struct fpm_object *o, const struct lm_rtmsg_nexthop *n)
{
	if (o->type != n->type || o->n_members != n->n_members)
		return false;
	if (n->n_members == 0)
		return memcmp(&o->nexthop, &n->nexthop, sizeof(n->nexthop)) == 0;
	for (uint16_t i = 0; i < n->n_members; i++)
		if (o->members[i].id != n->members[i].id ||
			o->members[i].weight != n->members[i].weight)
			return false;
	return true;
}

int fpm_objects_replace(struct fpm_objects *objects, const struct lm_rtmsg_nexthop *nexthop)
{
	struct fpm_object *o = find(objects, nexthop->id);
	struct lm_rtmsg_member *members = NULL;

	if (o != NULL && unchanged(o, nexthop))
		return 0;
	if (nexthop->n_members > 0) {
		members = malloc(nexthop->n_members * sizeof(members[0]));
		if (members == NULL)
			return -ENOMEM;
		memcpy(members, nexthop->members, nexthop->n_members * sizeof(members[0]));
	}
	if (o == NULL)
		o = add(objects, nexthop->id);
	if (o == NULL) {
		free(members);
		return -ENOMEM;
	}
	free(o->members);
	o->members = members;
	o->type = (uint8_t)nexthop->type;
	o->n_members = nexthop->n_members;
	o->nexthop = nexthop->nexthop;
	objects->version++;
	return 0;
}

void fpm_objects_delete(struct fpm_objects *objects, uint32_t id)
{
	struct fpm_object *o = find(objects, id);
	uint32_t hole, last = objects->n_items - 1;

	if (o == NULL)
		return;
	hole = (uint32_t)(o - objects->items);
	fpm_index_remove(&objects->index, hash_id(objects, id), hole);
	free(o->members);
	fpm_sets_put(objects->sets, o->set);
	if (hole != last) {
		uint32_t hash = hash_id(objects, objects->items[last].id);

		/* room for the one put back was made just now: no growth, no failure */
		fpm_index_remove(&objects->index, hash, last);
		fpm_index_add(&objects->index, hash, hole);
		*o = objects->items[last];
	}
	objects->n_items--;
	objects->version++;
}

static uint32_t resolve_group(struct fpm_objects *objects, const struct fpm_object *group)
{
	struct lm_nexthop nexthops[LM_ROUTE_NEXTHOPS_MAX];
	uint16_t n = 0;

	for (uint16_t i = 0; i < group->n_members; i++) {
		const struct fpm_object *m = find(objects, group->members[i].id);

		/* a group of groups is not a thing the kernel or zebra makes */
		if (m == NULL || m->n_members > 0)
			return FPM_SET_NONE;
		if (m->type != LM_ROUTE_UNICAST)
			return fpm_sets_get(objects->sets, m->type, 0, nexthops);
		nexthops[n] = m->nexthop;
		nexthops[n++].weight = group->members[i].weight;
	}
	return fpm_sets_get(objects->sets, LM_ROUTE_UNICAST, n, nexthops);
}

uint32_t fpm_objects_resolve(struct fpm_objects *objects, uint32_t id)
{
	struct fpm_object *o = find(objects, id);
	uint32_t set;

	if (o == NULL)
		return FPM_SET_NONE;
	if (o->resolved_at == objects->version)
		return o->set;
	if (o->n_members > 0)
		set = resolve_group(objects, o);
	else if (o->type == LM_ROUTE_UNICAST)
		set = fpm_sets_get(objects->sets, LM_ROUTE_UNICAST, 1, &o->nexthop);
	else
		set = fpm_sets_get(objects->sets, o->type, 0, &o->nexthop);
	fpm_sets_put(objects->sets, o->set);
	o->set = set;
	o->resolved_at = objects->version;
	return set;
}

void fpm_objects_clear(struct fpm_objects *objects)
{
	for (uint32_t i = 0; i < objects->n_items; i++) {
		free(objects->items[i].members);
		fpm_sets_put(objects->sets, objects->items[i].set);
	}
	free(objects->items);
	fpm_index_clear(&objects->index);
	objects->items = NULL;
	objects->n_items = 0;
	objects->cap = 0;
	objects->version++;
}
