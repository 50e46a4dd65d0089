/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds and publishes forwarding tables. Control thread only. */
#include "substrate/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Append v; arrays grow by doubling. */
static bool set_add(struct vif_set *set, struct vif *v)
{
	if ((set->n & (set->n - 1)) == 0) {
		size_t room = set->n == 0 ? 1 : (size_t)set->n * 2;
		struct vif **bigger = realloc(set->v, room * sizeof(struct vif *));

		if (bigger == NULL)
			return false;
		set->v = bigger;
	}
	set->v[set->n++] = v;
	return true;
}

/* The place of a key: its binding, or a new one made there. */
static struct binding *place(
	struct table *t, uint16_t port_id, uint8_t type, uint32_t slice_id, uint32_t vif_id)
{
	uint32_t i = table_hash(port_id, type, slice_id, vif_id);
	struct binding *b =
		(struct binding *)(uintptr_t)table_find(t, port_id, type, slice_id, vif_id);

	if (b != NULL)
		return b;
	while (t->bindings[i & t->mask].used)
		i++;
	b = &t->bindings[i & t->mask];
	b->used = true;
	b->port_id = port_id;
	b->type = type;
	b->slice_id = slice_id;
	b->vif_id = vif_id;
	return b;
}

static bool add_vif(struct table *t, const struct substrate *s, struct vif *v)
{
	const struct vif *other;

	t->vifs[v->slot] = v;
	switch (v->attach) {
	case ATTACH_TRUNK:
		place(t, v->port->port_id, 0, v->slice_id, 0);
		return set_add(
			&place(t, v->port->port_id, v->type, v->slice_id, v->vif_id)->vifs, v);
	case ATTACH_ACCESS:
	case ATTACH_LEGACY:
		return set_add(&t->plain[v->port->port_id], v);
	case ATTACH_PATCH:
		TAILQ_FOREACH (other, &s->vifs, next) {
			if (other->attach == ATTACH_PATCH && strcmp(other->link, v->link) == 0 &&
				!set_add(&t->peers[v->slot], (struct vif *)(uintptr_t)other))
				return false;
		}
		return true;
	}
	return true;
}

/* What each worker has to poll. */
static bool add_views(struct table *t, const struct substrate *s)
{
	struct port *p;
	struct vif *v;
	uint32_t n_ports = 0;

	TAILQ_FOREACH (p, &s->ports, next)
		n_ports++;
	for (unsigned int i = 0; i < s->n_workers; i++) {
		struct worker_view *view = &t->workers[i];

		view->ports = calloc(n_ports + 1, sizeof(struct port *));
		view->vifs = calloc(t->n_slots + 1, sizeof(struct vif *));
		if (view->ports == NULL || view->vifs == NULL)
			return false;
	}
	TAILQ_FOREACH (p, &s->ports, next) {
		struct worker_view *view = &t->workers[p->worker->idx];

		view->ports[view->n_ports++] = p;
		view->has_timer_port |= p->wait == PORT_WAIT_TIMER;
		view->has_poll_port |= p->wait == PORT_WAIT_POLL;
	}
	TAILQ_FOREACH (v, &s->vifs, next) {
		struct worker_view *view = &t->workers[v->worker->idx];

		view->vifs[view->n_vifs++] = v;
		view->n_taps += strcmp(v->backend->kind, "tap") == 0;
	}
	return true;
}

/* Arrays of the right size, all empty. */
static struct table *table_alloc(const struct substrate *s)
{
	struct table *t = calloc(1, sizeof(*t));
	uint32_t keys = 0, places = 8;
	const struct vif *v;
	const struct xc *x;

	if (t == NULL)
		return NULL;
	TAILQ_FOREACH (v, &s->vifs, next) {
		keys += 2;
		if (v->slot >= t->n_slots)
			t->n_slots = v->slot + 1;
	}
	TAILQ_FOREACH (x, &s->xcs, next)
		keys += 2;
	while (places < 2 * keys)
		places *= 2;
	t->mask = places - 1;
	t->bindings = calloc(places, sizeof(*t->bindings));
	t->vifs = calloc((size_t)t->n_slots + 1, sizeof(struct vif *));
	t->peers = calloc((size_t)t->n_slots + 1, sizeof(*t->peers));
	if (t->bindings == NULL || t->vifs == NULL || t->peers == NULL) {
		t->n_slots = 0;
		table_free(t);
		return NULL;
	}
	return t;
}

struct table *table_new(const struct substrate *s)
{
	struct table *t = table_alloc(s);
	struct port *p;
	struct vif *v;
	struct xc *x;

	if (t == NULL)
		return NULL;
	TAILQ_FOREACH (p, &s->ports, next)
		t->ports[p->port_id] = p;
	TAILQ_FOREACH (v, &s->vifs, next) {
		if (!add_vif(t, s, v))
			goto fail;
	}
	TAILQ_FOREACH (x, &s->xcs, next) {
		place(t, x->in.port->port_id, 0, x->in.slice_id, 0);
		place(t, x->in.port->port_id, x->in.type, x->in.slice_id, x->in.vif_id)->xc = x;
	}
	if (!add_views(t, s))
		goto fail;
	return t;
fail:
	table_free(t);
	return NULL;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; t->bindings != NULL && i <= t->mask; i++)
		free(t->bindings[i].vifs.v);
	for (uint32_t i = 0; i < t->n_slots; i++)
		free(t->peers[i].v);
	for (unsigned int i = 0; i < RTE_MAX_ETHPORTS; i++)
		free(t->plain[i].v);
	for (unsigned int i = 0; i < WORKERS_MAX; i++) {
		free(t->workers[i].ports);
		free(t->workers[i].vifs);
	}
	free(t->bindings);
	free(t->peers);
	free(t->vifs);
	free(t);
}

int table_publish(struct substrate *s, struct lm_err *err)
{
	struct table *t = table_new(s), *old;

	if (t == NULL)
		return lm_err_set(err, ENOMEM, "out of memory for a forwarding table");
	old = atomic_exchange(&s->table, t);
	for (unsigned int i = 0; i < s->n_workers; i++)
		worker_wake(&s->workers[i]);
	substrate_synchronize(s);
	table_free(old);
	return 0;
}
