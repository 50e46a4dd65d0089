/* SPDX-License-Identifier: BSD-3-Clause */
/* What the memif tests share: a server and clients on one event loop, pumped by hand. */
#ifndef LM_TESTS_MEMIF_FIXTURE_H
#define LM_TESTS_MEMIF_FIXTURE_H

#include <check.h>
#include <event2/event.h>
#include <sys/epoll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "substrate/memif.h"

#define WAIT_MS 5000

struct end {
	struct lm_memif *m;
	unsigned ups, downs;
	bool hold; /* on_down does not call lm_memif_quiesced() */
	char why[128];
};

static inline void end_up(void *ctx, struct lm_memif *m)
{
	(void)m;
	((struct end *)ctx)->ups++;
}

static inline void end_down(void *ctx, struct lm_memif *m, const char *why)
{
	struct end *e = ctx;

	e->downs++;
	snprintf(e->why, sizeof(e->why), "%s", why);
	if (!e->hold)
		lm_memif_quiesced(m);
}

static inline struct lm_memif_conf end_conf(struct end *e, uint16_t id, uint8_t log2_size)
{
	return (struct lm_memif_conf){.id = id,
		.ring_size_log2 = log2_size,
		.buffer_size = 2048,
		.name = "test",
		.on_up = end_up,
		.on_down = end_down,
		.ctx = e};
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Run the loop until `cond` holds; the test fails after WAIT_MS. */
#define pump_until(base, cond)                                                     \
	do {                                                                       \
		uint64_t end_ms_ = now_ms() + WAIT_MS;                             \
		while (!(cond)) {                                                  \
			ck_assert_msg(now_ms() < end_ms_, "timed out: %s", #cond); \
			struct timeval tv_ = {.tv_usec = 2000};                    \
			event_base_loopexit(base, &tv_);                           \
			event_base_dispatch(base);                                 \
		}                                                                  \
	} while (0)

static inline void pump_ms(struct event_base *base, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* A private directory for the socket; the path is made fresh for every test. */
static inline const char *socket_path(void)
{
	static char path[64];
	static unsigned count;

	snprintf(path, sizeof(path), "/tmp/lm-memif-%d-%u.sock", getpid(), count++);
	return path;
}

/* Send `count` frames with a pattern from a to b and check them; 0 on loss of order or content. */
static inline void pass_frames(struct lm_memif *a, struct lm_memif *b, unsigned count, uint16_t len)
{
	static uint8_t in[LM_MEMIF_BURST_MAX][9216], out[LM_MEMIF_BURST_MAX][9216];
	struct lm_memif_frame tx[LM_MEMIF_BURST_MAX], rx[LM_MEMIF_BURST_MAX];
	unsigned sent = 0, got = 0;
	uint64_t end_ms = now_ms() + WAIT_MS;

	while (got < count) {
		uint16_t n = 0;
		ck_assert_msg(now_ms() < end_ms, "%u of %u frames came", got, count);
		for (; n < 32 && sent + n < count; n++) {
			uint32_t seq = sent + n;
			memset(in[n], (int)seq, len);
			if (len >= sizeof(seq))
				memcpy(in[n], &seq, sizeof(seq));
			tx[n] = (struct lm_memif_frame){.data = in[n], .len = len};
		}
		sent += lm_memif_tx(a, tx, n);
		for (unsigned i = 0; i < LM_MEMIF_BURST_MAX; i++)
			rx[i] = (struct lm_memif_frame){.data = out[i], .len = sizeof(out[i])};
		uint16_t m = lm_memif_rx(b, rx, LM_MEMIF_BURST_MAX);
		for (uint16_t i = 0; i < m; i++, got++) {
			uint8_t want[9216];
			uint32_t seq = got;
			memset(want, (int)seq, len);
			if (len >= sizeof(seq))
				memcpy(want, &seq, sizeof(seq));
			ck_assert_uint_eq(rx[i].len, len);
			ck_assert_mem_eq(out[i], want, len);
		}
	}
}

/* An epoll descriptor that wakes for frames of m. */
static inline int wait_fd(const struct lm_memif *m, bool server)
{
	struct epoll_event ev = {.events = EPOLLIN | (server ? (uint32_t)EPOLLET : 0)};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_eq(epoll_ctl(ep, EPOLL_CTL_ADD, lm_memif_rx_fd(m), &ev), 0);
	return ep;
}

static inline bool woken(int ep, int timeout_ms)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, timeout_ms) == 1;
}

#define MEMIF_TEST_MAIN(suite_name, add_cases)          \
	int main(void)                                  \
	{                                               \
		Suite *s = suite_create(suite_name);    \
		TCase *tc = tcase_create(suite_name);   \
		tcase_set_timeout(tc, 60);              \
		add_cases(tc);                          \
		suite_add_tcase(s, tc);                 \
		SRunner *sr = srunner_create(s);        \
		srunner_run_all(sr, CK_NORMAL);         \
		int failed = srunner_ntests_failed(sr); \
		srunner_free(sr);                       \
		return failed == 0 ? 0 : 1;             \
	}

#endif
