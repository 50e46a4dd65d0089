/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Closes descriptors that a peer chose. The last close of a TCP socket may wait for as long as its
 * owner told it to linger, that of a packet socket or of a TAP for other processors: a thread of
 * its own waits instead of the control thread. One a listener, so that a peer delays its own only.
 */
#ifndef LM_SUBSTRATE_MEMIF_CLOSER_H
#define LM_SUBSTRATE_MEMIF_CLOSER_H

#include <stddef.h>

#define MEMIF_CLOSES_MAX 256 /* that may wait; callers stop taking descriptors well before */

struct memif_closer;

/** NULL when out of memory. The thread starts with the first descriptor. */
struct memif_closer *memif_closer_new(void);

/** Close fd, later. Closes at once when there is no thread or no room. */
void memif_closer_put(struct memif_closer *c, int fd);

/** Descriptors that wait or are being closed. */
size_t memif_closer_backlog(struct memif_closer *c);

/** What still waits is closed in the background. NULL is ignored. */
void memif_closer_end(struct memif_closer *c);

#endif
