/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two rings of an interface as one datapath thread uses them. Pure: shared memory in, frames
 * out; no descriptor, no clock. The server's side believes nothing it reads; each shared word is
 * loaded once.
 */
#ifndef LM_SUBSTRATE_MEMIF_RING_H
#define LM_SUBSTRATE_MEMIF_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "substrate/memif.h"
#include "substrate/memif_proto.h"
#include "substrate/memif_region.h"

/** One direction, one end. `pos` and `peer` count on and wrap like the ring's own indices. */
struct memif_queue {
	struct memif_ring *ring;
	uint16_t mask;	     /* ring size - 1 */
	uint16_t pos;	     /* the next slot that this end works on */
	uint16_t peer;	     /* the other end's index as last read */
	uint16_t buffer_len; /* client: octets a buffer */
	uint32_t stride;     /* client: octets from a buffer to the next one */
	uint8_t *buffers;    /* client: buffer of slot 0; the others follow */
};

/** What an end's datapath reads and writes. */
struct memif_rings {
	struct memif_queue rx, tx;
	struct memif_region region[MEMIF_REGIONS_MAX];
	uint16_t n_regions;
	bool server;
	const char *broken; /* the rule the peer broke (static text); NULL: none */
	struct lm_memif_stats stats;
};

/**
 * Take one end of a ring at `offset` of region `region`. NULL, or the rule that the geometry breaks
 * (static text). Does not touch shared memory but the cookie.
 */
const char *memif_queue_attach(struct memif_queue *q, const struct memif_rings *r, uint16_t region,
	uint32_t offset, uint8_t log2_size);

/** Write the state both rings start in, this end's part: indices 0, MASK_INT set on the ring this
 * end receives from; a client also gives all its receive buffers. */
void memif_rings_start(struct memif_rings *r);

/** As lm_memif_rx(). When the peer broke a rule `r->broken` is set, and frames before that are
 * still returned. */
uint16_t memif_rings_rx(struct memif_rings *r, struct lm_memif_frame *frames, uint16_t n);

/** As lm_memif_tx(), less the interrupt: *kick is set when the peer asked for one. */
uint16_t memif_rings_tx(
	struct memif_rings *r, const struct lm_memif_frame *frames, uint16_t n, bool *kick);

/** Ask for interrupts (true) or not; with a full fence before the return. */
void memif_rings_ask(struct memif_rings *r, bool interrupts);

/** True when the peer has something for us. */
bool memif_rings_pending(const struct memif_rings *r);

#endif
