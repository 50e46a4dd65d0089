/* SPDX-License-Identifier: BSD-3-Clause */
/* Any octets as a frame: the codec reads inside them, and what it accepts can be taken out and put
 * back. The first two octets choose the port's VLAN. */
#include "substrate/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pop_and_push(
	const uint8_t *data, size_t size, uint16_t vlan, const struct lm_wire_hdr *h)
{
	uint8_t *copy = malloc(size), *plain;
	struct lm_wire_template t;
	struct lm_wire_hdr again;

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	plain = lm_wire_pop(copy, h->hdr_len);
	if (memcmp(plain, data, LM_WIRE_MACS_LEN) != 0 ||
		lm_wire_get16(plain + LM_WIRE_MACS_LEN) != h->inner_type)
		abort();
	(void)lm_wire_hops(plain, size - h->hdr_len, LM_WIRE_ETHERTYPE_DEFAULT);
	if (h->type <= LM_WIRE_VIF) {
		memset(&t, 0, sizeof(t));
		lm_wire_template_set(
			&t, LM_WIRE_ETHERTYPE_DEFAULT, vlan, h->type, h->slice_id, h->vif_id);
		if (t.len != h->hdr_len || lm_wire_push(plain, &t) != copy ||
			lm_wire_parse(copy, size, LM_WIRE_ETHERTYPE_DEFAULT, vlan, &again) !=
				LM_WIRE_OK ||
			again.slice_id != h->slice_id || again.vif_id != h->vif_id ||
			again.inner_type != h->inner_type)
			abort();
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_wire_hdr h;
	uint16_t vlan;

	if (size < 2)
		return 0;
	vlan = lm_wire_get16(data) & 0x0FFF;
	data += 2;
	size -= 2;
	if (size > UINT16_MAX)
		size = UINT16_MAX;
	if (size >= LM_WIRE_ETH_LEN)
		(void)lm_wire_hops(data, size, LM_WIRE_ETHERTYPE_DEFAULT);
	if (lm_wire_parse(data, size, LM_WIRE_ETHERTYPE_DEFAULT, vlan, &h) == LM_WIRE_OK)
		pop_and_push(data, size, vlan, &h);
	return 0;
}
