/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding table: an immutable picture of the configuration that workers read without locks.
 * A change builds a new one, publishes it, waits for the workers (QSBR) and frees the old one.
 */
#ifndef LM_SUBSTRATE_TABLE_H
#define LM_SUBSTRATE_TABLE_H

#include "substrate/state.h"

struct vif_set {
	struct vif **v;
	uint32_t n;
};

/* What a (port, type, slice id, vif id) is bound to. type 0: the slice is known on the port. */
struct binding {
	uint32_t slice_id;
	uint32_t vif_id;
	uint16_t port_id;
	uint8_t type;
	bool used;
	struct vif_set vifs;
	struct xc *xc;
};

struct worker_view {
	struct port **ports;
	uint32_t n_ports;
	struct vif **vifs;
	uint32_t n_vifs;
	uint32_t n_taps;
	bool has_timer_port; /* some port offers no descriptor */
	bool has_poll_port;  /* some port must never be slept on */
};

struct table {
	struct port *ports[RTE_MAX_ETHPORTS];	/* by DPDK port id */
	struct vif_set plain[RTE_MAX_ETHPORTS]; /* the access or legacy vif of a port */
	struct vif **vifs;			/* by slot; NULL: free */
	struct vif_set *peers; /* by slot: all vifs of its patch link, itself too */
	uint32_t n_slots;
	struct binding *bindings; /* open addressing, mask + 1 of them */
	uint32_t mask;
	struct worker_view workers[WORKERS_MAX];
};

static inline uint32_t table_hash(
	uint16_t port_id, uint8_t type, uint32_t slice_id, uint32_t vif_id)
{
	uint64_t h = ((uint64_t)slice_id << 32 | vif_id) ^ ((uint64_t)port_id << 8 | type) << 20;

	h *= 0x9E3779B97F4A7C15U;
	return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 15);
}

/** The binding of a key, or NULL. At most half of the places are used, so this ends soon. */
static inline const struct binding *table_find(
	const struct table *t, uint16_t port_id, uint8_t type, uint32_t slice_id, uint32_t vif_id)
{
	uint32_t i = table_hash(port_id, type, slice_id, vif_id);

	for (;; i++) {
		const struct binding *b = &t->bindings[i & t->mask];

		if (!b->used)
			return NULL;
		if (b->slice_id == slice_id && b->vif_id == vif_id && b->port_id == port_id &&
			b->type == type)
			return b;
	}
}

/** Build a table from the lists of `s`. NULL: out of memory. */
struct table *table_new(const struct substrate *s);
void table_free(struct table *t);

/** Build, publish, wait for all workers, free the old one. -ENOMEM with `err`: nothing changed. */
int table_publish(struct substrate *s, struct lm_err *err);

#endif
