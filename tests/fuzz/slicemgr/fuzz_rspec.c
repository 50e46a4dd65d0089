/* SPDX-License-Identifier: BSD-3-Clause */
/* Any octets as a request; what is taken must also make a valid manifest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "slicemgr/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

static void check_manifest(const struct lm_spec *spec)
{
	static const struct lm_given_iface ifaces[LM_SPEC_IFACES_MAX] = {
		[0 ... LM_SPEC_IFACES_MAX - 1] = {.n_macs = 2, .mtu = 1500}};
	struct lm_given_sliver slivers[LM_SPEC_NODES_MAX];
	struct lm_given given = {
		.node = "n1", .slice_name = "s", .slice_id = 1, .slivers = slivers};
	struct lm_err err;
	unsigned i;
	char *text;

	for (i = 0; i < spec->n_nodes; i++)
		slivers[i] = (struct lm_given_sliver){spec->nodes[i].here ? "urn:x" : NULL, ifaces};
	must(lm_manifest_write(spec, &given, &text, &err) == 0);
	must(lm_manifest_check("manifest", text, strlen(text), &err) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_spec spec;
	struct lm_err err;
	int rc = lm_spec_parse("fuzz", (const char *)data, size, "n1", &spec, &err);

	if (rc == 0) {
		check_manifest(&spec);
		lm_spec_free(&spec);
	} else {
		must(err.code == -rc && strncmp(err.msg, "fuzz:", 5) == 0);
	}
	return 0;
}
