/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates of the punt classes. */
#ifndef LM_FP_PUNT_H
#define LM_FP_PUNT_H

#include "fp/dataplane.h"

/** Fill every class's bucket as fp/reasons.h says; `tsc_hz`: cycles a second. */
void lm_buckets_init(struct lm_bucket buckets[LM_PUNT_COUNT], uint64_t tsc_hz);

/** Take one packet's credit at time `now` (TSC); false when the rate is used up. */
static inline bool lm_bucket_take(struct lm_bucket *b, uint64_t now)
{
	b->credit += now - b->last;
	b->last = now;
	if (b->credit > b->depth)
		b->credit = b->depth;
	if (b->credit < b->cost)
		return false;
	b->credit -= b->cost;
	return true;
}

#endif
