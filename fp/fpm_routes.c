/* SPDX-License-Identifier: BSD-3-Clause */
/* 32 octets a route and 8-10 of index; next hops are interned, so 900 k routes are about 40 MB. */
#include "fp/fpm_routes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fp/fpm_index.h"
#include "fp/fpm_objects.h"
#include "fp/fpm_sets.h"

struct entry {
	struct lm_prefix prefix; /* family 0: free */
	uint8_t protocol;
	bool emitted;	/* the sink has it */
	uint32_t epoch; /* that last stated it; of a free one: the next free */
	uint32_t set;	/* what the sink has, with a reference; FPM_SET_NONE: nothing or refused */
	uint32_t nh_id; /* the object it names, or 0 */
};

static_assert(sizeof(struct entry) <= 36, "there may be a million of these");

#define NO_ENTRY UINT32_MAX

struct lm_fpm_routes {
	struct lm_route_sink sink;
	struct fpm_index index;
	struct entry *entries;
	uint32_t n_entries, cap;
	uint32_t free_list;
	uint64_t seed;
	struct fpm_sets sets;
	struct fpm_objects objects;
	uint32_t by_object; /* routes that name an object */
	/* one pass over all entries at a time */
	bool passing;
	bool sweeping;	  /* this pass removes stale routes */
	bool sweep_asked; /* the next one shall */
	uint32_t cursor;
	uint64_t pass_version; /* of the objects, when the last pass began */
	struct lm_fpm_routes_stats stats;
	struct lm_route out; /* what the sink is shown; too large for the stack of every call */
};

struct lm_fpm_routes *lm_fpm_routes_new(const struct lm_route_sink *sink)
{
	struct lm_fpm_routes *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->sink = *sink;
	t->seed = fpm_index_seed();
	t->free_list = NO_ENTRY;
	t->objects.sets = &t->sets;
	return t;
}

void lm_fpm_routes_free(struct lm_fpm_routes *t)
{
	if (t == NULL)
		return;
	fpm_objects_clear(&t->objects);
	fpm_sets_clear(&t->sets);
	fpm_index_clear(&t->index);
	free(t->entries);
	free(t);
}

static uint32_t hash_prefix(const struct lm_fpm_routes *t, const struct lm_prefix *prefix)
{
	return fpm_hash(prefix->addr, prefix->family == AF_INET ? 4 : 16,
		t->seed ^ ((uint64_t)prefix->family << 8 | prefix->len));
}

static bool same_prefix(const struct lm_prefix *a, const struct lm_prefix *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static uint32_t find(const struct lm_fpm_routes *t, const struct lm_prefix *prefix)
{
	uint32_t hash = hash_prefix(t, prefix);
	uint32_t place = fpm_index_start(&t->index, hash);
	uint32_t item;

	while ((item = fpm_index_next(&t->index, hash, &place)) != FPM_INDEX_NONE)
		if (same_prefix(&t->entries[item].prefix, prefix))
			return item;
	return NO_ENTRY;
}

/* A free entry's number, taken off neither list nor array yet. */
static uint32_t make_room(struct lm_fpm_routes *t)
{
	struct entry *entries;
	uint32_t cap;

	if (t->free_list != NO_ENTRY)
		return t->free_list;
	if (t->n_entries < t->cap)
		return t->n_entries;
	cap = t->cap == 0 ? 64 : t->cap + t->cap / 2;
	if (cap <= t->cap)
		return NO_ENTRY;
	entries = realloc(t->entries, cap * sizeof(entries[0]));
	if (entries == NULL)
		return NO_ENTRY;
	t->entries = entries;
	t->cap = cap;
	return t->n_entries;
}

static struct entry *add(struct lm_fpm_routes *t, const struct lm_prefix *prefix, uint32_t epoch)
{
	uint32_t i = make_room(t);

	if (i == NO_ENTRY || fpm_index_add(&t->index, hash_prefix(t, prefix), i) < 0)
		return NULL;
	if (i == t->free_list)
		t->free_list = t->entries[i].epoch;
	else
		t->n_entries++;
	t->entries[i] = (struct entry){.prefix = *prefix, .epoch = epoch};
	t->stats.routes++;
	t->stats.stale += epoch != t->stats.epoch;
	return &t->entries[i];
}

static void remove_entry(struct lm_fpm_routes *t, uint32_t i)
{
	struct entry *e = &t->entries[i];

	if (e->emitted) {
		if (t->sink.remove(t->sink.ctx, &e->prefix) < 0)
			t->stats.failed++;
		else
			t->stats.removed++;
	}
	t->stats.routes--;
	t->stats.stale -= e->epoch != t->stats.epoch;
	t->by_object -= e->nh_id != 0;
	fpm_sets_put(&t->sets, e->set);
	fpm_index_remove(&t->index, hash_prefix(t, &e->prefix), i);
	e->prefix.family = 0;
	e->epoch = t->free_list;
	t->free_list = i;
}

/* Tell the sink unless it has the same already. Takes over the reference to `set`. */
static void update(struct lm_fpm_routes *t, struct entry *e, uint32_t set, uint8_t protocol)
{
	const struct fpm_set *s = fpm_sets_at(&t->sets, set);

	if (e->set == set && e->protocol == protocol) {
		fpm_sets_put(&t->sets, set);
		return;
	}
	t->out.prefix = e->prefix;
	t->out.type = (enum lm_route_type)s->type;
	t->out.protocol = protocol;
	t->out.n_nexthops = s->n;
	memcpy(t->out.nexthops, s->nexthops, s->n * sizeof(s->nexthops[0]));
	fpm_sets_put(&t->sets, e->set);
	e->protocol = protocol;
	if (t->sink.replace(t->sink.ctx, &t->out) < 0) {
		t->stats.failed++;
		fpm_sets_put(&t->sets, set);
		e->set = FPM_SET_NONE;
		return;
	}
	t->stats.replaced++;
	e->emitted = true;
	e->set = set;
}

/* The set of the object, with a reference of our own; FPM_SET_NONE: not known (yet). */
static uint32_t resolve(struct lm_fpm_routes *t, uint32_t nh_id)
{
	uint32_t set = fpm_objects_resolve(&t->objects, nh_id);

	if (set != FPM_SET_NONE)
		fpm_sets_ref(&t->sets, set);
	return set;
}

static int replace(struct lm_fpm_routes *t, const struct lm_rtmsg *msg)
{
	const struct lm_route *route = &msg->route;
	uint32_t i = find(t, &route->prefix), set;
	struct entry *e = i == NO_ENTRY ? add(t, &route->prefix, t->stats.epoch) : &t->entries[i];

	if (e == NULL)
		return -ENOMEM;
	if (e->epoch != t->stats.epoch) {
		e->epoch = t->stats.epoch;
		t->stats.stale--;
		t->stats.refreshed++;
	}
	t->by_object += (msg->nh_id != 0) - (e->nh_id != 0);
	e->nh_id = msg->nh_id;
	if (msg->nh_id != 0) {
		set = resolve(t, msg->nh_id);
		if (set != FPM_SET_NONE)
			update(t, e, set, route->protocol);
		else
			e->protocol = route->protocol;
		return 0;
	}
	set = fpm_sets_get(&t->sets, route->type, route->n_nexthops, route->nexthops);
	if (set == FPM_SET_NONE)
		return -ENOMEM;
	update(t, e, set, route->protocol);
	return 0;
}

int lm_fpm_routes_apply(struct lm_fpm_routes *t, const struct lm_rtmsg *msg)
{
	uint32_t i;

	switch (msg->type) {
	case LM_RTMSG_ROUTE_REPLACE:
		return replace(t, msg);
	case LM_RTMSG_ROUTE_DELETE:
		i = find(t, &msg->route.prefix);
		if (i != NO_ENTRY)
			remove_entry(t, i);
		return 0;
	case LM_RTMSG_NEXTHOP_REPLACE:
		return fpm_objects_replace(&t->objects, &msg->nexthop);
	case LM_RTMSG_NEXTHOP_DELETE:
		fpm_objects_delete(&t->objects, msg->nexthop.id);
		return 0;
	case LM_RTMSG_IGNORED:
		break;
	}
	return 0;
}

int lm_fpm_routes_seed(struct lm_fpm_routes *t, const struct lm_route *route)
{
	struct entry *e;
	uint32_t set;

	if (find(t, &route->prefix) != NO_ENTRY)
		return 0;
	set = fpm_sets_get(&t->sets, route->type, route->n_nexthops, route->nexthops);
	if (set == FPM_SET_NONE)
		return -ENOMEM;
	e = add(t, &route->prefix, 0);
	if (e == NULL) {
		fpm_sets_put(&t->sets, set);
		return -ENOMEM;
	}
	update(t, e, set, route->protocol);
	return 0;
}

void lm_fpm_routes_new_epoch(struct lm_fpm_routes *t)
{
	t->stats.epoch++;
	t->stats.stale = t->stats.routes;
	t->passing = false;
	t->sweeping = false;
	t->sweep_asked = false;
	fpm_objects_clear(&t->objects);
}

void lm_fpm_routes_sweep(struct lm_fpm_routes *t)
{
	t->sweep_asked = true;
}

static bool begin_pass(struct lm_fpm_routes *t)
{
	bool objects_changed = t->by_object > 0 && t->pass_version != t->objects.version;

	if (!t->sweep_asked && !objects_changed)
		return false;
	t->passing = true;
	t->sweeping = t->sweep_asked;
	t->sweep_asked = false;
	t->cursor = 0;
	t->pass_version = t->objects.version;
	return true;
}

static void look_at(struct lm_fpm_routes *t, uint32_t i)
{
	struct entry *e = &t->entries[i];
	uint32_t set;

	if (e->prefix.family == 0)
		return;
	if (e->epoch != t->stats.epoch) {
		if (t->sweeping) {
			remove_entry(t, i);
			t->stats.swept++;
		}
		return;
	}
	if (e->nh_id == 0)
		return;
	set = resolve(t, e->nh_id);
	if (set != FPM_SET_NONE)
		update(t, e, set, e->protocol);
}

bool lm_fpm_routes_work(struct lm_fpm_routes *t, uint32_t max)
{
	if (!t->passing && !begin_pass(t))
		return false;
	for (; max > 0 && t->cursor < t->n_entries; max--)
		look_at(t, t->cursor++);
	if (t->cursor < t->n_entries)
		return true;
	t->passing = false;
	t->sweeping = false;
	return t->sweep_asked || (t->by_object > 0 && t->pass_version != t->objects.version);
}

void lm_fpm_routes_stats(const struct lm_fpm_routes *t, struct lm_fpm_routes_stats *stats)
{
	*stats = t->stats;
	stats->objects = t->objects.n_items;
	stats->bytes = (uint64_t)t->cap * sizeof(t->entries[0]) +
		       (uint64_t)t->index.n_slots * sizeof(t->index.slots[0]);
}
