/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: how to write the Ethernet header towards an address on a link. Workers read immutable
 * objects through a table of pointers and find on-link hosts through a hash; the control thread
 * swaps pointers. The kernel owns ARP and ND: this is a copy of what it knows.
 */
#ifndef LM_FP_ADJACENCY_H
#define LM_FP_ADJACENCY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define LM_ADJ_MAX  65536u
#define LM_ADJ_NONE UINT32_MAX

struct lm_grace;
struct lm_ports;
struct lm_adj_ctl;

/** What a worker reads; never changed once published. */
struct lm_adj {
	uint8_t macs[12]; /* destination, then source: the first 12 octets of the frame */
	uint16_t vif;
	uint16_t tap;
	uint8_t family;
	bool resolved; /* else: punt, the kernel resolves */
	uint8_t addr[16];
} __attribute__((aligned(64)));

/** Open addressing: slot = adjacency id + 1; 0 is empty, ids without an object are skipped. */
struct lm_adj_hash {
	uint32_t mask;
	uint32_t slots[];
};

struct lm_adj_table {
	struct lm_adj **objs; /* [LM_ADJ_MAX]; NULL: no such adjacency */
	struct lm_adj_hash *hash;
	struct lm_adj_ctl *ctl; /* the writer's side */
};

/** What the kernel thinks of a neighbour, for people and for refreshing. */
enum lm_adj_state { LM_ADJ_INCOMPLETE, LM_ADJ_REACHABLE, LM_ADJ_STALE, LM_ADJ_FAILED };

struct lm_adj_table *lm_adj_table_new(struct lm_ports *ports, struct lm_grace *grace);
void lm_adj_table_free(struct lm_adj_table *t);

/**
 * Take a reference on the adjacency towards `addr` on `tap`, made unresolved when new. Returns its
 * id, or LM_ADJ_NONE when the table is full. `ask` is set when the kernel should be asked to
 * resolve it (NTF_USE).
 */
uint32_t lm_adj_ref(
	struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr, bool *ask);
void lm_adj_unref(struct lm_adj_table *t, uint32_t id);

/** The kernel has a MAC for a neighbour. 0 or -ENOSPC. */
int lm_adj_resolve(struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr,
	const uint8_t *mac, enum lm_adj_state state);

/**
 * The kernel has none. `failed`: it asked and got no answer: forget the MAC. Otherwise (it is
 * asking, or forgot an idle entry) a known MAC is kept while routes use it; returns true when the
 * kernel should then be asked again.
 */
bool lm_adj_unresolve(
	struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr, bool failed);

/** A link went down or away: forget all its MACs. */
void lm_adj_flush_tap(struct lm_adj_table *t, uint16_t tap);

/** Walk: mark all, let a dump refresh, then sweep what the kernel no longer has. */
void lm_adj_mark(struct lm_adj_table *t);
void lm_adj_sweep(struct lm_adj_table *t);

struct lm_adj_view {
	const struct lm_adj *adj;
	enum lm_adj_state state;
	uint32_t refs;
};

/** Ids are below lm_adj_count(); false for an id that is not in use. */
uint32_t lm_adj_count(const struct lm_adj_table *t);
bool lm_adj_get(const struct lm_adj_table *t, uint32_t id, struct lm_adj_view *view);

static inline uint32_t lm_adj_hash_key(uint16_t tap, uint8_t family, const uint8_t *addr)
{
	uint64_t a, b = 0;

	if (family == AF_INET) {
		uint32_t v;

		memcpy(&v, addr, sizeof(v));
		a = v;
	} else {
		memcpy(&a, addr, sizeof(a));
		memcpy(&b, addr + 8, sizeof(b));
	}
	a = (a ^ (b * 0x9e3779b97f4a7c15ULL) ^ ((uint64_t)tap << 40)) * 0xff51afd7ed558ccdULL;
	return (uint32_t)(a >> 32);
}

static inline bool lm_adj_is(
	const struct lm_adj *adj, uint16_t tap, uint8_t family, const uint8_t *addr)
{
	return adj->tap == tap && adj->family == family &&
	       memcmp(adj->addr, addr, family == AF_INET ? 4 : 16) == 0;
}

/** For workers: the adjacency of a host on a link, or LM_ADJ_NONE. */
static inline uint32_t lm_adj_find(
	const struct lm_adj_table *t, uint16_t tap, uint8_t family, const uint8_t *addr)
{
	const struct lm_adj_hash *h = __atomic_load_n(&t->hash, __ATOMIC_ACQUIRE);
	uint32_t at = lm_adj_hash_key(tap, family, addr) & h->mask;
	uint32_t slot;

	while ((slot = __atomic_load_n(&h->slots[at], __ATOMIC_ACQUIRE)) != 0) {
		const struct lm_adj *adj = __atomic_load_n(&t->objs[slot - 1], __ATOMIC_ACQUIRE);

		if (adj != NULL && lm_adj_is(adj, tap, family, addr))
			return slot - 1;
		at = (at + 1) & h->mask;
	}
	return LM_ADJ_NONE;
}

#endif
