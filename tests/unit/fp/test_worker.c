/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker thread: it sleeps when idle, wakes for a memif, for an injected frame and for a memif
 * that comes up, and lets go of one that goes down. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "fp/dataplane.h"
#include "fp/eal.h"
#include "fp/grace.h"
#include "fp/packet.h"
#include "fp/worker.h"
#include "substrate/memif.h"

#define FRAME_LEN 60

/* `waiting` frames in the ring; all are for nobody and end as no_such_mac. */
struct lm_memif {
	int fd;
	unsigned int waiting, sent, arms;
	bool armed, gone, used_when_gone;
};

static void note_use(struct lm_memif *m)
{
	if (__atomic_load_n(&m->gone, __ATOMIC_SEQ_CST))
		__atomic_store_n(&m->used_when_gone, true, __ATOMIC_SEQ_CST);
}

uint16_t lm_memif_rx(struct lm_memif *m, struct lm_memif_frame *frames, uint16_t n)
{
	unsigned int have = __atomic_load_n(&m->waiting, __ATOMIC_SEQ_CST);

	note_use(m);
	if (have < n)
		n = (uint16_t)have;
	for (uint16_t i = 0; i < n; i++) {
		memset(frames[i].data, 0, FRAME_LEN);
		frames[i].len = FRAME_LEN;
	}
	__atomic_fetch_sub(&m->waiting, n, __ATOMIC_SEQ_CST);
	return n;
}

uint16_t lm_memif_tx(struct lm_memif *m, const struct lm_memif_frame *frames, uint16_t n)
{
	(void)frames;
	note_use(m);
	__atomic_fetch_add(&m->sent, n, __ATOMIC_SEQ_CST);
	return n;
}

bool lm_memif_rx_arm(struct lm_memif *m)
{
	note_use(m);
	__atomic_store_n(&m->armed, true, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&m->arms, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&m->waiting, __ATOMIC_SEQ_CST) > 0;
}

void lm_memif_rx_disarm(struct lm_memif *m)
{
	uint64_t count;

	note_use(m);
	__atomic_store_n(&m->armed, false, __ATOMIC_SEQ_CST);
	if (read(m->fd, &count, sizeof(count)) < 0)
		return;
}

int lm_memif_rx_fd(const struct lm_memif *m)
{
	return m->fd;
}

static struct lm_dp dp;
static struct lm_worker *worker;
static struct lm_memif memif;

static void pause_1ms(void)
{
	const struct timespec ts = {.tv_nsec = 1000000};

	nanosleep(&ts, NULL);
}

/* As the peer does: put frames, and wake a receiver that asked for it. */
static void peer_sends(unsigned int n)
{
	const uint64_t one = 1;

	__atomic_fetch_add(&memif.waiting, n, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&memif.armed, __ATOMIC_SEQ_CST))
		ck_assert_int_eq(write(memif.fd, &one, sizeof(one)), sizeof(one));
}

#define wait_until(what)                                              \
	do {                                                          \
		for (unsigned int ms = 0; ms < 5000 && !(what); ms++) \
			pause_1ms();                                  \
		ck_assert_msg(what, "never: %s", #what);              \
	} while (0)

#define asleep()  __atomic_load_n(&worker->asleep, __ATOMIC_SEQ_CST)
#define dropped() __atomic_load_n(&worker->counters.drops[LM_DROP_no_such_mac], __ATOMIC_SEQ_CST)
#define sent()	  __atomic_load_n(&memif.sent, __ATOMIC_SEQ_CST)

static void setup(void)
{
	const uint8_t mac[1][6] = {{2, 0, 0, 0, 0, 1}};
	const struct lm_vif vif = {.mtu = 1500, .name = "eth0"};
	struct lm_err err = {0};

	memset(&dp.ports, 0, sizeof(dp.ports));
	memset(&memif, 0, sizeof(memif));
	memif.fd = eventfd(0, EFD_NONBLOCK);
	dp.grace = lm_grace_new(1);
	worker = lm_worker_new(&dp, LM_LCORE_WORKER, false, &err);
	ck_assert_msg(worker != NULL, "%s", err.msg);
	ck_assert_int_eq(lm_ports_add(&dp.ports, &vif, mac, 1, &err), 0);
	ck_assert_int_eq(lm_worker_start(worker, &err), 0);
}

static void teardown(void)
{
	lm_worker_stop(worker);
	lm_worker_free(worker);
	lm_grace_free(dp.grace);
	close(memif.fd);
}

START_TEST(sleeps_and_wakes)
{
	struct lm_err err = {0};

	wait_until(asleep());
	ck_assert_int_eq(lm_worker_attach(worker, 0, &memif, &err), 0);
	for (unsigned int round = 1; round <= 200; round++) {
		if (round % 3 == 0)
			wait_until(asleep());
		peer_sends(100);
		wait_until(dropped() == 100 * round);
	}
	wait_until(asleep());
	lm_worker_detach(worker, 0);
}
END_TEST

START_TEST(wakes_for_injected_frames)
{
	struct lm_err err = {0};

	ck_assert_int_eq(lm_worker_attach(worker, 0, &memif, &err), 0);
	for (unsigned int round = 1; round <= 200; round++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(dp.pool);

		ck_assert_ptr_nonnull(m);
		m->port = 0;
		m->data_len = FRAME_LEN;
		m->pkt_len = FRAME_LEN;
		if (round % 3 == 0)
			wait_until(asleep());
		ck_assert_int_eq(rte_ring_sp_enqueue(worker->inject_ring, m), 0);
		lm_worker_wake(worker);
		wait_until(sent() == round);
	}
	lm_worker_detach(worker, 0);
}
END_TEST

START_TEST(lets_go_when_detached)
{
	struct lm_err err = {0};

	for (unsigned int round = 0; round < 100; round++) {
		ck_assert_int_eq(lm_worker_attach(worker, 0, &memif, &err), 0);
		peer_sends(1000);
		if (round % 2)
			wait_until(memif.waiting == 0);
		lm_worker_detach(worker, 0);
		__atomic_store_n(&memif.gone, true, __ATOMIC_SEQ_CST);
		pause_1ms();
		ck_assert(!memif.used_when_gone);
		__atomic_store_n(&memif.gone, false, __ATOMIC_SEQ_CST);
	}
}
END_TEST

int main(void)
{
	const struct lm_eal_conf eal = {.heap_mb = 16};
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("thread");
	struct lm_err err = {0};
	SRunner *r;
	int failed;

	if (lm_eal_start(&eal, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	dp.pool = rte_pktmbuf_pool_create(
		"frames", 1023, 0, 0, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	if (dp.pool == NULL)
		return 1;
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, sleeps_and_wakes);
	tcase_add_test(t, wakes_for_injected_frames);
	tcase_add_test(t, lets_go_when_detached);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
