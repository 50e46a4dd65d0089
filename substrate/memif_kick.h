/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signal and drain an eventfd that a peer also holds. A peer can clear O_NONBLOCK at any time and
 * fill or empty the counter, so plain read() and write() could block a datapath thread for ever.
 * These cannot.
 */
#ifndef LM_SUBSTRATE_MEMIF_KICK_H
#define LM_SUBSTRATE_MEMIF_KICK_H

#include <stdbool.h>

/** Add 1 to the eventfd. False when the kernel refused (not an eventfd). Any thread. */
bool memif_kick(int fd);

/** Set the counter to 0 when it is not. */
void memif_drain(int fd);

#endif
