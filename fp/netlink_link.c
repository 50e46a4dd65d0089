/* SPDX-License-Identifier: BSD-3-Clause */
/* Links: which TAP has which ifindex, its MTU, and whether it is up. */
#include <net/if.h>
#include <string.h>

#include "fp/netlink_int.h"

static void link_gone(struct lm_netlink *nl, uint16_t tap)
{
	struct lm_tap *t = &nl->conf.dp->ports.taps[tap];

	t->up = false;
	t->ifindex = 0;
	lm_adj_flush_tap(nl->conf.dp->adjs, tap);
	lm_nhg_relink(nl->conf.dp->groups);
}

static void set_up(struct lm_netlink *nl, uint16_t tap, bool up)
{
	struct lm_tap *t = &nl->conf.dp->ports.taps[tap];

	if (t->up == up)
		return;
	t->up = up;
	if (!up)
		lm_adj_flush_tap(nl->conf.dp->adjs, tap);
	nl_addr_link_changed(nl, t->ifindex);
	if (up)
		nl_neigh_refresh(nl, true);
	/* the kernel does not say which IPv4 routes went with a link */
	if (nl->conf.follow_routes)
		nl_resync_soon(nl);
}

void nl_link(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1];
	const char *name;
	uint16_t tap;
	struct lm_tap *t;

	(void)ctx;
	nl_attrs(nlh, sizeof(*ifi), tb, IFLA_MAX);
	if (tb[IFLA_IFNAME] == NULL)
		return;
	name = mnl_attr_get_str(tb[IFLA_IFNAME]);
	tap = lm_ports_by_name(&nl->conf.dp->ports, name);
	if (tap == LM_NO_TAP)
		return;
	t = &nl->conf.dp->ports.taps[tap];
	if (nlh->nlmsg_type == RTM_DELLINK) {
		if (t->ifindex == (uint32_t)ifi->ifi_index)
			link_gone(nl, tap);
		return;
	}
	if (tb[IFLA_MTU] != NULL) {
		uint32_t mtu = mnl_attr_get_u32(tb[IFLA_MTU]);

		uint16_t made_for = nl->conf.dp->ports.vifs[t->vif].mtu;

		/* who raises it in the sliver gets no longer frames through the substrate */
		t->mtu = mtu < made_for ? (uint16_t)mtu : made_for;
	}
	if (t->ifindex != (uint32_t)ifi->ifi_index) {
		if (t->ifindex != 0)
			link_gone(nl, tap);
		t->ifindex = (uint32_t)ifi->ifi_index;
		lm_nhg_relink(nl->conf.dp->groups);
	}
	set_up(nl, tap, (ifi->ifi_flags & IFF_UP) && (ifi->ifi_flags & IFF_RUNNING));
}
