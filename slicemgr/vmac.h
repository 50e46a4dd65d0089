/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual MAC addresses that need no bookkeeping: the same request gives the same ones everywhere.
 */
#ifndef LM_SLICEMGR_VMAC_H
#define LM_SLICEMGR_VMAC_H

#include <stdint.h>

#include "slicemgr/spec.h"

/**
 * The vMACs of interface `iface` of node `node` (indices in spec->nodes): those asked for, else one
 * 02:4c:... made from slice id, client_ids. Distinct within the slice on whichever Lamina nodes its
 * slivers are, since each node computes those of all. Returns how many.
 */
unsigned int vmac_of(const struct lm_spec *spec, uint32_t slice_id, unsigned int node,
	unsigned int iface, uint8_t macs[LM_SPEC_MACS_MAX][6]);

/** One vMAC from names alone (the legacy router's). `salt` tells several apart. */
void vmac_make(const char *scope, uint32_t slice_id, const char *sliver, const char *iface,
	unsigned int salt, uint8_t mac[6]);

#endif
