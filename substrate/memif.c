/* SPDX-License-Identifier: BSD-3-Clause */
/* What both roles share: an interface's life, and the datapath's entry points. */
#include "substrate/memif_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "substrate/memif_kick.h"

static void hang_up(struct lm_memif *m, const char *why)
{
	if (m->rings.server)
		memif_server_hang_up(m, why);
	else
		memif_client_hang_up(m, why);
}

/* The datapath found that the peer broke a rule, and has stopped. */
static void on_broken(evutil_socket_t fd, short what, void *arg)
{
	struct lm_memif *m = arg;
	const char *why = __atomic_load_n(&m->rings.broken, __ATOMIC_ACQUIRE);

	uint64_t count;

	(void)what;
	if (read((int)fd, &count, sizeof(count)) < 0 || m->state != MEMIF_UP || why == NULL)
		return;
	hang_up(m, why);
	memif_go_down(m, why);
}

struct lm_memif *memif_new(
	struct event_base *base, const struct lm_memif_conf *conf, bool server, struct lm_err *err)
{
	if (conf->ring_size_log2 < 1 || conf->ring_size_log2 > MEMIF_LOG2_RING_MAX) {
		lm_err_set(err, EINVAL, "memif %s: ring_size_log2 %u is not 1 to 14",
			conf->name != NULL ? conf->name : "", conf->ring_size_log2);
		return NULL;
	}
	struct lm_memif *m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);
	if (m == NULL) {
		lm_err_set(err, ENOMEM, "memif: out of memory");
		return NULL;
	}
	memset(m, 0, sizeof(*m));
	m->conf = *conf;
	if (conf->name != NULL)
		strncpy(m->name, conf->name, sizeof(m->name) - 1);
	m->conf.name = m->name;
	m->base = base;
	m->rings.server = server;
	m->rx_fd = m->tx_fd = -1;
	m->broken_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->broken_fd >= 0)
		m->broken_ev = event_new(base, m->broken_fd, EV_READ | EV_PERSIST, on_broken, m);
	if (m->broken_ev == NULL || event_add(m->broken_ev, NULL) < 0) {
		lm_err_errno(err, errno != 0 ? errno : ENOMEM, "memif: cannot make an eventfd");
		memif_delete(m);
		return NULL;
	}
	return m;
}

/* Give back what a connection brought; a client's eventfds stay. */
static void release(struct lm_memif *m)
{
	for (unsigned i = 0; i < MEMIF_REGIONS_MAX; i++)
		memif_region_unmap(&m->rings.region[i]);
	m->rings.n_regions = 0;
	m->rings.rx.ring = m->rings.tx.ring = NULL;
	if (m->rings.server) {
		if (m->rx_fd >= 0)
			close(m->rx_fd);
		if (m->tx_fd >= 0)
			close(m->tx_fd);
		m->rx_fd = m->tx_fd = -1;
	}
	m->state = MEMIF_IDLE;
	if (m->client != NULL)
		memif_client_idle(m);
}

void memif_delete(struct lm_memif *m)
{
	if (m->client != NULL)
		memif_client_delete(m);
	release(m);
	if (m->rx_fd >= 0)
		close(m->rx_fd);
	if (m->tx_fd >= 0)
		close(m->tx_fd);
	if (m->broken_ev != NULL)
		event_free(m->broken_ev);
	if (m->broken_fd >= 0)
		close(m->broken_fd);
	free(m);
}

void memif_go_up(struct lm_memif *m)
{
	memif_rings_start(&m->rings);
	m->state = MEMIF_UP;
	__atomic_store_n(&m->up, true, __ATOMIC_RELEASE);
	if (m->conf.on_up != NULL)
		m->conf.on_up(m->conf.ctx, m);
}

void memif_go_down(struct lm_memif *m, const char *why)
{
	if (m->state == MEMIF_SETUP) {
		release(m);
		return;
	}
	if (m->state != MEMIF_UP)
		return;
	__atomic_store_n(&m->up, false, __ATOMIC_SEQ_CST);
	m->state = MEMIF_DRAIN;
	if (m->conf.on_down != NULL)
		m->conf.on_down(m->conf.ctx, m, why);
	else
		lm_memif_quiesced(m);
}

void lm_memif_quiesced(struct lm_memif *m)
{
	if (m->state == MEMIF_DRAIN)
		release(m);
}

void lm_memif_free(struct lm_memif *m)
{
	if (m == NULL)
		return;
	__atomic_store_n(&m->up, false, __ATOMIC_SEQ_CST);
	hang_up(m, "interface removed");
	if (m->listener != NULL)
		memif_server_forget(m);
	memif_delete(m);
}

/* Datapath: the peer broke a rule. Stop here and now; the control thread does the rest. */
static __attribute__((cold, noinline)) void shut(struct lm_memif *m)
{
	uint64_t one = 1;

	__atomic_store_n(&m->up, false, __ATOMIC_RELEASE);
	if (write(m->broken_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: the control thread is already told */
}

uint16_t lm_memif_rx(struct lm_memif *m, struct lm_memif_frame *frames, uint16_t n)
{
	if (!__atomic_load_n(&m->up, __ATOMIC_ACQUIRE))
		return 0;
	if (n > LM_MEMIF_BURST_MAX)
		n = LM_MEMIF_BURST_MAX;
	uint16_t got = memif_rings_rx(&m->rings, frames, n);
	if (__builtin_expect(m->rings.broken != NULL, 0))
		shut(m);
	return got;
}

uint16_t lm_memif_tx(struct lm_memif *m, const struct lm_memif_frame *frames, uint16_t n)
{
	bool kick;

	if (!__atomic_load_n(&m->up, __ATOMIC_ACQUIRE))
		return 0;
	if (n > LM_MEMIF_BURST_MAX)
		n = LM_MEMIF_BURST_MAX;
	uint16_t done = memif_rings_tx(&m->rings, frames, n, &kick);
	if (__builtin_expect(m->rings.broken != NULL, 0))
		shut(m);
	if (kick) {
		uint64_t one = 1;
		if (!m->own_fds)
			memif_kick(m->tx_fd);
		else if (write(m->tx_fd, &one, sizeof(one)) < 0)
			return done; /* the counter is full: the peer is awake enough */
	}
	return done;
}

bool lm_memif_is_up(const struct lm_memif *m)
{
	return __atomic_load_n(&m->up, __ATOMIC_ACQUIRE);
}

int lm_memif_rx_fd(const struct lm_memif *m)
{
	return m->client != NULL || m->state >= MEMIF_UP ? m->rx_fd : -1;
}

bool lm_memif_rx_arm(struct lm_memif *m)
{
	if (!__atomic_load_n(&m->up, __ATOMIC_ACQUIRE))
		return false;
	memif_rings_ask(&m->rings, true);
	return memif_rings_pending(&m->rings);
}

void lm_memif_rx_disarm(struct lm_memif *m)
{
	uint64_t count;

	if (__atomic_load_n(&m->up, __ATOMIC_ACQUIRE))
		memif_rings_ask(&m->rings, false);
	if (m->own_fds && read(m->rx_fd, &count, sizeof(count)) < 0)
		return; /* it was 0 */
}

void lm_memif_stats(const struct lm_memif *m, struct lm_memif_stats *out)
{
	const struct lm_memif_stats *s = &m->rings.stats;

	out->rx_pkts = __atomic_load_n(&s->rx_pkts, __ATOMIC_RELAXED);
	out->rx_bytes = __atomic_load_n(&s->rx_bytes, __ATOMIC_RELAXED);
	out->tx_pkts = __atomic_load_n(&s->tx_pkts, __ATOMIC_RELAXED);
	out->tx_bytes = __atomic_load_n(&s->tx_bytes, __ATOMIC_RELAXED);
	out->rx_too_long = __atomic_load_n(&s->rx_too_long, __ATOMIC_RELAXED);
	out->bad_desc = __atomic_load_n(&s->bad_desc, __ATOMIC_RELAXED);
	out->tx_ring_full = __atomic_load_n(&s->tx_ring_full, __ATOMIC_RELAXED);
	out->tx_too_long = __atomic_load_n(&s->tx_too_long, __ATOMIC_RELAXED);
}
