/* SPDX-License-Identifier: BSD-3-Clause */
/* Interned next-hop sets: what routes say to do, each kept once however many routes say it. */
#ifndef LM_FP_FPM_SETS_H
#define LM_FP_FPM_SETS_H

#include <stdint.h>

#include "fp/fpm_index.h"
#include "fp/route.h"

#define FPM_SET_NONE 0

struct fpm_set {
	uint32_t refs;
	uint32_t hash;
	uint8_t type; /* enum lm_route_type */
	uint16_t n;
	struct lm_nexthop nexthops[];
};

/* All zero is empty. */
struct fpm_sets {
	struct fpm_index index;
	struct fpm_set **items; /* by id; NULL: free */
	uint32_t n_items, cap;
	uint32_t *free_ids;
	uint32_t n_free;
	uint32_t last; /* the set asked for last: neighbours in a replay mostly share it */
	uint64_t seed;
};

/** The id of this set, with one more reference; FPM_SET_NONE without memory. */
uint32_t fpm_sets_get(struct fpm_sets *sets, enum lm_route_type type, uint16_t n,
	const struct lm_nexthop *nexthops);

/** One more reference to a set that has one. */
void fpm_sets_ref(struct fpm_sets *sets, uint32_t id);

/** Give a reference back; FPM_SET_NONE is ignored. */
void fpm_sets_put(struct fpm_sets *sets, uint32_t id);

/** What `id` (referenced) stands for; valid until its last reference goes. */
static inline const struct fpm_set *fpm_sets_at(const struct fpm_sets *sets, uint32_t id)
{
	return sets->items[id - 1];
}

/** Free everything. */
void fpm_sets_clear(struct fpm_sets *sets);

#endif
