/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ends at once: threads that sleep and wake each other, and a process that dies in mid-burst.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "memif_fixture.h"

#define PINGS  10000u
#define STREAM 200000u

struct pair {
	struct event_base *base;
	const char *path;
	struct lm_memif_listener *l;
	struct end srv, cli;
};

static void pair_open(struct pair *p)
{
	struct lm_err err;

	memset(p, 0, sizeof(*p));
	p->base = event_base_new();
	p->path = socket_path();
	p->l = lm_memif_listen(p->base, p->path, geteuid(), (gid_t)-1, &err);
	ck_assert_msg(p->l != NULL, "%s", err.msg);
	struct lm_memif_conf conf = end_conf(&p->srv, 0, 8);
	p->srv.m = lm_memif_server_new(p->l, &conf, &err);
	conf = end_conf(&p->cli, 0, 8);
	p->cli.m = lm_memif_client_new(p->base, p->path, &conf, &err);
	pump_until(p->base, p->srv.ups == 1 && p->cli.ups == 1);
}

static void pair_close(struct pair *p)
{
	lm_memif_free(p->cli.m);
	lm_memif_free(p->srv.m);
	lm_memif_listener_free(p->l);
	event_base_free(p->base);
}

/* One frame, sleeping until it is there; false when nothing woke us for 5 s. */
static bool receive_sleeping(struct lm_memif *m, int ep, uint64_t *value)
{
	struct lm_memif_frame f = {.data = value, .len = sizeof(*value)};

	while (lm_memif_rx(m, &f, 1) == 0) {
		bool up = lm_memif_rx_arm(m) || woken(ep, 5000);
		lm_memif_rx_disarm(m);
		if (!up)
			return false;
	}
	return true;
}

static bool send_one(struct lm_memif *m, uint64_t value)
{
	struct lm_memif_frame f = {.data = &value, .len = sizeof(value)};

	return lm_memif_tx(m, &f, 1) == 1;
}

struct sleeper {
	struct lm_memif *m;
	int ep;
};

static void *echo(void *arg)
{
	struct sleeper *s = arg;
	uint64_t v;

	for (unsigned i = 0; i < PINGS; i++) {
		if (!receive_sleeping(s->m, s->ep, &v) || !send_one(s->m, v + 1))
			return NULL;
	}
	return arg;
}

/* A lost wake-up ends this test: both ends sleep after every frame. */
START_TEST(test_sleep_and_wake)
{
	struct pair p;

	pair_open(&p);
	for (int dir = 0; dir < 2; dir++) {
		struct lm_memif *a = dir == 0 ? p.cli.m : p.srv.m;
		struct lm_memif *b = dir == 0 ? p.srv.m : p.cli.m;
		struct sleeper s = {b, wait_fd(b, dir == 0)};
		int ep = wait_fd(a, dir == 1);
		pthread_t t;
		void *ok;
		uint64_t v = 0;
		ck_assert_int_eq(pthread_create(&t, NULL, echo, &s), 0);
		for (unsigned i = 0; i < PINGS; i++) {
			ck_assert(send_one(a, i));
			ck_assert_msg(receive_sleeping(a, ep, &v), "slept through frame %u", i);
			ck_assert_uint_eq(v, i + 1);
		}
		pthread_join(t, &ok);
		ck_assert_ptr_nonnull(ok);
		close(ep);
		close(s.ep);
	}
	pair_close(&p);
}
END_TEST

/* The sender streams, the receiver sleeps whenever the ring is empty: it must never oversleep. */
static void *stream(void *arg)
{
	for (uint64_t i = 0; i < STREAM;) {
		if (send_one(arg, i))
			i++;
		else
			sched_yield();
		if (i % 97 == 0)
			sched_yield();
	}
	return NULL;
}

START_TEST(test_stream_to_sleeper)
{
	struct pair p;

	pair_open(&p);
	for (int dir = 0; dir < 2; dir++) {
		struct lm_memif *to = dir == 0 ? p.srv.m : p.cli.m;
		int ep = wait_fd(to, dir == 0);
		pthread_t t;
		ck_assert_int_eq(pthread_create(&t, NULL, stream, dir == 0 ? p.cli.m : p.srv.m), 0);
		for (uint64_t i = 0; i < STREAM; i++) {
			uint64_t v = 0;
			ck_assert(receive_sleeping(to, ep, &v));
			ck_assert_uint_eq(v, i);
		}
		pthread_join(t, NULL);
		close(ep);
	}
	pair_close(&p);
}
END_TEST

/* A polling receiver is not disturbed: MASK_INT keeps the sender from signalling. */
START_TEST(test_no_interrupts_while_polling)
{
	struct pair p;
	uint64_t v;

	pair_open(&p);
	for (int dir = 0; dir < 2; dir++) {
		struct lm_memif *a = dir == 0 ? p.cli.m : p.srv.m;
		struct lm_memif *b = dir == 0 ? p.srv.m : p.cli.m;
		struct lm_memif_frame f = {.data = &v, .len = sizeof(v)};
		int ep = wait_fd(b, dir == 0);
		ck_assert(send_one(a, 1));
		ck_assert(!woken(ep, 0));
		ck_assert(lm_memif_rx_arm(b)); /* it is there already */
		lm_memif_rx_disarm(b);
		ck_assert_uint_eq(lm_memif_rx(b, &f, 1), 1);
		ck_assert(!lm_memif_rx_arm(b));
		ck_assert(!woken(ep, 0));
		ck_assert(send_one(a, 2));
		ck_assert(woken(ep, 1000));
		lm_memif_rx_disarm(b);
		ck_assert(!woken(ep, 0));
		f.len = sizeof(v);
		ck_assert_uint_eq(lm_memif_rx(b, &f, 1), 1);
		ck_assert(send_one(a, 3));
		ck_assert(!woken(ep, 0));
		f.len = sizeof(v);
		ck_assert_uint_eq(lm_memif_rx(b, &f, 1), 1);
		close(ep);
	}
	pair_close(&p);
}
END_TEST

/* A client in a process of its own that sends without end. */
static void flood(const char *path)
{
	static uint8_t data[64];
	struct event_base *base = event_base_new();
	struct end cli = {0};
	struct lm_err err;
	struct lm_memif_frame f[32];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct lm_memif_conf conf = end_conf(&cli, 0, 10);
	cli.m = lm_memif_client_new(base, path, &conf, &err);
	for (unsigned i = 0; i < 32; i++)
		f[i] = (struct lm_memif_frame){.data = data, .len = sizeof(data)};
	for (;;) {
		if (lm_memif_tx(cli.m, f, 32) < 32)
			event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

START_TEST(test_killed_in_mid_burst)
{
	static uint8_t data[32][2048];
	struct event_base *base = event_base_new();
	const char *path = socket_path();
	struct end srv = {0};
	struct lm_err err;

	struct lm_memif_listener *l = lm_memif_listen(base, path, geteuid(), (gid_t)-1, &err);
	struct lm_memif_conf conf = end_conf(&srv, 0, 10);
	srv.m = lm_memif_server_new(l, &conf, &err);
	for (unsigned round = 1; round <= 5; round++) {
		struct lm_memif_frame f[32];
		struct lm_memif_stats st;
		uint64_t want;
		pid_t pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			flood(path);
		pump_until(base, srv.ups == round);
		lm_memif_stats(srv.m, &st);
		want = st.rx_pkts + 50000;
		uint64_t end_ms = now_ms() + WAIT_MS;
		bool killed = false;
		while (srv.downs < round) {
			ck_assert_uint_lt(now_ms(), end_ms);
			for (unsigned i = 0; i < 32; i++)
				f[i] = (struct lm_memif_frame){.data = data[i], .len = 2048};
			uint16_t n = lm_memif_rx(srv.m, f, 32);
			for (unsigned i = 0; i < n; i++)
				ck_assert_uint_eq(f[i].len, 64);
			(void)lm_memif_tx(srv.m, f, n);
			lm_memif_stats(srv.m, &st);
			if (!killed && st.rx_pkts >= want)
				killed = kill(pid, SIGKILL) == 0;
			if (n == 0)
				event_base_loop(base, EVLOOP_NONBLOCK);
		}
		ck_assert_str_eq(srv.why, "peer is gone");
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	lm_memif_free(srv.m);
	lm_memif_listener_free(l);
	event_base_free(base);
}
END_TEST

static void cases(TCase *tc)
{
	tcase_add_test(tc, test_sleep_and_wake);
	tcase_add_test(tc, test_stream_to_sleeper);
	tcase_add_test(tc, test_no_interrupts_while_polling);
	tcase_add_test(tc, test_killed_in_mid_burst);
}

MEMIF_TEST_MAIN("memif_threads", cases)
