/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared memory of a memif interface: what a server takes, what a client makes. */
#ifndef LM_SUBSTRATE_MEMIF_REGION_H
#define LM_SUBSTRATE_MEMIF_REGION_H

#include <stdint.h>

#include "mp/err.h"

struct memif_region {
	uint8_t *addr;
	uint64_t size;
};

/**
 * Map a peer's memory for reading and writing. Only a memfd is taken that cannot shrink under us
 * (F_SEAL_SHRINK), lies on tmpfs (a hole in hugetlbfs is a SIGBUS; in tmpfs it reads as zero) and
 * holds at least `size` octets. Returns NULL and fills `out`, or the rule that is broken (static
 * text). `fd` stays the caller's. No check can block on a file system of the peer's making.
 */
const char *memif_region_map(int fd, uint64_t size, struct memif_region *out);

/** Make sealed shared memory of `size` octets, mapped and touched. Returns its descriptor (the
 * caller's) or -errno with `err`. */
int memif_region_make(uint64_t size, struct memif_region *out, struct lm_err *err);

/** Unmap; an empty region is ignored. */
void memif_region_unmap(struct memif_region *r);

/** NULL when `fd` is an eventfd, else the rule that is broken (static text). */
const char *memif_check_eventfd(int fd);

#endif
