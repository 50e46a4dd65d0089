/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/tap_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <rte_ring.h>

#include "fp/packet.h"
#include "fp/worker.h"
#include "mp/cleanup.h"

/* Frames moved before the loop looks at its other descriptors. */
#define TAP_BURST  32
#define PUNT_BURST 128

struct tap_end {
	struct lm_tap_io *io;
	uint16_t tap;
	struct event *ev;
};

struct lm_tap_io {
	struct event_base *base;
	struct lm_worker *w;
	struct lm_counters *counters;
	struct event *punt_ev;
	struct tap_end ends[LM_TAPS_MAX];
};

static void write_tap(struct lm_tap_io *io, struct rte_mbuf *m, uint16_t tap)
{
	int fd = io->w->dp->ports.taps[tap].fd;

	if (fd < 0 || write(fd, lm_data(m), m->data_len) < 0)
		io->counters->drops[LM_DROP_tap_write]++;
}

static void deliver(struct lm_tap_io *io, struct rte_mbuf *m)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): rte_ring filled it */
	const struct lm_vif *vif = &io->w->dp->ports.vifs[m->port];
	uint16_t tap = lm_meta(m)->tap;

	if (tap != LM_ALL_TAPS) {
		write_tap(io, m, tap);
		return;
	}
	for (uint16_t i = 0; i < vif->n_taps; i++)
		write_tap(io, m, vif->taps[i]);
}

static void on_punt(evutil_socket_t fd, short what, void *arg)
{
	struct rte_mbuf *mbufs[PUNT_BURST] = {NULL};
	struct lm_tap_io *io = arg;
	uint64_t count;
	unsigned int n;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	__atomic_store_n(&io->w->punt_signaled, false, __ATOMIC_SEQ_CST);
	n = rte_ring_sc_dequeue_burst(io->w->punt_ring, (void **)mbufs, PUNT_BURST, NULL);
	for (unsigned int i = 0; i < n && mbufs[i] != NULL; i++)
		deliver(io, mbufs[i]);
	if (n > 0)
		lm_free_frames(mbufs, (uint16_t)n);
	if (n == PUNT_BURST)
		event_active(io->punt_ev, EV_READ, 0);
}

/* One frame from a TAP into a buffer. 0 when the TAP has none. */
static struct rte_mbuf *read_frame(struct lm_tap_io *io, int fd, uint16_t vif)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->w->dp->pool);
	char discard[1];
	ssize_t len;

	if (m == NULL) {
		/* take the frame all the same: the TAP would be readable for ever */
		if (read(fd, discard, sizeof(discard)) >= 0)
			io->counters->drops[LM_DROP_no_buffer]++;
		return NULL;
	}
	len = read(fd, lm_data(m), rte_pktmbuf_tailroom(m));
	/* buffers have room to spare for every allowed frame: a full one was cut off */
	if (len == rte_pktmbuf_tailroom(m))
		io->counters->drops[LM_DROP_oversize]++;
	if (len < LM_ETH_LEN || len == rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	m->port = vif;
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	return m;
}

static void on_tap(evutil_socket_t fd, short what, void *arg)
{
	struct tap_end *end = arg;
	struct lm_worker *w = end->io->w;
	uint16_t vif = w->dp->ports.taps[end->tap].vif;
	unsigned int n;

	(void)what;
	/* with a full ring the frames wait in the TAP; the worker empties the ring in no time */
	for (n = 0; n < TAP_BURST && !rte_ring_full(w->inject_ring); n++) {
		struct rte_mbuf *m = read_frame(end->io, fd, vif);

		if (m == NULL)
			break;
		if (rte_ring_sp_enqueue(w->inject_ring, m) < 0)
			rte_pktmbuf_free(m); /* cannot be: there is one producer */
	}
	if (n > 0)
		lm_worker_wake(w);
}

struct lm_tap_io *lm_tap_io_new(struct event_base *base, struct lm_worker *w,
	struct lm_counters *counters, struct lm_err *err)
{
	struct lm_tap_io *io = calloc(1, sizeof(*io));

	if (io != NULL) {
		io->base = base;
		io->w = w;
		io->counters = counters;
		io->punt_ev = event_new(base, w->punt_fd, EV_READ | EV_PERSIST, on_punt, io);
	}
	if (io == NULL || io->punt_ev == NULL || event_add(io->punt_ev, NULL) < 0) {
		lm_err_set(err, ENOMEM, "TAPs: out of memory");
		lm_tap_io_free(io);
		return NULL;
	}
	return io;
}

static void close_end(struct lm_tap_io *io, uint16_t tap)
{
	struct lm_tap *t = &io->w->dp->ports.taps[tap];

	if (io->ends[tap].ev != NULL)
		event_free(io->ends[tap].ev);
	io->ends[tap].ev = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void lm_tap_io_free(struct lm_tap_io *io)
{
	if (io == NULL)
		return;
	for (uint16_t i = 0; i < io->w->dp->ports.n_taps; i++)
		close_end(io, i);
	if (io->punt_ev != NULL)
		event_free(io->punt_ev);
	free(io);
}

int lm_tap_io_set(struct lm_tap_io *io, uint16_t tap, int fd, struct lm_err *err)
{
	struct tap_end *end = &io->ends[tap];
	struct lm_tap *t = &io->w->dp->ports.taps[tap];
	int flags = fcntl(fd, F_GETFL);

	close_end(io, tap);
	t->fd = fd;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return lm_err_errno(err, errno, "TAP %s", t->name);
	end->io = io;
	end->tap = tap;
	end->ev = event_new(io->base, fd, EV_READ | EV_PERSIST, on_tap, end);
	if (end->ev == NULL || event_add(end->ev, NULL) < 0)
		return lm_err_set(err, ENOMEM, "TAP %s: out of memory", t->name);
	return 0;
}

/* MAC and MTU of the new link, then up. */
static int raise_link(const struct lm_tap *t, struct lm_err *err)
{
	lm_cleanup_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_flags = 0};

	if (s < 0)
		return lm_err_errno(err, errno, "TAP %s: socket", t->name);
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, t->mac, sizeof(t->mac));
	if (ioctl(s, SIOCSIFHWADDR, &ifr) < 0)
		return lm_err_errno(err, errno, "TAP %s: MAC", t->name);
	ifr.ifr_mtu = t->mtu;
	if (ioctl(s, SIOCSIFMTU, &ifr) < 0)
		return lm_err_errno(err, errno, "TAP %s: MTU", t->name);
	if (ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
		return lm_err_errno(err, errno, "TAP %s: flags", t->name);
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		return lm_err_errno(err, errno, "TAP %s: up", t->name);
	return 0;
}

int lm_tap_io_open(struct lm_tap_io *io, uint16_t tap, struct lm_err *err)
{
	const struct lm_tap *t = &io->w->dp->ports.taps[tap];
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return lm_err_errno(err, errno, "/dev/net/tun");
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		rc = lm_err_errno(err, errno, "TAP %s", t->name);
		close(fd);
		return rc;
	}
	rc = lm_tap_io_set(io, tap, fd, err);
	return rc < 0 ? rc : raise_link(t, err);
}
