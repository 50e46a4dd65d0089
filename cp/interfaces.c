/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/interfaces.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>

#include "cp/netlink.h"
#include "cp/tap.h"
#include "mp/log.h"

/* Sets up interface `k`, whose first device is there as `ifindex`. */
static int set_up(struct interfaces *ifs, unsigned int k, unsigned int ifindex, struct lm_err *err)
{
	const struct sliver_if *i = &ifs->conf->ifs[k];
	int rc = netlink_link_up(ifs->requests, ifindex, i->macs[0], i->mtu, err);

	for (unsigned int a = 0; rc == 0 && a < i->n_addrs; a++)
		rc = netlink_addr_add(ifs->requests, ifindex, &i->addrs[a], err);
	if (rc < 0)
		return lm_err_context(err, "interface %s", i->name);
	ifs->ifindex[k] = ifindex;
	return 0;
}

static int make_taps(struct interfaces *ifs, unsigned int k, struct lm_err *err)
{
	const struct sliver_if *i = &ifs->conf->ifs[k];
	char name[IFNAMSIZ];
	int rc;

	for (unsigned int m = 0; m < i->n_macs; m++) {
		struct tap *t = &ifs->taps[ifs->n_taps];

		sliver_if_tap_name(i, m, name);
		t->interface = i;
		t->mac = m;
		t->fd = tap_open(name, err);
		if (t->fd < 0)
			return t->fd;
		ifs->n_taps++;
		rc = m == 0 ? set_up(ifs, k, if_nametoindex(name), err)
			    : netlink_link_up(
				      ifs->requests, if_nametoindex(name), i->macs[m], i->mtu, err);
		if (rc < 0)
			return m == 0 ? rc : lm_err_context(err, "interface %s", name);
	}
	return 0;
}

/* Looks at every TAP of the substrate: new, made anew, gone? */
static bool look_for_links(struct interfaces *ifs)
{
	bool changed = false;

	for (unsigned int k = 0; k < ifs->conf->n_ifs; k++) {
		const struct sliver_if *i = &ifs->conf->ifs[k];
		unsigned int ifindex;
		struct lm_err err = {0};

		if (!i->kernel_plane)
			continue;
		ifindex = if_nametoindex(i->name);
		if (ifindex == ifs->ifindex[k])
			continue;
		changed = true;
		ifs->ifindex[k] = 0;
		if (ifindex == 0)
			lm_warning("interface %s is gone", i->name);
		else if (set_up(ifs, k, ifindex, &err) < 0)
			lm_error("%s", err.msg);
		else
			lm_info("interface %s is up", i->name);
	}
	return changed;
}

static void on_links(int fd, short what, void *arg)
{
	struct interfaces *ifs = arg;
	char buf[8192];

	(void)what;
	/* what the messages say is not needed, only that there were some (or too many: ENOBUFS) */
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0 || errno == ENOBUFS || errno == EINTR)
		errno = 0;
	if (look_for_links(ifs) && ifs->on_change != NULL)
		ifs->on_change(ifs->ctx);
}

int interfaces_open(struct interfaces *ifs, struct event_base *base, const struct sliver_conf *conf,
	struct lm_err *err)
{
	int rc;

	ifs->conf = conf;
	ifs->requests = netlink_open(err);
	if (ifs->requests == NULL)
		return -err->code;
	ifs->links = netlink_watch_links(err);
	if (ifs->links == NULL)
		return -err->code;
	rc = netlink_link_up(ifs->requests, if_nametoindex("lo"), NULL, 0, err);
	if (rc < 0)
		return lm_err_context(err, "interface lo");
	for (unsigned int k = 0; k < conf->n_ifs; k++) {
		if (conf->ifs[k].kernel_plane)
			continue;
		rc = make_taps(ifs, k, err);
		if (rc < 0)
			return rc;
	}
	ifs->link_event =
		event_new(base, mnl_socket_get_fd(ifs->links), EV_READ | EV_PERSIST, on_links, ifs);
	if (ifs->link_event == NULL || event_add(ifs->link_event, NULL) < 0)
		return lm_err_set(err, ENOMEM, "out of memory");
	look_for_links(ifs);
	return 0;
}

void interfaces_close(struct interfaces *ifs)
{
	for (unsigned int i = 0; i < ifs->n_taps; i++)
		close(ifs->taps[i].fd);
	ifs->n_taps = 0;
	if (ifs->link_event != NULL)
		event_free(ifs->link_event);
	if (ifs->links != NULL)
		mnl_socket_close(ifs->links);
	if (ifs->requests != NULL)
		mnl_socket_close(ifs->requests);
	ifs->link_event = NULL;
	ifs->links = ifs->requests = NULL;
}

const struct sliver_if *interfaces_missing(const struct interfaces *ifs)
{
	for (unsigned int k = 0; k < ifs->conf->n_ifs; k++)
		if (ifs->ifindex[k] == 0)
			return &ifs->conf->ifs[k];
	return NULL;
}

void interfaces_set_carrier(const struct interfaces *ifs, bool on)
{
	for (unsigned int i = 0; i < ifs->n_taps; i++)
		if (tap_set_carrier(ifs->taps[i].fd, on) < 0)
			lm_warning("cannot set the carrier of a TAP of %s",
				ifs->taps[i].interface->name);
}
