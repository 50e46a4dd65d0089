/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int tap_open(const char *name, struct lm_err *err)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int rc;

	if (fd < 0)
		return lm_err_errno(err, errno, "/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETPERSIST, 1UL) < 0) {
		rc = lm_err_errno(err, errno, "TAP %s", name);
		close(fd);
		return rc;
	}
	return fd;
}

int tap_set_carrier(int fd, bool on)
{
	unsigned int carrier = on;

	return ioctl(fd, TUNSETCARRIER, &carrier) < 0 ? -errno : 0;
}
