/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next-hop groups: what a route resolves to. Equal groups are one object with one id, counted.
 * Workers read immutable objects through a table of pointers; the control thread swaps a pointer
 * when the links under a group change, so the FIB need not be touched.
 */
#ifndef LM_FP_NEXTHOP_H
#define LM_FP_NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/route.h"

#define LM_NHG_MAX	   65536u
#define LM_NHG_BUCKETS_MAX 1024u

/* A bucket says where a flow goes: an adjacency id, or one of the kinds below with a TAP. */
#define LM_HOP_KIND	0xc0000000u
#define LM_HOP_ADJ	0x00000000u
#define LM_HOP_ON_LINK	0x40000000u /* the destination is the neighbour; low bits: TAP */
#define LM_HOP_FOREIGN	0x80000000u /* an interface the FP does not have */
#define LM_HOP_VALUE(h) ((h) & ~LM_HOP_KIND)

enum lm_nhg_type {
	LM_NHG_FORWARD,
	LM_NHG_LOCAL,	    /* to this router: the kernel takes it */
	LM_NHG_BLACKHOLE,   /* drop */
	LM_NHG_UNREACHABLE, /* the kernel answers */
};

/** What a worker reads; never changed once published. */
struct lm_nhg {
	uint16_t type;
	uint16_t n_buckets; /* FORWARD: >= 1; flow hash picks one, weights are in the counts */
	uint32_t buckets[];
};

struct lm_grace;
struct lm_ports;
struct lm_adj_table;
struct lm_nhg_ctl;

struct lm_nhg_table {
	struct lm_nhg **objs; /* [LM_NHG_MAX], by id; id 0 is never used */
	struct lm_nhg_ctl *ctl;
};

/** Called when the kernel should be asked to resolve a gateway (NTF_USE). */
typedef void (*lm_nhg_ask_fn)(void *ctx, uint16_t tap, uint8_t family, const uint8_t *addr);

struct lm_nhg_table *lm_nhg_table_new(struct lm_ports *ports, struct lm_adj_table *adjs,
	struct lm_grace *grace, lm_nhg_ask_fn ask, void *ask_ctx);
void lm_nhg_table_free(struct lm_nhg_table *t);

/**
 * Take a reference on the group for these next hops (copied; n = 0 unless type is FORWARD).
 * Returns its id (>= 1), or 0 when there is no room or memory.
 */
uint32_t lm_nhg_ref(
	struct lm_nhg_table *t, enum lm_nhg_type type, const struct lm_nexthop *hops, uint16_t n);
void lm_nhg_unref(struct lm_nhg_table *t, uint32_t id);

/** The links under the groups changed (an ifindex came or went): look all of them up again. */
void lm_nhg_relink(struct lm_nhg_table *t);

/** The next hops of a group, for people. Returns how many. */
uint16_t lm_nhg_hops(const struct lm_nhg_table *t, uint32_t id, const struct lm_nexthop **hops,
	enum lm_nhg_type *type);

static inline const struct lm_nhg *lm_nhg_get(const struct lm_nhg_table *t, uint32_t id)
{
	return __atomic_load_n(&t->objs[id], __ATOMIC_ACQUIRE);
}

#endif
