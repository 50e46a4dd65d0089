/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings of a hostile peer: the input's first octets place two rings in a region, the rest is
 * the region's contents; it is then written again between bursts. The region is an allocation of
 * exactly its size, so that one octet read or written outside is seen.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "substrate/memif_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct header {
	uint8_t server;
	uint8_t log2_rx, log2_tx;
	uint8_t burst;
	uint16_t room; /* of the receiver's buffers */
	uint16_t rx_offset, tx_offset;
	uint16_t buffer_len; /* client */
};

static void bursts(struct memif_rings *r, const struct header *h, const uint8_t *data, size_t size)
{
	struct lm_memif_frame f[LM_MEMIF_BURST_MAX];
	uint16_t room = h->room % 4096;
	uint16_t n = 1 + h->burst % LM_MEMIF_BURST_MAX;
	bool kick;

	for (unsigned i = 0; i < n; i++)
		f[i].data = malloc(room != 0 ? room : 1);
	for (unsigned turn = 0; turn < 4 && r->broken == NULL; turn++) {
		for (unsigned i = 0; i < n; i++)
			f[i].len = room;
		uint16_t got = memif_rings_rx(r, f, n);
		if (got > n)
			abort();
		for (unsigned i = 0; i < got; i++) {
			if (f[i].len > room)
				abort();
		}
		for (unsigned i = got; i < n; i++)
			f[i].len = room;
		if (r->broken == NULL && memif_rings_tx(r, f, n, &kick) > n)
			abort();
		(void)memif_rings_pending(r);
		/* the peer scribbles: the contents come again, from another place */
		size_t shift = size / 4 * turn;
		memcpy(r->region[0].addr, data + shift, size - shift);
	}
	for (unsigned i = 0; i < n; i++)
		free(f[i].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header h;
	struct memif_rings r = {.n_regions = 1};

	if (size < sizeof(h) + 1)
		return 0;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	size -= sizeof(h);
	r.server = h.server % 2 == 0;
	r.region[0].size = size;
	r.region[0].addr = aligned_alloc(16, (size + 15) / 16 * 16);
	if (size % 16 != 0)
		goto out; /* aligned_alloc wants whole multiples: no slack after the region */
	memcpy(r.region[0].addr, data, size);
	if (memif_queue_attach(&r.rx, &r, 0, h.rx_offset, h.log2_rx) != NULL ||
		memif_queue_attach(&r.tx, &r, 0, h.tx_offset, h.log2_tx) != NULL)
		goto out;
	if (r.server) { /* indices stay as the peer wrote them */
		bursts(&r, &h, data, size);
		goto out;
	}
	/* A client's rings are equal, and its buffers are where it put them: after the rings. */
	uint64_t buffers = (uint64_t)h.buffer_len << h.log2_rx;
	if (h.log2_rx != h.log2_tx || h.buffer_len == 0 || 2 * buffers > size)
		goto out;
	r.rx.buffers = r.region[0].addr + size - buffers;
	r.tx.buffers = r.rx.buffers - buffers;
	r.rx.buffer_len = r.tx.buffer_len = h.buffer_len;
	r.rx.stride = r.tx.stride = h.buffer_len;
	bursts(&r, &h, data, size);
out:
	free(r.region[0].addr);
	return 0;
}
