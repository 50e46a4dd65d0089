/* SPDX-License-Identifier: BSD-3-Clause */
/* Links and addresses over rtnetlink, in the network namespace of the process. */
#ifndef LM_CP_NETLINK_H
#define LM_CP_NETLINK_H

#include <stdint.h>

#include "cp/sliver_conf.h"
#include "mp/err.h"

struct mnl_socket;

/** A socket for requests. NULL with `err`. Close with mnl_socket_close(). */
struct mnl_socket *netlink_open(struct lm_err *err);

/** A non-blocking socket that becomes readable when a link comes, goes or changes. */
struct mnl_socket *netlink_watch_links(struct lm_err *err);

/** Set MAC (NULL: leave), MTU (0: leave) of link `ifindex` and raise it. */
int netlink_link_up(struct mnl_socket *nl, unsigned int ifindex, const uint8_t mac[6], uint32_t mtu,
	struct lm_err *err);

/** Add address `a` to `ifindex`; one that is there already is no error. IPv6 without DAD. */
int netlink_addr_add(struct mnl_socket *nl, unsigned int ifindex, const struct sliver_addr *a,
	struct lm_err *err);

#endif
