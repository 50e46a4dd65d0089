/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours: the kernel's ARP and ND tables become adjacencies; those in use are kept fresh. */
#include <linux/neighbour.h>
#include <string.h>

#include "fp/netlink_int.h"

/* Requests a refresh sends at most: a flood of unresolved next hops must not become ARP. */
#define ASKS_MAX 256

void lm_netlink_ask(struct lm_netlink *nl, uint16_t tap, uint8_t family, const uint8_t *addr)
{
	char buf[MNL_NLMSG_HDRLEN + 64] __attribute__((aligned(8))) = {0};
	char discard[64] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm;

	nlh->nlmsg_type = RTM_NEWNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = family;
	ndm->ndm_ifindex = (int)nl->conf.dp->ports.taps[tap].ifindex;
	ndm->ndm_flags = NTF_USE;
	mnl_attr_put(nlh, NDA_DST, family == AF_INET ? 4 : 16, addr);
	/* errors of earlier requests: the neighbour's link went away meanwhile */
	while (mnl_socket_recvfrom(nl->asks, discard, sizeof(discard)) > 0)
		continue;
	/* should it fail, the next refresh asks again */
	(void)mnl_socket_sendto(nl->asks, nlh, nlh->nlmsg_len);
}

static enum lm_adj_state state_of(uint16_t nud)
{
	return nud & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP) ? LM_ADJ_REACHABLE : LM_ADJ_STALE;
}

void nl_neigh(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx)
{
	const uint16_t valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDA_MAX + 1];
	struct lm_dp *dp = nl->conf.dp;
	uint16_t tap = lm_ports_by_ifindex(&dp->ports, (uint32_t)ndm->ndm_ifindex);
	size_t size = ndm->ndm_family == AF_INET ? 4 : 16;
	uint8_t addr[16] = {0};
	bool gone = nlh->nlmsg_type == RTM_DELNEIGH;

	(void)ctx;
	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) || tap == LM_NO_TAP ||
		(ndm->ndm_flags & NTF_PROXY) || ndm->ndm_state == NUD_NOARP)
		return;
	nl_attrs(nlh, sizeof(*ndm), tb, NDA_MAX);
	if (tb[NDA_DST] == NULL || mnl_attr_get_payload_len(tb[NDA_DST]) < size)
		return;
	memcpy(addr, mnl_attr_get_payload(tb[NDA_DST]), size);
	if (!gone && (ndm->ndm_state & valid) && tb[NDA_LLADDR] != NULL &&
		mnl_attr_get_payload_len(tb[NDA_LLADDR]) == 6) {
		/* a full table: those neighbours stay with the kernel */
		(void)lm_adj_resolve(dp->adjs, tap, ndm->ndm_family, addr,
			mnl_attr_get_payload(tb[NDA_LLADDR]), state_of(ndm->ndm_state));
		return;
	}
	if (lm_adj_unresolve(
		    dp->adjs, tap, ndm->ndm_family, addr, (ndm->ndm_state & NUD_FAILED) != 0) &&
		gone && dp->ports.taps[tap].up)
		lm_netlink_ask(nl, tap, ndm->ndm_family, addr);
}

/* The worker used it since the last look. */
static bool was_used(struct lm_netlink *nl, uint32_t id)
{
	/* the flag is the worker's to set and ours to clear; losing one costs one period */
	uint8_t *flag = (uint8_t *)(uintptr_t)&nl->conf.worker->adj_used[id];

	return __atomic_load_n(flag, __ATOMIC_RELAXED) != 0 &&
	       __atomic_exchange_n(flag, 0, __ATOMIC_RELAXED) != 0;
}

void nl_neigh_refresh(struct lm_netlink *nl, bool only_unresolved)
{
	struct lm_dp *dp = nl->conf.dp;
	uint32_t n = lm_adj_count(dp->adjs);
	unsigned int asked = 0;
	struct lm_adj_view v;

	for (uint32_t id = 0; id < n && asked < ASKS_MAX; id++) {
		bool wanted;

		if (!lm_adj_get(dp->adjs, id, &v) || !dp->ports.taps[v.adj->tap].up)
			continue;
		wanted = !v.adj->resolved && v.refs > 0;
		if (!only_unresolved && v.state != LM_ADJ_REACHABLE && v.adj->resolved)
			wanted |= was_used(nl, id);
		if (wanted) {
			lm_netlink_ask(nl, v.adj->tap, v.adj->family, v.adj->addr);
			asked++;
		}
	}
}
