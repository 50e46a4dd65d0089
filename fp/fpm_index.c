/* SPDX-License-Identifier: BSD-3-Clause */
/* Linear probing with backward-shift removal, so lookups never meet tombstones. */
#include "fp/fpm_index.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define SLOTS_MIN 16

uint64_t fpm_index_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 0x2545f4914f6cdd1du;
	return seed;
}

static void put(struct fpm_index *index, uint32_t hash, uint32_t item)
{
	uint32_t mask = index->n_slots - 1;
	uint32_t place = hash & mask;

	while (index->slots[place].item != FPM_INDEX_NONE)
		place = (place + 1) & mask;
	index->slots[place] = (struct fpm_index_slot){.hash = hash, .item = item};
}

static int grow(struct fpm_index *index)
{
	struct fpm_index bigger = {
		.n_slots = index->n_slots == 0 ? SLOTS_MIN : index->n_slots * 2,
		.used = index->used,
	};

	if (bigger.n_slots == 0)
		return -ENOMEM;
	bigger.slots = malloc((size_t)bigger.n_slots * sizeof(bigger.slots[0]));
	if (bigger.slots == NULL)
		return -ENOMEM;
	memset(bigger.slots, 0xff, (size_t)bigger.n_slots * sizeof(bigger.slots[0]));
	for (uint32_t i = 0; i < index->n_slots; i++)
		if (index->slots[i].item != FPM_INDEX_NONE)
			put(&bigger, index->slots[i].hash, index->slots[i].item);
	free(index->slots);
	*index = bigger;
	return 0;
}

int fpm_index_add(struct fpm_index *index, uint32_t hash, uint32_t item)
{
	if (index->used >= index->n_slots - index->n_slots / 8) {
		int rc = grow(index);

		if (rc < 0)
			return rc;
	}
	put(index, hash, item);
	index->used++;
	return 0;
}

void fpm_index_remove(struct fpm_index *index, uint32_t hash, uint32_t item)
{
	uint32_t mask = index->n_slots - 1;
	uint32_t hole = hash & mask;

	while (index->slots[hole].item != item) {
		if (index->slots[hole].item == FPM_INDEX_NONE)
			return;
		hole = (hole + 1) & mask;
	}
	for (uint32_t place = (hole + 1) & mask; index->slots[place].item != FPM_INDEX_NONE;
		place = (place + 1) & mask) {
		uint32_t home = index->slots[place].hash & mask;

		/* may stay if its home lies cyclically in (hole, place] */
		if (((place - home) & mask) < ((place - hole) & mask))
			continue;
		index->slots[hole] = index->slots[place];
		hole = place;
	}
	index->slots[hole].item = FPM_INDEX_NONE;
	index->used--;
}

void fpm_index_clear(struct fpm_index *index)
{
	free(index->slots);
	*index = (struct fpm_index){0};
}
