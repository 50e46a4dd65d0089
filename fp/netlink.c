/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <event2/event.h>

#include "fp/grace.h"
#include "fp/netlink_int.h"
#include "fp/rib.h"
#include "mp/log.h"

#define RCVBUF_BYTES (4 * 1024 * 1024)
#define MSG_BUF	     32768
/* Messages taken before the loop looks at its other descriptors. */
#define BATCH 64

static const struct timeval resync_delay = {.tv_usec = 20000};
/* Well under the kernel's shortest reachable time (15 s). */
static const struct timeval refresh_period = {.tv_sec = 5};

void nl_attrs(const struct nlmsghdr *nlh, size_t header, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1u) * sizeof(tb[0]));
	mnl_attr_for_each(attr, nlh, header)
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type <= max)
			tb[type] = attr;
	}
}

static struct mnl_socket *open_socket(int flags)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

	if (s != NULL && mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(s);
		return NULL;
	}
	return s;
}

static void grow_buffer(struct mnl_socket *s)
{
	const int size = RCVBUF_BYTES;
	int fd = mnl_socket_get_fd(s);

	/* the second is bounded by net.core.rmem_max, and no worse than the default */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		lm_debug("rtnetlink: SO_RCVBUF: %s", strerror(errno));
}

/* Handle the messages of one datagram of a dump: 1 more to come, 0 done, -errno. */
static int dump_part(struct lm_netlink *nl, const char *buf, int len, uint32_t seq,
	nl_handler handler, void *ctx)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
		handler(nl, nlh, ctx);
	}
	return 1;
}

int nl_dump(struct lm_netlink *nl, uint16_t type, uint8_t family, nl_handler handler, void *ctx,
	struct lm_err *err)
{
	char request[MNL_NLMSG_HDRLEN + 64] __attribute__((aligned(8))) = {0};
	char *buf = malloc(MSG_BUF);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	struct rtmsg *body;
	int rc = 1;

	if (buf == NULL)
		return lm_err_set(err, ENOMEM, "rtnetlink: out of memory");
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++nl->seq;
	/* every rtnetlink header starts with the family and is at most this long */
	body = mnl_nlmsg_put_extra_header(
		nlh, type == RTM_GETROUTE ? sizeof(struct rtmsg) : sizeof(struct ifinfomsg));
	body->rtm_family = family;
	if (mnl_socket_sendto(nl->dumps, nlh, nlh->nlmsg_len) < 0)
		rc = -errno;
	while (rc == 1) {
		ssize_t n = mnl_socket_recvfrom(nl->dumps, buf, MSG_BUF);

		rc = n < 0 ? -errno : dump_part(nl, buf, (int)n, nlh->nlmsg_seq, handler, ctx);
		if (rc == -EINTR)
			rc = 1;
	}
	free(buf);
	return rc < 0 ? lm_err_errno(err, -rc, "rtnetlink: dump %u", type) : 0;
}

static void dispatch(struct lm_netlink *nl, const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		nl_link(nl, nlh, NULL);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		nl_addr(nl, nlh, NULL);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		nl_neigh(nl, nlh, NULL);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (nl->conf.follow_routes)
			nl_route(nl, nlh, NULL);
		break;
	default:
		break;
	}
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	static char buf[MSG_BUF] __attribute__((aligned(8)));
	struct lm_netlink *nl = arg;

	(void)fd;
	(void)what;
	for (unsigned int i = 0; i < BATCH; i++) {
		ssize_t n = mnl_socket_recvfrom(nl->events, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int len = (int)n;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			lm_warning("rtnetlink: messages were lost (%s): reading all again",
				strerror(errno));
			nl_resync_soon(nl);
			return;
		}
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			dispatch(nl, nlh);
	}
}

static int read_all(struct lm_netlink *nl, struct lm_err *err)
{
	int rc;

	nl_addr_mark(nl);
	lm_adj_mark(nl->conf.dp->adjs);
	if (nl->conf.follow_routes)
		lm_rib_mark(nl->conf.rib, LM_RIB_ROUTE);
	if ((rc = nl_dump(nl, RTM_GETLINK, AF_UNSPEC, nl_link, NULL, err)) < 0 ||
		(rc = nl_dump(nl, RTM_GETADDR, AF_UNSPEC, nl_addr, NULL, err)) < 0 ||
		(rc = nl_dump(nl, RTM_GETNEIGH, AF_UNSPEC, nl_neigh, NULL, err)) < 0)
		return rc;
	nl_addr_sweep(nl);
	lm_adj_sweep(nl->conf.dp->adjs);
	if (!nl->conf.follow_routes)
		return 0;
	rc = lm_netlink_seed(nl, lm_rib_sink(nl->conf.rib).replace, nl->conf.rib, err);
	if (rc == 0)
		lm_rib_sweep(nl->conf.rib, LM_RIB_ROUTE);
	return rc;
}

static void on_resync(evutil_socket_t fd, short what, void *arg)
{
	struct lm_netlink *nl = arg;
	struct lm_err err = {0};

	(void)fd;
	(void)what;
	if (read_all(nl, &err) < 0) {
		lm_warning("%s; trying again", err.msg);
		nl_resync_soon(nl);
	}
}

void nl_resync_soon(struct lm_netlink *nl)
{
	if (!event_pending(nl->resync_ev, EV_TIMEOUT, NULL))
		event_add(nl->resync_ev, &resync_delay);
}

static void on_refresh(evutil_socket_t fd, short what, void *arg)
{
	struct lm_netlink *nl = arg;

	(void)fd;
	(void)what;
	nl_neigh_refresh(nl, false);
	lm_grace_reclaim(nl->conf.dp->grace);
}

static int subscribe(struct lm_netlink *nl, struct lm_err *err)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	size_t n = nl->conf.follow_routes ? 6 : 4;

	for (size_t i = 0; i < n; i++)
		if (mnl_socket_setsockopt(nl->events, NETLINK_ADD_MEMBERSHIP,
			    (void *)(uintptr_t)&groups[i], sizeof(groups[i])) < 0)
			return lm_err_errno(err, errno, "rtnetlink: subscribe");
	return 0;
}

static int open_all(struct lm_netlink *nl, struct event_base *base, struct lm_err *err)
{
	nl->events = open_socket(SOCK_NONBLOCK);
	nl->dumps = open_socket(0);
	nl->asks = open_socket(SOCK_NONBLOCK);
	if (nl->events == NULL || nl->dumps == NULL || nl->asks == NULL)
		return lm_err_errno(err, errno, "rtnetlink: socket");
	grow_buffer(nl->events);
	nl->rtmsg = malloc(sizeof(*nl->rtmsg));
	nl->events_ev =
		event_new(base, mnl_socket_get_fd(nl->events), EV_READ | EV_PERSIST, on_events, nl);
	nl->resync_ev = event_new(base, -1, 0, on_resync, nl);
	nl->refresh_ev = event_new(base, -1, EV_PERSIST, on_refresh, nl);
	if (nl->rtmsg == NULL || nl->events_ev == NULL || nl->resync_ev == NULL ||
		nl->refresh_ev == NULL || event_add(nl->events_ev, NULL) < 0 ||
		event_add(nl->refresh_ev, &refresh_period) < 0)
		return lm_err_set(err, ENOMEM, "rtnetlink: out of memory");
	return 0;
}

struct lm_netlink *lm_netlink_new(
	struct event_base *base, const struct lm_netlink_conf *conf, struct lm_err *err)
{
	struct lm_netlink *nl = calloc(1, sizeof(*nl));

	if (nl == NULL) {
		lm_err_set(err, ENOMEM, "rtnetlink: out of memory");
		return NULL;
	}
	nl->conf = *conf;
	/* subscribed before the first dump: nothing that changes meanwhile is missed */
	if (open_all(nl, base, err) < 0 || subscribe(nl, err) < 0 || read_all(nl, err) < 0) {
		lm_netlink_free(nl);
		return NULL;
	}
	return nl;
}

static void free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

static void close_socket(struct mnl_socket *s)
{
	if (s != NULL)
		mnl_socket_close(s);
}

void lm_netlink_free(struct lm_netlink *nl)
{
	if (nl == NULL)
		return;
	free_event(nl->events_ev);
	free_event(nl->resync_ev);
	free_event(nl->refresh_ev);
	close_socket(nl->events);
	close_socket(nl->dumps);
	close_socket(nl->asks);
	free(nl->addrs);
	free(nl->rtmsg);
	free(nl);
}
