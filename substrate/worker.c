/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's loop: poll its ports, vifs and inbox; send; report a quiescent state; sleep when
 * there was nothing to do for a while and nothing must be polled.
 */
#include "substrate/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "substrate/datapath.h"
#include "substrate/port.h"
#include "substrate/vif.h"

#define INBOX_SIZE	1024
#define SPIN_US		50  /* after the last frame, before sleeping */
#define TAP_ROUNDS	16  /* while busy: rounds between two looks at the TAPs */
#define TIMER_MS	1   /* ports without a descriptor are looked at so often */
#define PARKED_TIMER_MS 100 /* ports whose interface is down */
#define EVENTS_MAX	64

int worker_init(struct substrate *s, struct worker *w, struct lm_err *err)
{
	struct epoll_event wake = {.events = EPOLLIN, .data.u64 = wake_data(WAKE_CONTROL, 0)};
	struct epoll_event taps = {.events = EPOLLIN, .data.u64 = wake_data(WAKE_TAPS, 0)};
	char name[RTE_RING_NAMESIZE];

	w->substrate = s;
	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	w->tap_epfd = epoll_create1(EPOLL_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epfd < 0 || w->tap_epfd < 0 || w->wake_fd < 0 ||
		epoll_ctl(w->epfd, EPOLL_CTL_ADD, w->wake_fd, &wake) < 0 ||
		epoll_ctl(w->epfd, EPOLL_CTL_ADD, w->tap_epfd, &taps) < 0)
		return lm_err_errno(err, errno, "worker %u", w->idx);
	snprintf(name, sizeof(name), "inbox%u", w->idx);
	w->inbox = rte_ring_create(name, INBOX_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (w->inbox == NULL)
		return lm_err_set(err, ENOMEM, "worker %u: no memory; raise --memory", w->idx);
	return 0;
}

void worker_fini(struct worker *w)
{
	struct rte_mbuf *m;

	while (w->inbox != NULL && rte_ring_dequeue(w->inbox, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(w->inbox);
	rte_pktmbuf_free_bulk(w->spare, w->n_spare);
	close(w->wake_fd);
	close(w->tap_epfd);
	close(w->epfd);
}

void worker_wake(struct worker *w)
{
	uint64_t one = 1;

	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake soon anyhow */
}

uint16_t worker_spare_mbufs(struct worker *w)
{
	uint16_t missing = BURST - w->n_spare;

	if (likely(missing == 0))
		return BURST;
	if (rte_pktmbuf_alloc_bulk(w->substrate->pool, w->spare + w->n_spare, missing) == 0) {
		for (uint16_t i = w->n_spare; i < BURST; i++) {
			w->frames[i].data = rte_pktmbuf_mtod(w->spare[i], void *);
			w->frames[i].len = rte_pktmbuf_tailroom(w->spare[i]);
		}
		w->n_spare = BURST;
	}
	return w->n_spare;
}

void worker_take_spare(struct worker *w, struct rte_mbuf **m, uint16_t n)
{
	memcpy(m, w->spare, n * sizeof(*m));
	w->n_spare -= n;
	memmove(w->spare, w->spare + n, w->n_spare * sizeof(*m));
	memmove(w->frames, w->frames + n, w->n_spare * sizeof(w->frames[0]));
}

static uint16_t poll_port(struct worker *w, const struct table *t, struct port *p)
{
	struct rte_mbuf *m[BURST];
	uint16_t n = rte_eth_rx_burst(p->port_id, 0, m, BURST);

	if (n > 0)
		port_input(w, t, p, m, n);
	return n;
}

static uint16_t poll_vif(struct worker *w, const struct table *t, struct vif *v)
{
	struct rte_mbuf *m[BURST];
	uint16_t n = v->backend->rx(w, v, m);

	if (n > 0)
		vif_input(w, t, v, m, n);
	return n;
}

/* Which TAPs have frames? */
static void look_at_taps(struct worker *w, const struct table *t)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(w->tap_epfd, ev, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		uint32_t slot = (uint32_t)ev[i].data.u64;
		struct vif *v = slot < t->n_slots ? t->vifs[slot] : NULL;

		if (v != NULL && v->backend == &vif_tap)
			atomic_store_explicit(&v->tap.ready, true, memory_order_relaxed);
	}
}

/* One round. Returns the number of frames taken in. */
static unsigned int run_once(struct worker *w, const struct table *t)
{
	const struct worker_view *view = &t->workers[w->idx];
	unsigned int n = 0;

	if (view->n_taps > 0 && w->tap_countdown-- == 0) {
		w->tap_countdown = TAP_ROUNDS;
		look_at_taps(w, t);
	}
	for (uint32_t i = 0; i < view->n_ports; i++)
		n += poll_port(w, t, view->ports[i]);
	for (uint32_t i = 0; i < view->n_vifs; i++)
		n += poll_vif(w, t, view->vifs[i]);
	if (!rte_ring_empty(w->inbox))
		n += inbox_input(w, t);
	worker_flush(w);
	return n;
}

/* Ask everything for a wake-up. Returns true when something waits already. */
static bool arm(struct worker *w, const struct table *t)
{
	const struct worker_view *view = &t->workers[w->idx];
	bool waiting = false;

	for (uint32_t i = 0; i < view->n_vifs; i++) {
		struct vif *v = view->vifs[i];

		if (v->backend->arm != NULL && v->backend->arm(v))
			waiting = true;
	}
	for (uint32_t i = 0; i < view->n_ports; i++) {
		struct port *p = view->ports[i];

		if (!p->rx_intr)
			continue;
		rte_eth_dev_rx_intr_enable(p->port_id, 0);
		if (poll_port(w, t, p) > 0) /* came before the interrupt was on */
			waiting = true;
	}
	worker_flush(w);
	atomic_store_explicit(&w->sleeping, true, memory_order_relaxed);
	/* pairs with the fence of a worker that hands over */
	atomic_thread_fence(memory_order_seq_cst);
	return waiting || !rte_ring_empty(w->inbox) ||
	       atomic_load_explicit(&w->substrate->table, memory_order_relaxed) != t;
}

static void disarm(struct worker *w, const struct table *t)
{
	const struct worker_view *view = &t->workers[w->idx];

	atomic_store_explicit(&w->sleeping, false, memory_order_relaxed);
	for (uint32_t i = 0; i < view->n_vifs; i++) {
		struct vif *v = view->vifs[i];

		if (v->backend->disarm != NULL)
			v->backend->disarm(v);
	}
	for (uint32_t i = 0; i < view->n_ports; i++) {
		if (view->ports[i]->rx_intr)
			rte_eth_dev_rx_intr_disable(view->ports[i]->port_id, 0);
	}
}

static int sleep_ms(struct worker *w, const struct table *t)
{
	const struct worker_view *view = &t->workers[w->idx];

	if (view->has_timer_port)
		return TIMER_MS;
	for (uint32_t i = 0; i < view->n_ports; i++) {
		if (view->ports[i]->rx_fd_parked)
			return PARKED_TIMER_MS;
	}
	return -1;
}

static void handle_events(
	struct worker *w, const struct table *t, const struct epoll_event *ev, int n)
{
	const struct worker_view *view = &t->workers[w->idx];
	uint64_t value;

	for (int i = 0; i < n; i++) {
		uint32_t slot = (uint32_t)ev[i].data.u64;
		struct port *p;

		switch ((enum wake_kind)(ev[i].data.u64 >> 32)) {
		case WAKE_CONTROL:
			if (read(w->wake_fd, &value, sizeof(value)) < 0)
				continue; /* another wake took it */
			break;
		case WAKE_PORT:
			p = slot < RTE_MAX_ETHPORTS ? t->ports[slot] : NULL;
			if (p != NULL && p->worker == w)
				port_woken(w, p, ev[i].events);
			break;
		case WAKE_TAPS:
			look_at_taps(w, t);
			break;
		case WAKE_MEMIF: /* edge-triggered: nothing to drain */
		case WAKE_TAP:
			break;
		}
	}
	for (uint32_t i = 0; i < view->n_ports; i++) {
		if (view->ports[i]->rx_fd_parked)
			port_unpark(w, view->ports[i]);
	}
}

/* Sleep until there is something to do. The worker holds no table meanwhile. */
static void worker_sleep(struct worker *w, const struct table *t)
{
	struct substrate *s = w->substrate;
	struct epoll_event ev[EVENTS_MAX];
	int timeout, n = 0;

	if (!arm(w, t)) {
		timeout = sleep_ms(w, t);
		rte_rcu_qsbr_thread_offline(s->qsbr, w->idx);
		n = epoll_wait(w->epfd, ev, EVENTS_MAX, timeout);
		rte_rcu_qsbr_thread_online(s->qsbr, w->idx);
		t = atomic_load_explicit(&s->table, memory_order_acquire);
		atomic_fetch_add_explicit(&w->wakeups, 1, memory_order_relaxed);
	}
	disarm(w, t);
	handle_events(w, t, ev, n);
}

int worker_main(void *arg)
{
	struct worker *w = arg;
	struct substrate *s = w->substrate;
	uint64_t spin = rte_get_tsc_hz() / 1000000 * SPIN_US;
	uint64_t last_work = rte_get_tsc_cycles();

	rte_rcu_qsbr_thread_register(s->qsbr, w->idx);
	rte_rcu_qsbr_thread_online(s->qsbr, w->idx);
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		const struct table *t = atomic_load_explicit(&s->table, memory_order_acquire);

		if (run_once(w, t) > 0) {
			last_work = rte_get_tsc_cycles();
		} else if (!s->opt.poll && !t->workers[w->idx].has_poll_port &&
			   rte_get_tsc_cycles() - last_work > spin) {
			worker_sleep(w, t);
		}
		rte_rcu_qsbr_quiescent(s->qsbr, w->idx);
	}
	rte_rcu_qsbr_thread_offline(s->qsbr, w->idx);
	rte_rcu_qsbr_thread_unregister(s->qsbr, w->idx);
	return 0;
}
