/* SPDX-License-Identifier: BSD-3-Clause */
/* What keeps a crash inside a sliver from starting the host's core_pattern program. */
#ifndef LM_MP_CORE_LIMIT_H
#define LM_MP_CORE_LIMIT_H

#include <sys/resource.h>

/**
 * The core limit (octets, soft and hard) for processes of a sliver: 1, which the kernel reads as
 * "no core file and no core_pattern program" (0 only means the first). A hard limit that is 0
 * already, as sudo sets it, stays: not everybody who is root may raise it.
 */
static inline unsigned long lm_core_limit(void)
{
	struct rlimit now;

	return getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max < 1 ? 0 : 1;
}

/** Give this process (before an exec into a sliver) that limit. */
static inline void lm_core_limit_set(void)
{
	struct rlimit limit = {.rlim_cur = lm_core_limit(), .rlim_max = lm_core_limit()};

	setrlimit(RLIMIT_CORE, &limit);
}

#endif
