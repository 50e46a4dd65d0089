/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: probing, starting, and what a sleeping worker waits on for each kind of PMD. */
#include "substrate/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>

#include "mp/log.h"
#include "substrate/packet_socket.h"
#include "substrate/vif.h"

#define RX_DESC 1024
#define TX_DESC 1024

/* net_af_packet's ring slots: octets of each unless devargs say otherwise, and what the kernel and
 * the Ethernet header take of them */
#define PACKET_SLOT_DEFAULT  2048
#define PACKET_SLOT_OVERHEAD 96U

const char *port_wait_name(enum port_wait wait)
{
	static const char *const names[] = {
		[PORT_WAIT_FD] = "fd", [PORT_WAIT_TIMER] = "timer", [PORT_WAIT_POLL] = "poll"};

	return names[wait];
}

static int find_port_id(const char *devargs, uint16_t *port_id)
{
	struct rte_dev_iterator it;
	uint16_t id;

	RTE_ETH_FOREACH_MATCHING_DEV(id, devargs, &it)
	{
		*port_id = id;
		rte_eth_iterator_cleanup(&it);
		return 0;
	}
	return -ENODEV;
}

static bool port_id_taken(const struct substrate *s, uint16_t port_id)
{
	const struct port *p;

	TAILQ_FOREACH (p, &s->ports, next) {
		if (p->port_id == port_id)
			return true;
	}
	return false;
}

/* One receive and one transmit queue; with receive interrupts if the PMD has them. */
static int configure(struct substrate *s, const struct port *p, bool intr)
{
	struct rte_eth_conf conf = {.intr_conf.rxq = intr};
	uint16_t n_rx = RX_DESC, n_tx = TX_DESC;
	int rc = rte_eth_dev_configure(p->port_id, 1, 1, &conf);

	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->port_id, &n_rx, &n_tx);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(p->port_id, 0, n_rx,
			(unsigned int)rte_eth_dev_socket_id(p->port_id), NULL, s->pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(
			p->port_id, 0, n_tx, (unsigned int)rte_eth_dev_socket_id(p->port_id), NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(p->port_id);
	return rc;
}

/* What wakes a worker that waits for this port. */
static void choose_wait(struct port *p, int packet_fd)
{
	int fd;

	p->rx_fd = packet_fd;
	p->rx_fd_is_packet = packet_fd >= 0;
	if (p->wait == PORT_WAIT_POLL)
		return;
	p->wait = PORT_WAIT_FD;
	if (p->rx_fd_is_packet)
		return;
	fd = rte_eth_dev_rx_intr_ctl_q_get_fd(p->port_id, 0);
	if (fd >= 0) {
		int rc = rte_eth_dev_rx_intr_enable(p->port_id, 0);

		if (rc == 0 || rc == -ENOTSUP) {
			/* without a way to enable it the descriptor is the queue itself (TAP) */
			p->rx_fd = fd;
			p->rx_intr = rc == 0;
			return;
		}
	}
	p->wait = PORT_WAIT_TIMER;
}

static int join_epoll(struct port *p, struct lm_err *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = wake_data(WAKE_PORT, p->port_id)};

	if (p->wait == PORT_WAIT_FD && epoll_ctl(p->worker->epfd, EPOLL_CTL_ADD, p->rx_fd, &ev) < 0)
		return lm_err_errno(err, errno, "port %s: cannot wait for frames", p->name);
	return 0;
}

/* Throw away what an AF_PACKET socket heard before it ignored what the host sends. */
static void flush_rx(const struct port *p)
{
	struct rte_mbuf *m[BURST];
	uint16_t n;

	for (unsigned int i = 0; i < 64; i++) {
		n = rte_eth_rx_burst(p->port_id, 0, m, BURST);
		if (n == 0)
			return;
		rte_pktmbuf_free_bulk(m, n);
	}
}

static void unplug(uint16_t port_id)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port_id, &info) != 0)
		return;
	rte_eth_promiscuous_disable(port_id);
	rte_eth_dev_stop(port_id);
	rte_eth_dev_close(port_id);
	if (info.device != NULL)
		rte_dev_remove(info.device);
}

/* What an AF_PACKET port must have, since its PMD says nothing: room in the interface's MTU, and in
 * a ring slot, where a longer frame would be cut. */
static int check_packet_mtu(const struct substrate *s, const struct port *p, const char *devargs,
	int fd, struct lm_err *err)
{
	const char *framesz = strstr(devargs, "framesz=");
	unsigned long slot = framesz != NULL ? strtoul(framesz + strlen("framesz="), NULL, 10)
					     : PACKET_SLOT_DEFAULT;
	int mtu = packet_socket_mtu(fd);

	if (mtu >= 0 && mtu < p->mtu)
		return lm_err_set(err, EINVAL,
			"port %s: MTU %u is over the %d of its interface; raise that with ip link",
			p->name, p->mtu, mtu);
	if (p->mtu + PACKET_SLOT_OVERHEAD > slot)
		return lm_err_set(err, EINVAL,
			"port %s: MTU %u needs a larger framesz than %lu in its devargs", p->name,
			p->mtu, slot);
	/* the PMD copies a whole slot's frame into an mbuf and does not look how long that is */
	if (slot > s->opt.frame_max)
		return lm_err_set(err, EINVAL,
			"port %s: framesz %lu is over --frame-max %u; raise that", p->name, slot,
			s->opt.frame_max);
	return 0;
}

static int start(struct substrate *s, struct port *p, int packet_fd, struct lm_err *err)
{
	int rc = configure(s, p, p->wait != PORT_WAIT_POLL);

	if (rc != 0)
		rc = configure(s, p, false);
	if (rc != 0)
		return lm_err_errno(err, -rc, "port %s: cannot start its device", p->name);
	if (packet_fd < 0) {
		rc = rte_eth_dev_set_mtu(p->port_id, p->mtu);
		if (rc != 0 && rc != -ENOTSUP)
			return lm_err_errno(err, -rc, "port %s: its device refuses MTU %u", p->name,
				(unsigned int)p->mtu);
	}
	rc = rte_eth_promiscuous_enable(p->port_id);
	if (rc != 0 && rc != -ENOTSUP)
		lm_warning("port %s: not promiscuous: %s", p->name, strerror(-rc));
	return 0;
}

int port_open(struct substrate *s, struct port *p, const char *devargs, struct lm_err *err)
{
	struct packet_sockets before, now;
	int packet_fd, rc;

	packet_sockets_scan(&before);
	rc = rte_dev_probe(devargs);
	if (rc != 0 && rc != -EEXIST)
		return lm_err_set(err, ENODEV,
			"port %s: no device for \"%s\" (%s); does the interface exist and is the "
			"driver's name right?",
			p->name, devargs, strerror(-rc));
	if (find_port_id(devargs, &p->port_id) != 0)
		return lm_err_set(
			err, ENODEV, "port %s: \"%s\" gave no network device", p->name, devargs);
	if (port_id_taken(s, p->port_id))
		return lm_err_set(
			err, EEXIST, "port %s: \"%s\" is another port's device", p->name, devargs);
	packet_sockets_scan(&now);
	packet_fd = packet_sockets_new(&before, &now);
	rc = packet_fd >= 0 ? check_packet_mtu(s, p, devargs, packet_fd, err) : 0;
	if (rc == 0)
		rc = start(s, p, packet_fd, err);
	if (rc == 0) {
		choose_wait(p, packet_fd);
		if (p->rx_fd_is_packet)
			flush_rx(p);
		rc = join_epoll(p, err);
	}
	if (rc != 0)
		unplug(p->port_id);
	return rc;
}

void port_close(struct port *p)
{
	if (p->rx_fd >= 0)
		epoll_ctl(p->worker->epfd, EPOLL_CTL_DEL, p->rx_fd, NULL);
	unplug(p->port_id);
}

void port_woken(struct worker *w, struct port *p, uint32_t events)
{
	uint64_t value;

	if (p->rx_intr) {
		if (read(p->rx_fd, &value, sizeof(value)) < 0)
			return; /* nothing to drain */
	} else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		/* The interface went down; its error would end every sleep at once. It stays
		 * pending on purpose: the PMD waits for room with poll() and must see it. */
		epoll_ctl(w->epfd, EPOLL_CTL_DEL, p->rx_fd, NULL);
		p->rx_fd_parked = true;
	}
}

void port_unpark(struct worker *w, struct port *p)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = wake_data(WAKE_PORT, p->port_id)};
	socklen_t len = sizeof(int);
	int error;

	if (!p->rx_fd_is_packet || !packet_socket_is_up(p->rx_fd))
		return;
	getsockopt(p->rx_fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (epoll_ctl(w->epfd, EPOLL_CTL_ADD, p->rx_fd, &ev) == 0)
		p->rx_fd_parked = false;
}
