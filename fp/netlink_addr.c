/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses: local ones are punted, their prefixes are connected at once. */
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

#include "fp/netlink_int.h"
#include "fp/rib.h"
#include "mp/log.h"

#define PROTO_KERNEL 2

static unsigned int bits_of(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

static bool is_link_local(const struct nl_addr *a)
{
	return a->family == AF_INET6 && a->local[0] == 0xfe && (a->local[1] & 0xc0) == 0x80;
}

static struct lm_prefix make_prefix(uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct lm_prefix p = {.family = family, .len = len};
	unsigned int whole = len / 8u;

	memcpy(p.addr, addr, whole);
	if (len % 8 != 0)
		p.addr[whole] = addr[whole] & (uint8_t) ~(0xffu >> (len % 8));
	return p;
}

static struct lm_prefix connected_of(const struct nl_addr *a)
{
	return make_prefix(a->family, a->prefix, a->len);
}

static struct lm_prefix host_of(const struct nl_addr *a)
{
	return make_prefix(a->family, a->local, (uint8_t)bits_of(a->family));
}

/* The subnet's broadcast address; false when it has none. */
static bool broadcast_of(const struct nl_addr *a, struct lm_prefix *p)
{
	if (a->family != AF_INET || a->len > 30 || a->len == 0)
		return false;
	*p = connected_of(a);
	p->len = 32;
	for (unsigned int bit = a->len; bit < 32; bit++)
		p->addr[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	return true;
}

static bool same_prefix(const struct lm_prefix *a, const struct lm_prefix *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The prefix is connected when any address on a link that is up says so; state it again or not. */
static void update_connected(struct lm_netlink *nl, const struct lm_prefix *p)
{
	struct lm_route route = {.prefix = *p, .protocol = PROTO_KERNEL, .n_nexthops = 1};

	for (uint32_t i = 0; i < nl->n_addrs; i++) {
		const struct nl_addr *a = &nl->addrs[i];
		uint16_t tap = lm_ports_by_ifindex(&nl->conf.dp->ports, a->ifindex);
		struct lm_prefix mine = connected_of(a);

		if (a->no_prefix || tap == LM_NO_TAP || !nl->conf.dp->ports.taps[tap].up ||
			!same_prefix(&mine, p))
			continue;
		route.nexthops[0] = (struct lm_nexthop){.ifindex = a->ifindex, .weight = 1};
		if (lm_rib_set(nl->conf.rib, LM_RIB_CONNECTED, &route) < 0)
			lm_error("no room for a connected prefix");
		return;
	}
	lm_rib_remove(nl->conf.rib, LM_RIB_CONNECTED, p);
}

/* The address is local while any link has it. */
static void update_local(struct lm_netlink *nl, const struct lm_prefix *p)
{
	for (uint32_t i = 0; i < nl->n_addrs; i++) {
		struct lm_prefix host = host_of(&nl->addrs[i]), brd;

		if (!same_prefix(&host, p) &&
			!(broadcast_of(&nl->addrs[i], &brd) && same_prefix(&brd, p)))
			continue;
		if (lm_rib_set_local(nl->conf.rib, p) < 0)
			lm_error("no room for a local address");
		return;
	}
	lm_rib_remove(nl->conf.rib, LM_RIB_LOCAL, p);
}

static void update(struct lm_netlink *nl, const struct nl_addr *a)
{
	struct lm_prefix p;

	if (is_link_local(a))
		return; /* the pipeline punts all of fe80::/10 */
	p = host_of(a);
	update_local(nl, &p);
	if (broadcast_of(a, &p))
		update_local(nl, &p);
	if (a->len < bits_of(a->family)) {
		p = connected_of(a);
		update_connected(nl, &p);
	}
}

static bool same_addr(const struct nl_addr *a, const struct nl_addr *b)
{
	return a->ifindex == b->ifindex && a->family == b->family && a->len == b->len &&
	       memcmp(a->local, b->local, sizeof(a->local)) == 0 &&
	       memcmp(a->prefix, b->prefix, sizeof(a->prefix)) == 0;
}

static struct nl_addr *find(struct lm_netlink *nl, const struct nl_addr *a)
{
	for (uint32_t i = 0; i < nl->n_addrs; i++)
		if (same_addr(&nl->addrs[i], a))
			return &nl->addrs[i];
	return NULL;
}

static void add(struct lm_netlink *nl, const struct nl_addr *a)
{
	struct nl_addr *old = find(nl, a);

	if (old != NULL) {
		*old = *a;
	} else {
		if (nl->n_addrs == nl->cap_addrs) {
			uint32_t cap = nl->cap_addrs == 0 ? 16 : nl->cap_addrs * 2;
			struct nl_addr *p = realloc(nl->addrs, cap * sizeof(*p));

			if (p == NULL) {
				lm_error("out of memory: an address is not taken up");
				return;
			}
			nl->addrs = p;
			nl->cap_addrs = cap;
		}
		nl->addrs[nl->n_addrs++] = *a;
	}
	update(nl, a);
}

static void del(struct lm_netlink *nl, const struct nl_addr *a)
{
	struct nl_addr *old = find(nl, a);
	struct nl_addr gone;

	if (old == NULL)
		return;
	gone = *old;
	*old = nl->addrs[--nl->n_addrs];
	update(nl, &gone);
	/* routes that went with the address are not all announced */
	if (nl->conf.follow_routes)
		nl_resync_soon(nl);
}

void nl_addr(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_MAX + 1], *local;
	struct nl_addr a = {
		.ifindex = ifa->ifa_index, .family = ifa->ifa_family, .len = ifa->ifa_prefixlen};
	size_t size = ifa->ifa_family == AF_INET ? 4 : 16;
	uint32_t flags = ifa->ifa_flags;

	(void)ctx;
	if ((a.family != AF_INET && a.family != AF_INET6) || a.len > bits_of(a.family))
		return;
	nl_attrs(nlh, sizeof(*ifa), tb, IFA_MAX);
	local = tb[IFA_LOCAL] != NULL ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (local == NULL || mnl_attr_get_payload_len(local) < size)
		return;
	memcpy(a.local, mnl_attr_get_payload(local), size);
	memcpy(a.prefix, a.local, size);
	if (tb[IFA_ADDRESS] != NULL && mnl_attr_get_payload_len(tb[IFA_ADDRESS]) >= size)
		memcpy(a.prefix, mnl_attr_get_payload(tb[IFA_ADDRESS]), size);
	if (tb[IFA_FLAGS] != NULL)
		flags = mnl_attr_get_u32(tb[IFA_FLAGS]);
	a.no_prefix = (flags & IFA_F_NOPREFIXROUTE) != 0;
	if (nlh->nlmsg_type == RTM_NEWADDR)
		add(nl, &a);
	else
		del(nl, &a);
}

void nl_addr_link_changed(struct lm_netlink *nl, uint32_t ifindex)
{
	for (uint32_t i = 0; i < nl->n_addrs; i++)
		if (nl->addrs[i].ifindex == ifindex)
			update(nl, &nl->addrs[i]);
}

void nl_addr_mark(struct lm_netlink *nl)
{
	for (uint32_t i = 0; i < nl->n_addrs; i++)
		nl->addrs[i].marked = true;
}

void nl_addr_sweep(struct lm_netlink *nl)
{
	for (uint32_t i = 0; i < nl->n_addrs;) {
		struct nl_addr a = nl->addrs[i];

		if (a.marked)
			del(nl, &a);
		else
			i++;
	}
}
