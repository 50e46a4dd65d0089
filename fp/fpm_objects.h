/* SPDX-License-Identifier: BSD-3-Clause */
/* Next-hop objects by id: single ones and groups, in any order of arrival. */
#ifndef LM_FP_FPM_OBJECTS_H
#define LM_FP_FPM_OBJECTS_H

#include <stdint.h>

#include "fp/fpm_index.h"
#include "fp/fpm_sets.h"
#include "fp/rtmsg.h"

struct fpm_object;

/* All zero, with `sets` set, is empty. */
struct fpm_objects {
	struct fpm_sets *sets;
	struct fpm_index index;
	struct fpm_object *items;
	uint32_t n_items, cap;
	uint64_t version; /* grows with every change */
	uint64_t seed;
};

/** State an object whole. 0 or -ENOMEM. */
int fpm_objects_replace(struct fpm_objects *objects, const struct lm_rtmsg_nexthop *nexthop);

/** Forget an object: what names it is unresolved until it is stated again. */
void fpm_objects_delete(struct fpm_objects *objects, uint32_t id);

/**
 * The next-hop set `id` stands for now, or FPM_SET_NONE while it or a member is not known. The
 * reference is borrowed and valid until the next change of an object.
 */
uint32_t fpm_objects_resolve(struct fpm_objects *objects, uint32_t id);

/** Forget all: the ids of a new connection mean something new. */
void fpm_objects_clear(struct fpm_objects *objects);

#endif
