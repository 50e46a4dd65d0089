/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/reasons.h"

const struct lm_drop_info lm_drop_info[LM_DROP_COUNT] = {
#define X(sym, text) {.name = #sym, .meaning = text},
	LM_DROP_REASONS(X)
#undef X
};

const struct lm_punt_info lm_punt_info[LM_PUNT_COUNT] = {
#define X(sym, pps, burst, text) \
	{.name = #sym, .meaning = text, .rate_pps = pps, .burst_pkts = burst},
	LM_PUNT_CLASSES(X)
#undef X
};
