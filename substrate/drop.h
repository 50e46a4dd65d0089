/* SPDX-License-Identifier: BSD-3-Clause */
/* Every reason for which the substrate drops a frame. docs/substrate.md explains each in words. */
#ifndef LM_SUBSTRATE_DROP_H
#define LM_SUBSTRATE_DROP_H

#include "substrate/wire.h"

/* clang-format off */
#define DROP_LIST(X) \
	/* from a port, by the codec; same order as enum lm_wire_verdict */ \
	X(RUNT, runt) X(WRONG_VLAN, wrong_vlan) X(TRUNCATED, truncated) X(TYPE_ZERO, type_zero) \
	X(TYPE_RESERVED, type_reserved) X(TYPE_UNKNOWN, type_unknown) X(BAD_LEN, bad_len) \
	X(SLICE_ID_ZERO, slice_id_zero) \
	/* from a port, by the demultiplexer */ \
	X(UNKNOWN_SLICE, unknown_slice) X(UNKNOWN_VIF, unknown_vif) \
	X(NO_LEGACY_VIF, no_legacy_vif) X(NO_ACCESS_VIF, no_access_vif) \
	/* either way */ \
	X(NO_SUCH_VMAC, no_such_vmac) X(SLICE_HOPPING, slice_hopping) X(OVER_MTU, over_mtu) \
	X(TOO_MANY_WORDS, too_many_words) X(SEGMENTED, segmented) \
	/* from a sliver */ \
	X(BAD_SOURCE_MAC, bad_source_mac) X(NOT_SLICE, not_slice) X(WRONG_TYPE, wrong_type) \
	X(NO_PEER, no_peer) X(TOO_LONG, too_long) X(BAD_DESCRIPTOR, bad_descriptor) \
	/* on the way out */ \
	X(VIF_DOWN, vif_down) X(VIF_RING_FULL, vif_ring_full) X(PORT_TX_FULL, port_tx_full) \
	X(NO_MEMORY, no_memory) X(HANDOVER_FULL, handover_full)
/* clang-format on */

enum drop_reason {
#define X(upper, lower) DROP_##upper,
	DROP_LIST(X)
#undef X
		DROP_REASONS
};

/** The counter's name, as in `counters`: "no_such_vmac"... */
const char *drop_name(enum drop_reason r);

/** The reason that belongs to a verdict other than OK and PLAIN. */
static inline enum drop_reason drop_of_verdict(enum lm_wire_verdict v)
{
	return (enum drop_reason)((int)v - LM_WIRE_RUNT + DROP_RUNT);
}

_Static_assert(LM_WIRE_SLICE_ID_ZERO - LM_WIRE_RUNT == DROP_SLICE_ID_ZERO - DROP_RUNT,
	"the codec's drop reasons follow enum lm_wire_verdict");

#endif
