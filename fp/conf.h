/* SPDX-License-Identifier: BSD-3-Clause */
/* What the FP needs of sliver.json (docs/architecture.md). */
#ifndef LM_FP_CONF_H
#define LM_FP_CONF_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "fp/ports.h"
#include "mp/err.h"

struct lm_fp_conf {
	cpu_set_t cpus; /* empty: not given */
	bool dedicated; /* poll on CPUs of its own; else sleep when idle */
	bool has_zebra; /* routes come over FPM; else the kernel's main table is followed */
	uint32_t memory_mb;
	uint32_t frame_max;	/* octets: the largest frame any interface carries */
	uint8_t ring_size_log2; /* of every memif, so that all fit the memory */
};

/**
 * Read sliver.json at `path` into `conf` and its `plane=fp` interfaces into `ports` (zeroed by the
 * caller). -EINVAL or what the file system says, with `err` naming file and field.
 */
int lm_fp_conf_load(
	struct lm_fp_conf *conf, struct lm_ports *ports, const char *path, struct lm_err *err);

#endif
