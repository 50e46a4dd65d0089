/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <libmnl/libmnl.h>

#define BUF_BYTES 8192

static struct mnl_socket *open_socket(int flags, unsigned int groups, struct lm_err *err)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

	if (nl == NULL || mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		lm_err_errno(err, errno, "rtnetlink socket");
		if (nl != NULL)
			mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

struct mnl_socket *netlink_open(struct lm_err *err)
{
	return open_socket(0, 0, err);
}

struct mnl_socket *netlink_watch_links(struct lm_err *err)
{
	return open_socket(SOCK_NONBLOCK, RTMGRP_LINK, err);
}

/* Sends the request and waits for its acknowledgement. Returns 0 or -errno of the kernel. */
static int request(struct mnl_socket *nl, struct nlmsghdr *h)
{
	static unsigned int sequence;
	char buf[BUF_BYTES];
	ssize_t len;
	int rc;

	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		rc = mnl_cb_run(
			buf, (size_t)len, h->nlmsg_seq, mnl_socket_get_portid(nl), NULL, NULL);
	} while (rc > MNL_CB_STOP);
	return rc < 0 ? -errno : 0;
}

int netlink_link_up(struct mnl_socket *nl, unsigned int ifindex, const uint8_t mac[6], uint32_t mtu,
	struct lm_err *err)
{
	char buf[BUF_BYTES];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;
	int rc;

	h->nlmsg_type = RTM_NEWLINK;
	ifi = mnl_nlmsg_put_extra_header(h, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)ifindex;
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	if (mac != NULL)
		mnl_attr_put(h, IFLA_ADDRESS, 6, mac);
	if (mtu != 0)
		mnl_attr_put_u32(h, IFLA_MTU, mtu);
	rc = request(nl, h);
	if (rc < 0)
		return lm_err_errno(err, -rc, "cannot set MAC, MTU %u and up", mtu);
	return 0;
}

int netlink_addr_add(struct mnl_socket *nl, unsigned int ifindex, const struct sliver_addr *a,
	struct lm_err *err)
{
	size_t len = a->family == AF_INET ? 4 : 16;
	char buf[BUF_BYTES], text[INET6_ADDRSTRLEN];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;
	int rc;

	h->nlmsg_type = RTM_NEWADDR;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	ifa = mnl_nlmsg_put_extra_header(h, sizeof(*ifa));
	ifa->ifa_family = (uint8_t)a->family;
	ifa->ifa_prefixlen = a->prefix_len;
	ifa->ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0;
	ifa->ifa_index = ifindex;
	mnl_attr_put(h, IFA_LOCAL, len, a->octets);
	mnl_attr_put(h, IFA_ADDRESS, len, a->octets);
	if (a->family == AF_INET && a->prefix_len < 31) {
		uint8_t broadcast[4];

		for (unsigned int i = 0; i < 4; i++) {
			unsigned int bits = a->prefix_len > 8 * i ? a->prefix_len - 8 * i : 0;

			broadcast[i] = (uint8_t)(a->octets[i] | (bits >= 8 ? 0 : 0xff >> bits));
		}
		mnl_attr_put(h, IFA_BROADCAST, 4, broadcast);
	}
	rc = request(nl, h);
	if (rc < 0 && rc != -EEXIST) {
		inet_ntop(a->family, a->octets, text, sizeof(text));
		return lm_err_errno(err, -rc, "cannot add address %s/%u", text, a->prefix_len);
	}
	return 0;
}
