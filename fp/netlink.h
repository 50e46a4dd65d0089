/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the sliver's kernel knows, copied over rtnetlink: links, addresses, neighbours, and the
 * main table's routes. Lost messages (ENOBUFS) are made good by a new dump of everything.
 */
#ifndef LM_FP_NETLINK_H
#define LM_FP_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/dataplane.h"
#include "fp/route.h"
#include "mp/err.h"

struct event_base;
struct lm_netlink;
struct lm_rib;

struct lm_netlink_conf {
	struct lm_dp *dp;
	struct lm_rib *rib;
	const struct lm_worker *worker; /* whose notes say which adjacencies are in use */
	bool follow_routes; /* the kernel's main table is the control plane: there is no FPM */
};

/**
 * Subscribe, then read links, addresses and neighbours (and routes, to follow them). NULL with
 * `err`.
 */
struct lm_netlink *lm_netlink_new(
	struct event_base *base, const struct lm_netlink_conf *conf, struct lm_err *err);
void lm_netlink_free(struct lm_netlink *nl);

/** Call seed() for each route of the kernel's main table, the best of each prefix. 0 or -errno. */
int lm_netlink_seed(struct lm_netlink *nl, int (*seed)(void *ctx, const struct lm_route *route),
	void *ctx, struct lm_err *err);

/** Ask the kernel to resolve or refresh a neighbour (NTF_USE). For lm_nhg_table_new(). */
void lm_netlink_ask(struct lm_netlink *nl, uint16_t tap, uint8_t family, const uint8_t *addr);

#endif
