/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds AF_PACKET sockets in /proc/self/fd. Sockets of DPDK's PMD stay the PMD's. */
#include "substrate/packet_socket.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

/* The interface that a packet socket is bound to; 0: not one, or not bound. */
static int packet_ifindex(int fd)
{
	struct sockaddr_ll ll = {0};
	socklen_t len = sizeof(int);
	int domain = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_PACKET)
		return 0;
	len = sizeof(ll);
	if (getsockname(fd, (struct sockaddr *)&ll, &len) < 0)
		return 0;
	return ll.sll_ifindex;
}

void packet_sockets_scan(struct packet_sockets *found)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;

	found->n = 0;
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		int fd = (int)strtol(e->d_name, NULL, 10);

		if (e->d_name[0] == '.' || packet_ifindex(fd) <= 0)
			continue;
		if (found->n < PACKET_SOCKETS_MAX)
			found->fd[found->n++] = fd;
	}
	if (dir != NULL)
		closedir(dir);
}

static bool contains(const struct packet_sockets *s, int fd)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->fd[i] == fd)
			return true;
	}
	return false;
}

int packet_sockets_new(const struct packet_sockets *before, const struct packet_sockets *now)
{
	int first = -1, one = 1;

	for (size_t i = 0; i < now->n; i++) {
		if (contains(before, now->fd[i]))
			continue;
		/* kernels before 4.20 have no such option: the port then sees the host's own */
		(void)setsockopt(now->fd[i], SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
		if (first < 0)
			first = now->fd[i];
	}
	return first;
}

bool packet_socket_is_up(int fd)
{
	struct ifreq ifr = {.ifr_ifindex = packet_ifindex(fd)};

	return ifr.ifr_ifindex > 0 && ioctl(fd, SIOCGIFNAME, &ifr) == 0 &&
	       ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) != 0;
}

int packet_socket_mtu(int fd)
{
	struct ifreq ifr = {.ifr_ifindex = packet_ifindex(fd)};

	if (ifr.ifr_ifindex <= 0 || ioctl(fd, SIOCGIFNAME, &ifr) < 0 ||
		ioctl(fd, SIOCGIFMTU, &ifr) < 0)
		return -1;
	return ifr.ifr_mtu;
}
