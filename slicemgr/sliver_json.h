/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes sliver.json (docs/architecture.md): what a sliver is to be. */
#ifndef LM_SLICEMGR_SLIVER_JSON_H
#define LM_SLICEMGR_SLIVER_JSON_H

#include <jansson.h>

#include "slicemgr/state.h"

/** The object itself: a new reference. `cpus`: where its FP may run. NULL: out of memory. */
json_t *sliver_to_json(const struct sliver *sliver, const struct lm_cores *cpus);

/** Write DIR/conf/sliver.json, readable by root and the sliver alone. 0 or a negative errno. */
int sliver_json_write(const struct sliver *sliver, const struct lm_cores *cpus, struct lm_err *err);

/** "vrouter", "vrouter-raw" or "legacy". */
const char *sliver_type_name(const struct lm_spec_node *spec);

#endif
