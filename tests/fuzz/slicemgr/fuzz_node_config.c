/* SPDX-License-Identifier: BSD-3-Clause */
/* Any octets as a node's configuration. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "slicemgr/node_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_node_conf conf;
	struct lm_err err;
	int rc = lm_node_conf_parse("fuzz", (const char *)data, size, &conf, &err);

	if (rc == 0)
		lm_node_conf_free(&conf);
	else if (err.code != -rc || strncmp(err.msg, "fuzz:", 5) != 0)
		abort();
	return 0;
}
