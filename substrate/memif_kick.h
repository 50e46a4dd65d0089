/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signal an eventfd that a peer also holds. A peer can clear O_NONBLOCK at any time and fill the
 * counter, so a plain write() could block a datapath thread for ever. This cannot.
 */
#ifndef LM_SUBSTRATE_MEMIF_KICK_H
#define LM_SUBSTRATE_MEMIF_KICK_H

#include <stdbool.h>

/** Add 1 to the eventfd. False when the kernel refused (not an eventfd). Any thread. */
bool memif_kick(int fd);

#endif
