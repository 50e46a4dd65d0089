/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/vmac.h"

#include <stdbool.h>
#include <string.h>

static uint64_t fnv1a(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3U;
	return h;
}

void vmac_make(const char *scope, uint32_t slice_id, const char *sliver, const char *iface,
	unsigned int salt, uint8_t mac[6])
{
	uint8_t number[8] = {(uint8_t)(slice_id >> 24), (uint8_t)(slice_id >> 16),
		(uint8_t)(slice_id >> 8), (uint8_t)slice_id, (uint8_t)(salt >> 24),
		(uint8_t)(salt >> 16), (uint8_t)(salt >> 8), (uint8_t)salt};
	uint64_t h = fnv1a(0xcbf29ce484222325U, scope, strlen(scope) + 1);

	h = fnv1a(h, number, sizeof(number));
	h = fnv1a(h, sliver, strlen(sliver) + 1);
	h = fnv1a(h, iface, strlen(iface) + 1);
	h ^= h >> 32;
	mac[0] = 0x02;
	mac[1] = 0x4c;
	mac[2] = (uint8_t)(h >> 24);
	mac[3] = (uint8_t)(h >> 16);
	mac[4] = (uint8_t)(h >> 8);
	mac[5] = (uint8_t)h;
}

/* True when an interface that comes before (node, iface) in the document has `mac`. */
static bool taken_before(const struct lm_spec *spec, uint32_t slice_id, unsigned int node,
	unsigned int iface, const uint8_t mac[6])
{
	for (unsigned int n = 0; n <= node; n++) {
		unsigned int end = n == node ? iface : spec->nodes[n].n_ifaces;

		for (unsigned int i = 0; i < end; i++) {
			const struct lm_spec_iface *f = &spec->nodes[n].ifaces[i];
			uint8_t other[6];

			/* a made one that had to move is not looked at again: 2^-32 twice */
			vmac_make("slice", slice_id, spec->nodes[n].client_id, f->client_id, 0,
				other);
			if (f->n_macs == 0 && memcmp(other, mac, 6) == 0)
				return true;
			for (unsigned int m = 0; m < f->n_macs; m++)
				if (memcmp(f->macs[m], mac, 6) == 0)
					return true;
		}
	}
	return false;
}

unsigned int vmac_of(const struct lm_spec *spec, uint32_t slice_id, unsigned int node,
	unsigned int iface, uint8_t macs[LM_SPEC_MACS_MAX][6])
{
	const struct lm_spec_node *n = &spec->nodes[node];
	const struct lm_spec_iface *f = &n->ifaces[iface];
	unsigned int salt = 0;

	if (f->n_macs > 0) {
		memcpy(macs, f->macs, sizeof(f->macs[0]) * f->n_macs);
		return f->n_macs;
	}
	do {
		vmac_make("slice", slice_id, n->client_id, f->client_id, salt++, macs[0]);
	} while (taken_before(spec, slice_id, node, iface, macs[0]));
	return 1;
}
