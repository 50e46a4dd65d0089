/* SPDX-License-Identifier: BSD-3-Clause */
/* A route as the control plane states it: what the FPM and rtnetlink parsers produce, what the FIB
 * consumes. */
#ifndef LM_FP_ROUTE_H
#define LM_FP_ROUTE_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#define LM_ROUTE_NEXTHOPS_MAX 64

struct lm_prefix {
	uint8_t family;	  /* AF_INET or AF_INET6 */
	uint8_t len;	  /* 0-32 or 0-128 */
	uint8_t addr[16]; /* network order; IPv4 in the first four octets; bits after len are zero
			   */
};

struct lm_nexthop {
	uint32_t ifindex; /* in the sliver's namespace; 0: not given */
	uint16_t weight;  /* 1-256 */
	uint8_t family;	  /* of `gateway`: AF_INET, AF_INET6, or 0 when the prefix is on-link */
	uint8_t onlink;	  /* the gateway need not be in a connected prefix */
	uint8_t gateway[16];
};

enum lm_route_type {
	LM_ROUTE_UNICAST,
	LM_ROUTE_BLACKHOLE,   /* drop silently */
	LM_ROUTE_UNREACHABLE, /* punt: the kernel answers ICMP */
	LM_ROUTE_PROHIBIT,    /* punt: the kernel answers ICMP */
};

struct lm_route {
	struct lm_prefix prefix;
	enum lm_route_type type;
	uint8_t protocol; /* rtm_protocol, for people */
	uint16_t n_nexthops;
	struct lm_nexthop nexthops[LM_ROUTE_NEXTHOPS_MAX];
};

/**
 * Who takes route changes. replace() states the whole route (adds it or takes the place of what was
 * there); remove() of an unknown prefix is no error. Both return 0 or a negative errno value and
 * are called on the control thread only.
 */
struct lm_route_sink {
	void *ctx;
	int (*replace)(void *ctx, const struct lm_route *route);
	int (*remove)(void *ctx, const struct lm_prefix *prefix);
};

#endif
