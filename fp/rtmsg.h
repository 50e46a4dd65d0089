/* SPDX-License-Identifier: BSD-3-Clause */
/* One rtnetlink route or next-hop message, as FPM carries it and as the kernel dumps it, to our own
 * words. Pure: octets in, a struct out; every length is checked. */
#ifndef LM_FP_RTMSG_H
#define LM_FP_RTMSG_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

#include "fp/route.h"
#include "mp/err.h"

enum lm_rtmsg_type {
	LM_RTMSG_IGNORED, /* well-formed, but not ours: other message, family, table or route type
			   */
	LM_RTMSG_ROUTE_REPLACE,
	LM_RTMSG_ROUTE_DELETE, /* only route.prefix and route.protocol are set */
	LM_RTMSG_NEXTHOP_REPLACE,
	LM_RTMSG_NEXTHOP_DELETE, /* only nexthop.id is set */
};

struct lm_rtmsg_member {
	uint32_t id;
	uint16_t weight; /* 1-256 */
};

/* A next-hop object: a next hop of its own, or a group of others. */
struct lm_rtmsg_nexthop {
	uint32_t id;
	enum lm_route_type type;
	uint16_t n_members; /* 0: `nexthop` holds */
	struct lm_nexthop nexthop;
	struct lm_rtmsg_member members[LM_ROUTE_NEXTHOPS_MAX];
};

struct lm_rtmsg {
	enum lm_rtmsg_type type;
	uint32_t sender;  /* nlmsg_pid: names the netlink socket of the zebra that wrote it */
	uint32_t nh_id;	  /* of a route that names a next-hop object (it has no next hops then) */
	uint32_t metric;  /* RTA_PRIORITY; always 20 in FPM */
	bool unsupported; /* encapsulation or too many next hops: the route was simplified */
	struct lm_route route;
	struct lm_rtmsg_nexthop nexthop;
};

/**
 * Read one message of `nlh->nlmsg_len` octets (the caller has checked that they are there and that
 * `nlh` is 4-octet aligned) into `msg`. Only what belongs to msg->type is written. Routes of the
 * main table for IPv4 and IPv6 outside fe80::/10 count, all else is LM_RTMSG_IGNORED. Bits after
 * the prefix length are cleared. A route that Lamina cannot forward itself (an encapsulation, or no
 * usable next hop) becomes LM_ROUTE_UNREACHABLE: the kernel gets its packets. Returns 0, or
 * -EBADMSG with `err` naming the octet of the message and the rule.
 */
int lm_rtmsg_parse(const struct nlmsghdr *nlh, struct lm_rtmsg *msg, struct lm_err *err);

#endif
