/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the AF_PACKET sockets that a PMD opened: net_af_packet shows them to nobody. */
#ifndef LM_SUBSTRATE_PACKET_SOCKET_H
#define LM_SUBSTRATE_PACKET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#define PACKET_SOCKETS_MAX 64

/** The AF_PACKET sockets of this process that are bound to an interface. */
struct packet_sockets {
	int fd[PACKET_SOCKETS_MAX];
	size_t n;
};

void packet_sockets_scan(struct packet_sockets *found);

/** The first of `now` that `before` has not; -1: none. All such get PACKET_IGNORE_OUTGOING: a port
 * is not to see what this host itself sends on the interface. */
int packet_sockets_new(const struct packet_sockets *before, const struct packet_sockets *now);

/** Is the interface that a socket is bound to there and up? */
bool packet_socket_is_up(int fd);

/** MTU of the interface that a socket is bound to; -1: unknown. */
int packet_socket_mtu(int fd);

#endif
