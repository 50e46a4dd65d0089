/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/punt.h"

void lm_buckets_init(struct lm_bucket buckets[LM_PUNT_COUNT], uint64_t tsc_hz)
{
	for (unsigned int i = 0; i < LM_PUNT_COUNT; i++) {
		uint64_t cost = tsc_hz / lm_punt_info[i].rate_pps;
		uint64_t depth = cost * lm_punt_info[i].burst_pkts;

		buckets[i] = (struct lm_bucket){.cost = cost, .depth = depth, .credit = depth};
	}
}
