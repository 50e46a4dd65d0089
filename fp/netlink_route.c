/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of the kernel's main table: what a new FP starts from, and what it follows without FPM. */
#include <string.h>

#include "fp/netlink_int.h"
#include "fp/rib.h"
#include "mp/log.h"

struct seeding {
	int (*seed)(void *ctx, const struct lm_route *route);
	void *ctx;
	struct lm_prefix last; /* routes of one prefix come together, the best first */
	int rc;
};

static bool parse(struct lm_netlink *nl, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct lm_err err = {0};

	/* exceptions (path MTU, redirects) of single destinations are no routes */
	if (rtm->rtm_flags & RTM_F_CLONED)
		return false;
	if (lm_rtmsg_parse(nlh, nl->rtmsg, &err) < 0) {
		lm_warning("rtnetlink: a route was not understood: %s", err.msg);
		return false;
	}
	return true;
}

static void seed_one(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx)
{
	struct seeding *s = ctx;
	const struct lm_route *route = &nl->rtmsg->route;
	int rc;

	if (!parse(nl, nlh) || nl->rtmsg->type != LM_RTMSG_ROUTE_REPLACE ||
		memcmp(&route->prefix, &s->last, sizeof(s->last)) == 0)
		return;
	s->last = route->prefix;
	rc = s->seed(s->ctx, route);
	if (rc < 0)
		s->rc = rc;
}

int lm_netlink_seed(struct lm_netlink *nl, int (*seed)(void *ctx, const struct lm_route *route),
	void *ctx, struct lm_err *err)
{
	struct seeding s = {.seed = seed, .ctx = ctx};
	int rc;

	if ((rc = nl_dump(nl, RTM_GETROUTE, AF_INET, seed_one, &s, err)) < 0 ||
		(rc = nl_dump(nl, RTM_GETROUTE, AF_INET6, seed_one, &s, err)) < 0)
		return rc;
	if (s.rc < 0)
		return lm_err_errno(err, -s.rc, "routes of the kernel's table: not all fit");
	return 0;
}

void nl_route(struct lm_netlink *nl, const struct nlmsghdr *nlh, void *ctx)
{
	(void)ctx;
	if (!parse(nl, nlh))
		return;
	/* one of several routes of a prefix changed: only the table knows which is best now */
	if (nl->rtmsg->type == LM_RTMSG_ROUTE_DELETE || (nlh->nlmsg_flags & NLM_F_APPEND))
		nl_resync_soon(nl);
	else if (nl->rtmsg->type == LM_RTMSG_ROUTE_REPLACE &&
		 lm_rib_set(nl->conf.rib, LM_RIB_ROUTE, &nl->rtmsg->route) < 0)
		nl_resync_soon(nl);
}
