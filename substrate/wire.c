/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of what can be wrong with a slice header; the codec itself is inline in wire.h. */
#include "substrate/wire.h"

static const char *const names[LM_WIRE_VERDICTS] = {
	[LM_WIRE_OK] = "ok",
	[LM_WIRE_PLAIN] = "plain",
	[LM_WIRE_RUNT] = "runt",
	[LM_WIRE_WRONG_VLAN] = "wrong_vlan",
	[LM_WIRE_TRUNCATED] = "truncated",
	[LM_WIRE_TYPE_ZERO] = "type_zero",
	[LM_WIRE_TYPE_RESERVED] = "type_reserved",
	[LM_WIRE_TYPE_UNKNOWN] = "type_unknown",
	[LM_WIRE_BAD_LEN] = "bad_len",
	[LM_WIRE_SLICE_ID_ZERO] = "slice_id_zero",
};

const char *lm_wire_verdict_name(enum lm_wire_verdict v)
{
	return (unsigned int)v < LM_WIRE_VERDICTS ? names[v] : "?";
}
