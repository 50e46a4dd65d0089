/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <rte_cycles.h>
#include <rte_graph_worker.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "fp/grace.h"
#include "fp/graph.h"
#include "fp/punt.h"
#include "substrate/memif.h"

#define RING_SIZE 512
/* Empty walks before sleeping: about 20 us, more than an eventfd round trip. */
#define IDLE_WALKS 256
#define EVENTS_MAX 16

static int make_fds(struct lm_worker *w, struct lm_err *err)
{
	struct epoll_event ev = {.events = EPOLLIN};

	w->punt_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->punt_fd < 0 || w->wake_fd < 0 || w->epoll_fd < 0 ||
		epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &ev) < 0)
		return lm_err_errno(err, errno, "worker %u: descriptors", w->lcore);
	return 0;
}

struct lm_worker *lm_worker_new(struct lm_dp *dp, uint16_t lcore, bool poll, struct lm_err *err)
{
	struct lm_worker *w = aligned_alloc(_Alignof(struct lm_worker), sizeof(*w));
	char name[32];

	if (w == NULL) {
		lm_err_set(err, ENOMEM, "worker %u: out of memory", lcore);
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->dp = dp;
	w->lcore = lcore;
	w->poll = poll;
	w->punt_fd = w->wake_fd = w->epoll_fd = -1;
	lm_buckets_init(w->buckets, rte_get_tsc_hz());
	snprintf(name, sizeof(name), "punt%u", lcore);
	w->punt_ring =
		rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "inject%u", lcore);
	w->inject_ring =
		rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "worker%u", lcore);
	if (w->punt_ring == NULL || w->inject_ring == NULL)
		lm_err_set(
			err, ENOMEM, "worker %u: no memory for its rings; raise memory_mb", lcore);
	else if (make_fds(w, err) == 0 && lm_graph_create(w, name, err) == 0)
		return w;
	lm_worker_free(w);
	return NULL;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void drain(struct rte_ring *ring)
{
	struct rte_mbuf *m;

	if (ring == NULL)
		return;
	while (rte_ring_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

void lm_worker_free(struct lm_worker *w)
{
	if (w == NULL)
		return;
	if (w->graph != NULL)
		rte_graph_destroy(rte_graph_from_name(w->graph->name));
	drain(w->punt_ring);
	drain(w->inject_ring);
	if (w->n_spare > 0)
		rte_mempool_put_bulk(w->dp->pool, (void **)w->spare, w->n_spare);
	close_fd(w->punt_fd);
	close_fd(w->wake_fd);
	close_fd(w->epoll_fd);
	free(w);
}

static struct lm_memif *memif_of(const struct lm_worker *w, uint16_t vif)
{
	return __atomic_load_n(&w->dp->ports.vifs[vif].memif, __ATOMIC_ACQUIRE);
}

/* Ask for wake-ups from every source; true when one of them has something already. */
static bool arm(struct lm_worker *w)
{
	bool busy = false;

	__atomic_store_n(&w->asleep, true, __ATOMIC_SEQ_CST);
	for (uint16_t i = 0; i < w->dp->ports.n_vifs; i++) {
		struct lm_memif *memif = memif_of(w, i);

		if (memif != NULL && lm_memif_rx_arm(memif))
			busy = true;
	}
	return busy || rte_ring_count(w->inject_ring) > 0 ||
	       __atomic_load_n(&w->stop, __ATOMIC_ACQUIRE);
}

static void disarm(struct lm_worker *w)
{
	uint64_t count;

	__atomic_store_n(&w->asleep, false, __ATOMIC_SEQ_CST);
	if (read(w->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	for (uint16_t i = 0; i < w->dp->ports.n_vifs; i++) {
		struct lm_memif *memif = memif_of(w, i);

		if (memif != NULL)
			lm_memif_rx_disarm(memif);
	}
}

static void sleep_until_work(struct lm_worker *w, struct rte_rcu_qsbr *qsbr)
{
	struct epoll_event events[EVENTS_MAX];

	if (!arm(w)) {
		rte_rcu_qsbr_thread_offline(qsbr, 0);
		/* woken for nothing by a signal: the loop looks and comes back */
		(void)epoll_wait(w->epoll_fd, events, EVENTS_MAX, -1);
		rte_rcu_qsbr_thread_online(qsbr, 0);
	}
	disarm(w);
}

void lm_worker_walk(struct lm_worker *w)
{
	rte_graph_walk(w->graph);
}

static int worker_main(void *arg)
{
	struct lm_worker *w = arg;
	struct rte_rcu_qsbr *qsbr = lm_grace_qsbr(w->dp->grace);
	uint32_t idle = 0;

	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		w->work = 0;
		rte_graph_walk(w->graph);
		rte_rcu_qsbr_quiescent(qsbr, 0);
		if (w->work != 0) {
			idle = 0;
		} else if (!w->poll && ++idle >= IDLE_WALKS) {
			sleep_until_work(w, qsbr);
			idle = 0;
		} else {
			rte_pause();
		}
	}
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	return 0;
}

int lm_worker_start(struct lm_worker *w, struct lm_err *err)
{
	int rc = rte_eal_remote_launch(worker_main, w, w->lcore);

	if (rc < 0)
		return lm_err_set(err, -rc, "worker %u: its lcore is busy", w->lcore);
	return 0;
}

void lm_worker_wake(struct lm_worker *w)
{
	const uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&w->asleep, __ATOMIC_SEQ_CST))
		return;
	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is at its maximum: it is readable anyway */
}

void lm_worker_stop(struct lm_worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_SEQ_CST);
	lm_worker_wake(w);
	rte_eal_wait_lcore(w->lcore);
}

int lm_worker_attach(struct lm_worker *w, uint16_t vif, struct lm_memif *memif, struct lm_err *err)
{
	struct epoll_event ev = {.events = EPOLLIN};

	/* a worker that polls never disarms, and a peer need not wake one that is awake */
	lm_memif_rx_disarm(memif);
	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, lm_memif_rx_fd(memif), &ev) < 0 &&
		errno != EEXIST)
		return lm_err_errno(err, errno, "interface %s: epoll", w->dp->ports.vifs[vif].name);
	__atomic_store_n(&w->dp->ports.vifs[vif].memif, memif, __ATOMIC_SEQ_CST);
	lm_worker_wake(w); /* it slept without having armed this one */
	return 0;
}

void lm_worker_detach(struct lm_worker *w, uint16_t vif)
{
	struct lm_memif *memif = memif_of(w, vif);

	if (memif == NULL)
		return;
	__atomic_store_n(&w->dp->ports.vifs[vif].memif, NULL, __ATOMIC_SEQ_CST);
	(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, lm_memif_rx_fd(memif), NULL);
	rte_rcu_qsbr_synchronize(lm_grace_qsbr(w->dp->grace), RTE_QSBR_THRID_INVALID);
}
