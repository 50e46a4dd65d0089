/* SPDX-License-Identifier: BSD-3-Clause */
/* A hash index from 32-bit hashes to item numbers; the items live in an array of their owner. Small
 * (8 octets a slot, at most 7/8 full) and without DPDK, so that tests and fuzzers need no EAL. */
#ifndef LM_FP_FPM_INDEX_H
#define LM_FP_FPM_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FPM_INDEX_NONE UINT32_MAX

struct fpm_index_slot {
	uint32_t hash;
	uint32_t item; /* FPM_INDEX_NONE: free */
};

/* All zero is an empty index. */
struct fpm_index {
	struct fpm_index_slot *slots;
	uint32_t n_slots; /* a power of two, or 0 */
	uint32_t used;
};

/** Hash `len` octets; `seed` keeps a sliver from choosing collisions. */
static inline uint32_t fpm_hash(const void *data, size_t len, uint64_t seed)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ len * 0x9e3779b97f4a7c15u;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	if (len > 0) {
		uint64_t word = 0;

		memcpy(&word, p, len);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	h *= 0xc4ceb9fe1a85ec53u;
	return (uint32_t)(h >> 32);
}

/** The first place to look for `hash`. */
static inline uint32_t fpm_index_start(const struct fpm_index *index, uint32_t hash)
{
	return index->n_slots == 0 ? 0 : hash & (index->n_slots - 1);
}

/**
 * The next item with this hash (the caller compares keys), or FPM_INDEX_NONE. `place` starts at
 * fpm_index_start() and moves on.
 */
static inline uint32_t fpm_index_next(const struct fpm_index *index, uint32_t hash, uint32_t *place)
{
	if (index->n_slots == 0)
		return FPM_INDEX_NONE;
	for (;;) {
		const struct fpm_index_slot *slot = &index->slots[*place];

		if (slot->item == FPM_INDEX_NONE)
			return FPM_INDEX_NONE;
		*place = (*place + 1) & (index->n_slots - 1);
		if (slot->hash == hash)
			return slot->item;
	}
}

/** Add an item that is not in the index. 0 or -ENOMEM. */
int fpm_index_add(struct fpm_index *index, uint32_t hash, uint32_t item);

/** Take an item out that is in the index. */
void fpm_index_remove(struct fpm_index *index, uint32_t hash, uint32_t item);

/** Free the memory; the index is empty afterwards. */
void fpm_index_clear(struct fpm_index *index);

/** A seed from the kernel's random numbers. */
uint64_t fpm_index_seed(void);

#endif
