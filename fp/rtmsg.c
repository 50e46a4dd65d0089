/* SPDX-License-Identifier: BSD-3-Clause */
/* rtnetlink messages (RFC 3549, linux/rtnetlink.h, linux/nexthop.h) to routes and next hops. */
#include "fp/rtmsg.h"

#include <errno.h>
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

/* Attributes of interest, by number; RTA_* and NHA_* fit both. */
#define ATTRS_MAX 32

struct reader {
	const struct nlmsghdr *nlh;
	struct lm_err *err;
};

static int malformed(const struct reader *r, const void *where, const char *rule)
{
	return lm_err_set(r->err, EBADMSG, "octet %td of netlink message type %u: %s",
		(const char *)where - (const char *)r->nlh, r->nlh->nlmsg_type, rule);
}

/* Index the attributes in `len` octets at `data`; unknown ones are passed over. */
static int index_attrs(
	const struct reader *r, const void *data, size_t len, const struct nlattr **attrs)
{
	const struct nlattr *attr = data;
	size_t left = len;

	memset(attrs, 0, ATTRS_MAX * sizeof(attrs[0]));
	while (left > 0) {
		size_t step;

		if (left < sizeof(*attr))
			return malformed(r, attr, "less is left than an attribute header");
		if (attr->nla_len < sizeof(*attr) || attr->nla_len > left)
			return malformed(r, attr, "attribute length is out of the message");
		if (mnl_attr_get_type(attr) < ATTRS_MAX)
			attrs[mnl_attr_get_type(attr)] = attr;
		step = MNL_ALIGN(attr->nla_len);
		if (step >= left)
			break;
		left -= step;
		attr = (const struct nlattr *)((const char *)attr + step);
	}
	return 0;
}

static size_t address_len(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static int read_u32(const struct reader *r, const struct nlattr *attr, uint32_t *value)
{
	if (attr == NULL)
		return 0;
	if (mnl_attr_get_payload_len(attr) != sizeof(*value))
		return malformed(r, attr, "attribute is not 4 octets");
	*value = mnl_attr_get_u32(attr);
	return 0;
}

/* An all-zero gateway means the same as none. */
static void set_gateway(struct lm_nexthop *nh, uint8_t family, const void *addr)
{
	static const uint8_t none[16];
	size_t len = address_len(family);

	memset(nh->gateway, 0, sizeof(nh->gateway));
	nh->family = 0;
	if (memcmp(addr, none, len) == 0)
		return;
	nh->family = family;
	memcpy(nh->gateway, addr, len);
}

static int read_gateway(const struct reader *r, uint8_t family, const struct nlattr *gateway,
	const struct nlattr *via, struct lm_nexthop *nh)
{
	if (gateway != NULL) {
		if (mnl_attr_get_payload_len(gateway) != address_len(family))
			return malformed(r, gateway, "gateway is not an address of the family");
		set_gateway(nh, family, mnl_attr_get_payload(gateway));
	} else if (via != NULL) {
		const struct rtvia *v = mnl_attr_get_payload(via);
		uint16_t len = mnl_attr_get_payload_len(via);

		if (len < sizeof(v->rtvia_family) || v->rtvia_family > AF_INET6 ||
			address_len((uint8_t)v->rtvia_family) == 0 ||
			len != sizeof(v->rtvia_family) + address_len((uint8_t)v->rtvia_family))
			return malformed(r, via, "via is not an IPv4 or IPv6 address");
		set_gateway(nh, (uint8_t)v->rtvia_family, v->rtvia_addr);
	}
	return 0;
}

/* One element of RTA_MULTIPATH. */
static int read_hop(
	const struct reader *r, const struct rtnexthop *hop, uint8_t family, struct lm_rtmsg *msg)
{
	const struct nlattr *attrs[ATTRS_MAX];
	struct lm_route *route = &msg->route;
	struct lm_nexthop *nh;
	int rc = index_attrs(r, RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop), attrs);

	if (rc < 0)
		return rc;
	if (hop->rtnh_flags & RTNH_F_DEAD)
		return 0;
	if (route->n_nexthops == LM_ROUTE_NEXTHOPS_MAX) {
		msg->unsupported = true;
		return 0;
	}
	nh = &route->nexthops[route->n_nexthops];
	*nh = (struct lm_nexthop){
		.ifindex = (uint32_t)hop->rtnh_ifindex,
		.weight = (uint16_t)(hop->rtnh_hops + 1),
		.onlink = (hop->rtnh_flags & RTNH_F_ONLINK) != 0,
	};
	rc = read_gateway(r, family, attrs[RTA_GATEWAY], attrs[RTA_VIA], nh);
	if (rc < 0)
		return rc;
	if (attrs[RTA_ENCAP] != NULL) {
		route->type = LM_ROUTE_UNREACHABLE;
		msg->unsupported = true;
	}
	route->n_nexthops++;
	return 0;
}

static int read_multipath(
	const struct reader *r, const struct nlattr *attr, uint8_t family, struct lm_rtmsg *msg)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	while (left > 0) {
		size_t step;
		int rc;

		if (left < sizeof(*hop))
			return malformed(r, hop, "less is left than a next hop");
		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left)
			return malformed(r, hop, "next hop length is out of the attribute");
		rc = read_hop(r, hop, family, msg);
		if (rc < 0)
			return rc;
		step = RTNH_ALIGN(hop->rtnh_len);
		if (step >= left)
			break;
		left -= step;
		hop = (const struct rtnexthop *)((const char *)hop + step);
	}
	return 0;
}

static int read_single(const struct reader *r, const struct rtmsg *rtm, const struct nlattr **attrs,
	struct lm_rtmsg *msg)
{
	struct lm_nexthop *nh = &msg->route.nexthops[0];
	int rc;

	if (attrs[RTA_OIF] == NULL && attrs[RTA_GATEWAY] == NULL && attrs[RTA_VIA] == NULL)
		return 0;
	*nh = (struct lm_nexthop){.weight = 1, .onlink = (rtm->rtm_flags & RTNH_F_ONLINK) != 0};
	rc = read_u32(r, attrs[RTA_OIF], &nh->ifindex);
	if (rc < 0)
		return rc;
	rc = read_gateway(r, rtm->rtm_family, attrs[RTA_GATEWAY], attrs[RTA_VIA], nh);
	if (rc < 0)
		return rc;
	if (attrs[RTA_ENCAP] != NULL) {
		msg->route.type = LM_ROUTE_UNREACHABLE;
		msg->unsupported = true;
	}
	if (!(rtm->rtm_flags & RTNH_F_DEAD))
		msg->route.n_nexthops = 1;
	return 0;
}

/* The route's type and, for unicast, its next hops or the id of them. */
static int read_forwarding(const struct reader *r, const struct rtmsg *rtm,
	const struct nlattr **attrs, struct lm_rtmsg *msg)
{
	struct lm_route *route = &msg->route;
	int rc;

	switch (rtm->rtm_type) {
	case RTN_BLACKHOLE:
		route->type = LM_ROUTE_BLACKHOLE;
		return 0;
	case RTN_UNREACHABLE:
		route->type = LM_ROUTE_UNREACHABLE;
		return 0;
	case RTN_PROHIBIT:
		route->type = LM_ROUTE_PROHIBIT;
		return 0;
	case RTN_UNICAST:
		break;
	default:
		msg->type = LM_RTMSG_IGNORED;
		return 0;
	}
	route->type = LM_ROUTE_UNICAST;
	rc = read_u32(r, attrs[RTA_NH_ID], &msg->nh_id);
	if (rc < 0)
		return rc;
	/* the kernel's own dumps carry the id and the next hops: those are enough then */
	if (attrs[RTA_MULTIPATH] != NULL)
		rc = read_multipath(r, attrs[RTA_MULTIPATH], rtm->rtm_family, msg);
	else
		rc = read_single(r, rtm, attrs, msg);
	if (route->n_nexthops > 0)
		msg->nh_id = 0;
	else if (msg->nh_id == 0)
		route->type = LM_ROUTE_UNREACHABLE;
	if (route->type != LM_ROUTE_UNICAST)
		route->n_nexthops = 0;
	return rc;
}

static void clear_host_bits(struct lm_prefix *prefix)
{
	size_t octet = prefix->len / 8;

	if (octet >= sizeof(prefix->addr))
		return;
	prefix->addr[octet] &= (uint8_t)(0xff00 >> (prefix->len % 8));
	memset(prefix->addr + octet + 1, 0, sizeof(prefix->addr) - octet - 1);
}

static int read_prefix(const struct reader *r, const struct rtmsg *rtm, const struct nlattr *dst,
	struct lm_prefix *prefix)
{
	size_t len = address_len(rtm->rtm_family);

	if (rtm->rtm_dst_len > len * 8)
		return malformed(r, &rtm->rtm_dst_len, "prefix length is over that of the family");
	memset(prefix, 0, sizeof(*prefix));
	prefix->family = rtm->rtm_family;
	prefix->len = rtm->rtm_dst_len;
	if (dst != NULL) {
		if (mnl_attr_get_payload_len(dst) != len)
			return malformed(r, dst, "destination is not an address of the family");
		memcpy(prefix->addr, mnl_attr_get_payload(dst), len);
		clear_host_bits(prefix);
	} else if (prefix->len > 0) {
		return malformed(r, rtm, "a prefix length, but no destination");
	}
	return 0;
}

static bool is_link_local(const struct lm_prefix *prefix)
{
	return prefix->family == AF_INET6 && prefix->len >= 10 && prefix->addr[0] == 0xfe &&
	       (prefix->addr[1] & 0xc0) == 0x80;
}

static int parse_route(const struct reader *r, struct lm_rtmsg *msg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(r->nlh);
	const struct nlattr *attrs[ATTRS_MAX];
	struct lm_route *route = &msg->route;
	size_t len = mnl_nlmsg_get_payload_len(r->nlh);
	uint32_t table;
	int rc;

	if (len < sizeof(*rtm))
		return malformed(r, rtm, "shorter than a route message");
	rc = index_attrs(r, rtm + 1, len - sizeof(*rtm), attrs);
	if (rc < 0)
		return rc;
	table = rtm->rtm_table;
	rc = read_u32(r, attrs[RTA_TABLE], &table);
	if (rc < 0)
		return rc;
	if (table != RT_TABLE_MAIN || address_len(rtm->rtm_family) == 0 ||
		(rtm->rtm_flags & RTM_F_CLONED) || rtm->rtm_src_len != 0)
		return 0;
	rc = read_prefix(r, rtm, attrs[RTA_DST], &route->prefix);
	if (rc < 0)
		return rc;
	rc = read_u32(r, attrs[RTA_PRIORITY], &msg->metric);
	if (rc < 0)
		return rc;
	if (is_link_local(&route->prefix))
		return 0;
	route->protocol = rtm->rtm_protocol;
	if (r->nlh->nlmsg_type == RTM_DELROUTE) {
		msg->type = LM_RTMSG_ROUTE_DELETE;
		return 0;
	}
	msg->type = LM_RTMSG_ROUTE_REPLACE;
	return read_forwarding(r, rtm, attrs, msg);
}

static int read_group(const struct reader *r, const struct nlattr *attr, struct lm_rtmsg *msg)
{
	const struct nexthop_grp *entry = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr) / sizeof(*entry);
	struct lm_rtmsg_nexthop *nh = &msg->nexthop;

	if (n == 0 || mnl_attr_get_payload_len(attr) % sizeof(*entry) != 0)
		return malformed(r, attr, "next-hop group is empty or no multiple of 8 octets");
	if (n > LM_ROUTE_NEXTHOPS_MAX) {
		n = LM_ROUTE_NEXTHOPS_MAX;
		msg->unsupported = true;
	}
	for (size_t i = 0; i < n; i++)
		nh->members[i] = (struct lm_rtmsg_member){
			.id = entry[i].id, .weight = (uint16_t)(entry[i].weight + 1)};
	nh->n_members = (uint16_t)n;
	return 0;
}

static int parse_nexthop(const struct reader *r, struct lm_rtmsg *msg)
{
	const struct nhmsg *nhm = mnl_nlmsg_get_payload(r->nlh);
	const struct nlattr *attrs[ATTRS_MAX];
	struct lm_rtmsg_nexthop *nh = &msg->nexthop;
	size_t len = mnl_nlmsg_get_payload_len(r->nlh);
	int rc;

	if (len < sizeof(*nhm))
		return malformed(r, nhm, "shorter than a next-hop message");
	rc = index_attrs(r, nhm + 1, len - sizeof(*nhm), attrs);
	if (rc < 0)
		return rc;
	nh->id = 0;
	rc = read_u32(r, attrs[NHA_ID], &nh->id);
	if (rc < 0)
		return rc;
	if (nh->id == 0)
		return malformed(r, nhm, "a next-hop message without an id");
	if (attrs[NHA_FDB] != NULL)
		return 0;
	if (r->nlh->nlmsg_type == RTM_DELNEXTHOP) {
		msg->type = LM_RTMSG_NEXTHOP_DELETE;
		return 0;
	}
	msg->type = LM_RTMSG_NEXTHOP_REPLACE;
	nh->type = LM_ROUTE_UNICAST;
	nh->n_members = 0;
	nh->nexthop =
		(struct lm_nexthop){.weight = 1, .onlink = (nhm->nh_flags & RTNH_F_ONLINK) != 0};
	if (attrs[NHA_GROUP] != NULL)
		return read_group(r, attrs[NHA_GROUP], msg);
	if (attrs[NHA_BLACKHOLE] != NULL) {
		nh->type = LM_ROUTE_BLACKHOLE;
		return 0;
	}
	rc = read_u32(r, attrs[NHA_OIF], &nh->nexthop.ifindex);
	if (rc < 0)
		return rc;
	rc = read_gateway(r, nhm->nh_family, attrs[NHA_GATEWAY], NULL, &nh->nexthop);
	if (attrs[NHA_ENCAP] != NULL) {
		nh->type = LM_ROUTE_UNREACHABLE;
		msg->unsupported = true;
	}
	return rc;
}

int lm_rtmsg_parse(const struct nlmsghdr *nlh, struct lm_rtmsg *msg, struct lm_err *err)
{
	struct reader r = {.nlh = nlh, .err = err};

	msg->type = LM_RTMSG_IGNORED;
	msg->sender = nlh->nlmsg_pid;
	msg->nh_id = 0;
	msg->metric = 0;
	msg->unsupported = false;
	msg->route.n_nexthops = 0;
	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return parse_route(&r, msg);
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		return parse_nexthop(&r, msg);
	default:
		return 0;
	}
}
