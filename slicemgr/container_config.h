/* SPDX-License-Identifier: BSD-3-Clause */
/* The OCI configuration (config.json) of a sliver's container. */
#ifndef LM_SLICEMGR_CONTAINER_CONFIG_H
#define LM_SLICEMGR_CONTAINER_CONFIG_H

#include <jansson.h>

#include "slicemgr/container.h"

/**
 * The OCI runtime configuration for `conf`, with "root" = "rootfs" in the bundle. Looks at the
 * host for what exists (merged /usr, cgroup version, swap accounting, FRR's account). `userns` is
 * the path of the user namespace to join. Returns a new reference, or NULL with `err`.
 */
json_t *lm_container_config(
	const struct lm_container_conf *conf, const char *userns, struct lm_err *err);

#endif
