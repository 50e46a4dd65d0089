/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes FPM frames as zebra 8.4.4 does, for tests, the fuzz corpus and the benchmark. */
#ifndef LM_TESTS_FPM_BUILD_H
#define LM_TESTS_FPM_BUILD_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "fp/route.h"

#define FPM_BUILD_SENDER 0xf9ad0acdU

struct fpm_build {
	uint8_t *data;
	size_t len, cap;
	size_t frame; /* where the open frame begins */
	uint32_t sender;
	_Alignas(8) uint8_t message[8192];
	struct nlmsghdr *nlh;
};

static inline void fpm_build_append(struct fpm_build *b, const void *data, size_t len)
{
	if (b->len + len > b->cap) {
		b->cap = (b->len + len) * 2;
		b->data = realloc(b->data, b->cap);
		if (b->data == NULL)
			abort();
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static inline void fpm_build_open(struct fpm_build *b)
{
	static const uint8_t header[4] = {1, 1, 0, 0};

	if (b->sender == 0)
		b->sender = FPM_BUILD_SENDER;
	b->frame = b->len;
	fpm_build_append(b, header, sizeof(header));
}

static inline void fpm_build_close(struct fpm_build *b)
{
	size_t len = b->len - b->frame;

	b->data[b->frame + 2] = (uint8_t)(len >> 8);
	b->data[b->frame + 3] = (uint8_t)len;
}

static inline void *fpm_build_message(struct fpm_build *b, uint16_t type, size_t extra)
{
	b->nlh = mnl_nlmsg_put_header(b->message);
	b->nlh->nlmsg_type = type;
	b->nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	b->nlh->nlmsg_pid = b->sender;
	return mnl_nlmsg_put_extra_header(b->nlh, extra);
}

static inline void fpm_build_message_end(struct fpm_build *b)
{
	fpm_build_append(b, b->message, b->nlh->nlmsg_len);
}

static inline struct lm_prefix fpm_build_prefix(const char *text)
{
	struct lm_prefix p = {0};
	char addr[64];
	const char *slash = strchr(text, '/');

	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	p.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	p.len = (uint8_t)strtoul(slash + 1, NULL, 10);
	inet_pton(p.family, addr, p.addr);
	return p;
}

/* A route message up to its destination, to be added to with mnl_attr_put. */
static inline struct rtmsg *fpm_build_route(
	struct fpm_build *b, uint16_t type, const struct lm_prefix *p, uint8_t rtm_type)
{
	struct rtmsg *rtm = fpm_build_message(b, type, sizeof(*rtm));

	rtm->rtm_family = p->family;
	rtm->rtm_dst_len = p->len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = 196;
	rtm->rtm_type = rtm_type;
	mnl_attr_put(b->nlh, RTA_DST, p->family == AF_INET ? 4 : 16, p->addr);
	mnl_attr_put_u32(b->nlh, RTA_PRIORITY, 20);
	return rtm;
}

static inline void fpm_build_gateway(
	struct fpm_build *b, uint16_t attr, const struct lm_nexthop *nh)
{
	mnl_attr_put(b->nlh, attr, nh->family == AF_INET ? 4 : 16, nh->gateway);
}

/* A whole route message; nh_id != 0 in place of next hops. */
static inline void fpm_build_new(struct fpm_build *b, const struct lm_prefix *p,
	const struct lm_nexthop *nh, unsigned int n, uint32_t nh_id)
{
	struct nlattr *nest;

	fpm_build_route(b, RTM_NEWROUTE, p, n == 0 && nh_id == 0 ? RTN_BLACKHOLE : RTN_UNICAST);
	if (nh_id != 0)
		mnl_attr_put_u32(b->nlh, RTA_NH_ID, nh_id);
	if (n == 1) {
		if (nh->family != 0)
			fpm_build_gateway(b, RTA_GATEWAY, nh);
		mnl_attr_put_u32(b->nlh, RTA_OIF, nh->ifindex);
	} else if (n > 1) {
		nest = mnl_attr_nest_start(b->nlh, RTA_MULTIPATH);
		for (unsigned int i = 0; i < n; i++) {
			struct rtnexthop *hop = mnl_nlmsg_get_payload_tail(b->nlh);

			memset(hop, 0, sizeof(*hop));
			b->nlh->nlmsg_len += sizeof(*hop);
			hop->rtnh_hops = (unsigned char)(nh[i].weight - 1);
			hop->rtnh_ifindex = (int)nh[i].ifindex;
			hop->rtnh_flags = nh[i].onlink ? RTNH_F_ONLINK : 0;
			fpm_build_gateway(b, RTA_GATEWAY, &nh[i]);
			hop->rtnh_len =
				(unsigned short)((char *)mnl_nlmsg_get_payload_tail(b->nlh) -
						 (char *)hop);
		}
		mnl_attr_nest_end(b->nlh, nest);
	}
	fpm_build_message_end(b);
}

static inline void fpm_build_del(struct fpm_build *b, const struct lm_prefix *p)
{
	fpm_build_route(b, RTM_DELROUTE, p, 0);
	fpm_build_message_end(b);
}

/* One frame that states `text`; `update` makes it DELROUTE and NEWROUTE, as zebra changes routes.
 */
static inline void fpm_build_frame(struct fpm_build *b, const char *text, bool update,
	const struct lm_nexthop *nh, unsigned int n, uint32_t nh_id)
{
	struct lm_prefix p = fpm_build_prefix(text);

	fpm_build_open(b);
	if (update)
		fpm_build_del(b, &p);
	fpm_build_new(b, &p, nh, n, nh_id);
	fpm_build_close(b);
}

static inline void fpm_build_frame_del(struct fpm_build *b, const char *text)
{
	struct lm_prefix p = fpm_build_prefix(text);

	fpm_build_open(b);
	fpm_build_del(b, &p);
	fpm_build_close(b);
}

/* One frame with a next-hop object of one next hop. */
static inline void fpm_build_object(struct fpm_build *b, uint32_t id, const struct lm_nexthop *nh)
{
	struct nhmsg *nhm;

	fpm_build_open(b);
	nhm = fpm_build_message(b, RTM_NEWNEXTHOP, sizeof(*nhm));
	nhm->nh_family = nh->family == 0 ? AF_INET : nh->family;
	nhm->nh_protocol = 11;
	mnl_attr_put_u32(b->nlh, NHA_ID, id);
	if (nh->family != 0)
		fpm_build_gateway(b, NHA_GATEWAY, nh);
	mnl_attr_put_u32(b->nlh, NHA_OIF, nh->ifindex);
	fpm_build_message_end(b);
	fpm_build_close(b);
}

/* One frame with a group of `n` objects, all of weight 1. */
static inline void fpm_build_group(
	struct fpm_build *b, uint32_t id, const uint32_t *members, unsigned int n)
{
	struct nexthop_grp group[256] = {0};
	struct nhmsg *nhm;

	fpm_build_open(b);
	nhm = fpm_build_message(b, RTM_NEWNEXTHOP, sizeof(*nhm));
	nhm->nh_protocol = 11;
	mnl_attr_put_u32(b->nlh, NHA_ID, id);
	for (unsigned int i = 0; i < n; i++)
		group[i].id = members[i];
	mnl_attr_put(b->nlh, NHA_GROUP, n * sizeof(group[0]), group);
	fpm_build_message_end(b);
	fpm_build_close(b);
}

static inline void fpm_build_object_del(struct fpm_build *b, uint32_t id)
{
	fpm_build_open(b);
	fpm_build_message(b, RTM_DELNEXTHOP, sizeof(struct nhmsg));
	mnl_attr_put_u32(b->nlh, NHA_ID, id);
	fpm_build_message_end(b);
	fpm_build_close(b);
}

static inline struct lm_nexthop fpm_build_hop(const char *gateway, uint32_t ifindex)
{
	struct lm_nexthop nh = {.ifindex = ifindex, .weight = 1};

	if (gateway != NULL) {
		nh.family = strchr(gateway, ':') != NULL ? AF_INET6 : AF_INET;
		inet_pton(nh.family, gateway, nh.gateway);
	}
	return nh;
}

#define FPM_BUILD_SENTINEL "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"

#endif
