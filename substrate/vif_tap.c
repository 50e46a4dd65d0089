/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TAP back-end: the sliver's own kernel is the forwarding plane. The TAP is made in the
 * sliver's network namespace and is persistent, so that it outlives a restart of the substrate.
 * Reading and writing it are system calls: there is no other way into a TAP.
 */
#include "substrate/vif.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "mp/cleanup.h"

/* What the short-lived thread that enters the namespace is asked for. */
struct tap_job {
	const char *netns;
	const char *ifname;
	const uint8_t *mac;
	uint16_t mtu;
	int fd; /* out; -1: failed, see err */
	struct lm_err err;
};

static int tap_configure(struct tap_job *job)
{
	lm_cleanup_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};

	if (s < 0)
		return lm_err_errno(&job->err, errno, "tap %s: socket", job->ifname);
	memcpy(ifr.ifr_name, job->ifname, strlen(job->ifname) + 1); /* tap_open() checked */
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, job->mac, RTE_ETHER_ADDR_LEN);
	if (ioctl(s, SIOCSIFHWADDR, &ifr) < 0)
		return lm_err_errno(&job->err, errno, "tap %s: cannot set its MAC", job->ifname);
	ifr.ifr_mtu = job->mtu;
	if (ioctl(s, SIOCSIFMTU, &ifr) < 0)
		return lm_err_errno(
			&job->err, errno, "tap %s: cannot set MTU %u", job->ifname, job->mtu);
	return 0;
}

/* Take a descriptor out of its clean-up. */
static int give_away(int *fd)
{
	int given = *fd;

	*fd = -1;
	return given;
}

static int tap_make(struct tap_job *job)
{
	lm_cleanup_close int tun = -1;
	lm_cleanup_close int ns = open(job->netns, O_RDONLY | O_CLOEXEC);
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int rc;

	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		return lm_err_errno(
			&job->err, errno, "tap %s: network namespace %s", job->ifname, job->netns);
	/* the TAP will be in the namespace in which this descriptor was opened */
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun < 0)
		return lm_err_errno(&job->err, errno, "tap %s: /dev/net/tun", job->ifname);
	memcpy(ifr.ifr_name, job->ifname, strlen(job->ifname) + 1); /* tap_open() checked */
	if (ioctl(tun, TUNSETIFF, &ifr) < 0)
		return lm_err_errno(
			&job->err, errno, "tap %s: cannot make it in %s", job->ifname, job->netns);
	rc = tap_configure(job);
	if (rc < 0)
		return rc;
	if (ioctl(tun, TUNSETPERSIST, 1) < 0)
		return lm_err_errno(
			&job->err, errno, "tap %s: cannot make it persistent", job->ifname);
	job->fd = give_away(&tun);
	return 0;
}

/* A namespace is a property of a thread: this one enters it, makes the TAP and ends. */
static void *tap_thread(void *arg)
{
	tap_make(arg);
	return NULL;
}

static int tap_open(struct substrate *s, struct vif *v, const json_t *params, struct lm_err *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = wake_data(WAKE_TAP, v->slot)};
	struct tap_job job = {.mac = v->macs[0], .mtu = v->mtu, .fd = -1};
	const char *kind;
	json_error_t je;
	pthread_t thread;
	int rc;

	(void)s;
	if (json_unpack_ex((json_t *)(uintptr_t)params, &je, JSON_STRICT, "{s:s, s:s, s:s}", "kind",
		    &kind, "netns", &job.netns, "ifname", &job.ifname) != 0)
		return lm_err_set(err, EINVAL, "backend tap: %s", je.text);
	if (job.ifname[0] == '\0' || strlen(job.ifname) >= IFNAMSIZ ||
		strpbrk(job.ifname, "/%: \t\n") != NULL)
		return lm_err_set(err, EINVAL,
			"backend tap: ifname \"%s\" is not an interface name of 1-15 characters",
			job.ifname);
	if (v->n_macs == 0)
		return lm_err_set(err, EINVAL, "backend tap: needs a MAC in macs");
	rc = pthread_create(&thread, NULL, tap_thread, &job);
	if (rc != 0)
		return lm_err_errno(err, rc, "tap %s: thread", job.ifname);
	pthread_join(thread, NULL);
	if (job.fd < 0) {
		*err = job.err;
		return -err->code;
	}
	v->tap.fd = job.fd;
	atomic_init(&v->tap.ready, false);
	atomic_init(&v->tap.gone, false);
	if (epoll_ctl(v->worker->tap_epfd, EPOLL_CTL_ADD, job.fd, &ev) < 0) {
		rc = lm_err_errno(err, errno, "tap %s: epoll", job.ifname);
		ioctl(job.fd, TUNSETPERSIST, 0);
		close(job.fd);
		return rc;
	}
	return 0;
}

static void tap_close(struct vif *v, bool keep)
{
	if (!keep)
		ioctl(v->tap.fd, TUNSETPERSIST, 0);
	close(v->tap.fd);
}

/* The sliver may delete its TAP; the descriptor is then in error for ever and would never let the
 * worker sleep. */
static void tap_lost(struct worker *w, struct vif *v)
{
	atomic_store(&v->tap.gone, true);
	epoll_ctl(w->tap_epfd, EPOLL_CTL_DEL, v->tap.fd, NULL);
}

static uint16_t tap_rx(struct worker *w, struct vif *v, struct rte_mbuf **m)
{
	uint16_t room, got = 0;

	if (!atomic_load_explicit(&v->tap.ready, memory_order_relaxed))
		return 0;
	room = worker_spare_mbufs(w);
	while (got < room) {
		struct rte_mbuf *b = w->spare[got];
		/* the room is more than any MTU needs: what read() cut is over the MTU */
		ssize_t n = read(v->tap.fd, rte_pktmbuf_mtod(b, void *), w->frames[got].len);

		if (n < 0) {
			atomic_store_explicit(&v->tap.ready, false, memory_order_relaxed);
			if (errno == EBADFD)
				tap_lost(w, v);
			break;
		}
		b->data_len = (uint16_t)n;
		b->pkt_len = (uint32_t)n;
		got++;
	}
	if (got > 0)
		worker_take_spare(w, m, got);
	return got;
}

static uint16_t tap_tx(struct vif *v, struct rte_mbuf *const *m, uint16_t n, enum drop_reason *why)
{
	for (uint16_t i = 0; i < n; i++) {
		if (write(v->tap.fd, rte_pktmbuf_mtod(m[i], void *), m[i]->data_len) < 0) {
			*why = errno == EAGAIN ? DROP_VIF_RING_FULL : DROP_VIF_DOWN;
			return i;
		}
	}
	return n;
}

static bool tap_is_up(const struct vif *v)
{
	return !atomic_load(&v->tap.gone);
}

const struct vif_backend vif_tap = {
	.kind = "tap",
	.open = tap_open,
	.close = tap_close,
	.rx = tap_rx,
	.tx = tap_tx,
	.is_up = tap_is_up,
};
