/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment for a process that has nothing: no huge pages, devices, files or sockets. */
#ifndef LM_FP_EAL_H
#define LM_FP_EAL_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "mp/err.h"

/* The EAL lcores: the control thread and the worker. */
#define LM_LCORE_CONTROL 0
#define LM_LCORE_WORKER	 1

struct lm_eal_conf {
	cpu_set_t cpus; /* where the process may run; empty: anywhere it may now */
	bool dedicated; /* with two CPUs or more the worker gets its own */
	/* DPDK insists on a folder although nothing is put there: it is made in the one of this
	 * file; NULL: in its usual place */
	const char *beside;
	uint32_t heap_mb; /* for DPDK's objects; taken from the system as it is used */
};

/** Start the EAL. Once a process; takes about 0.1 s (the TSC is measured). 0 or -errno. */
int lm_eal_start(const struct lm_eal_conf *conf, struct lm_err *err);

#endif
