/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the rtnetlink reader share. */
#ifndef LM_FP_NETLINK_INT_H
#define LM_FP_NETLINK_INT_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "fp/netlink.h"
#include "fp/rtmsg.h"

struct event;

/* An address of any interface of the namespace. */
struct nl_addr {
	uint32_t ifindex;
	uint8_t family;
	uint8_t len;
	bool no_prefix; /* IFA_F_NOPREFIXROUTE: the prefix is not connected */
	bool marked;
	uint8_t local[16];
	uint8_t prefix[16]; /* host bits as given */
};

struct lm_netlink {
	struct lm_netlink_conf conf;
	struct mnl_socket *events; /* subscriptions */
	struct mnl_socket *dumps;  /* dump requests and their answers */
	struct mnl_socket *asks;   /* NTF_USE: answers (errors only) are thrown away */
	struct event *events_ev;
	struct event *resync_ev; /* a new dump is due */
	struct event *refresh_ev;
	uint32_t seq;
	struct nl_addr *addrs;
	uint32_t n_addrs, cap_addrs;
	struct lm_rtmsg *rtmsg; /* too large for the stack */
};

typedef void (*nl_handler)(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx);

/* Run one dump: handler(nl, message, ctx) for each. 0 or -errno with `err`. */
int nl_dump(struct lm_netlink *nl, uint16_t type, uint8_t family, nl_handler handler, void *ctx,
	struct lm_err *err);

/* Attributes of a message into tb[0..max]; later ones win, unknown ones are passed over. */
void nl_attrs(const struct nlmsghdr *nlh, size_t header, const struct nlattr **tb, uint16_t max);

/* A new dump of everything soon: several reasons at once make one dump. */
void nl_resync_soon(struct lm_netlink *nl);

void nl_link(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx);
void nl_addr(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx);
void nl_neigh(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx);
void nl_route(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx);

/* The link of `ifindex` went up or down: its connected prefixes come or go. */
void nl_addr_link_changed(struct lm_netlink *nl, uint32_t ifindex);
void nl_addr_mark(struct lm_netlink *nl);
void nl_addr_sweep(struct lm_netlink *nl);

/* Ask about what is in use, or wanted and unknown. */
void nl_neigh_refresh(struct lm_netlink *nl, bool only_unresolved);

#endif
