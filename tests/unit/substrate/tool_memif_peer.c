/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One end of a memif whose other end sends every frame back:
 *	tool_memif_peer server|client PATH COUNT [sleep]
 * passes COUNT numbered frames of 60 to 1514 octets and prints, as JSON, how many came back and
 * whether they were whole and in order. Ends when all are back, or 40 s after the first.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "substrate/memif.h"

#define WINDOW	 256 /* frames on their way at once: fewer than any ring between us holds */
#define LIMIT_MS 40000

static unsigned changes; /* of the connection, up or down */

static void on_up(void *ctx, struct lm_memif *m)
{
	(void)ctx;
	(void)m;
	changes++;
}

static void on_down(void *ctx, struct lm_memif *m, const char *why)
{
	(void)ctx;
	fprintf(stderr, "down: %s\n", why);
	changes++;
	lm_memif_quiesced(m);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint16_t frame_len(uint64_t seq)
{
	return (uint16_t)(60 + seq * 7 % 1455);
}

static void fill(uint8_t *frame, uint64_t seq)
{
	memset(frame, (int)(seq & 0xff), frame_len(seq));
	memset(frame, 0x02, 12); /* MAC addresses */
	frame[12] = 0x88;
	frame[13] = 0xb6;
	memcpy(frame + 14, &seq, sizeof(seq));
}

struct run {
	struct lm_memif *m;
	uint64_t count, sent, back, bad, sleeps;
	int ep; /* -1: poll */
};

static void send_some(struct run *r)
{
	static uint8_t data[32][1536];
	struct lm_memif_frame f[32];
	uint16_t n = 0;

	for (; n < 32 && r->sent + n < r->count && r->sent + n - r->back < WINDOW; n++) {
		fill(data[n], r->sent + n);
		f[n] = (struct lm_memif_frame){.data = data[n], .len = frame_len(r->sent + n)};
	}
	r->sent += lm_memif_tx(r->m, f, n);
}

static void take_some(struct run *r)
{
	static uint8_t data[32][2048];
	struct lm_memif_frame f[32];
	uint8_t want[1536];

	for (unsigned i = 0; i < 32; i++)
		f[i] = (struct lm_memif_frame){.data = data[i], .len = sizeof(data[i])};
	uint16_t n = lm_memif_rx(r->m, f, 32);
	for (unsigned i = 0; i < n; i++, r->back++) {
		fill(want, r->back);
		if (f[i].len != frame_len(r->back) || memcmp(data[i], want, f[i].len) != 0)
			r->bad++;
	}
	if (n == 0 && r->ep >= 0) {
		struct epoll_event ev;
		/* bounded: DPDK's PMD has no fence between its index and the flag */
		if (!lm_memif_rx_arm(r->m)) {
			r->sleeps++;
			epoll_wait(r->ep, &ev, 1, 10);
		}
		lm_memif_rx_disarm(r->m);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: %s server|client PATH COUNT [sleep]\n", argv[0]);
		return 2;
	}
	struct event_base *base = event_base_new();
	struct lm_memif_listener *l = NULL;
	struct lm_err err = {0};
	struct run r = {.count = strtoull(argv[3], NULL, 10), .ep = -1};
	struct lm_memif_conf conf = {.id = 0,
		.ring_size_log2 = 10,
		.buffer_size = 2048,
		.name = "tool",
		.on_up = on_up,
		.on_down = on_down};

	if (strcmp(argv[1], "server") == 0) {
		l = lm_memif_listen(base, argv[2], (uid_t)-1, (gid_t)-1, &err);
		r.m = l != NULL ? lm_memif_server_new(l, &conf, &err) : NULL;
	} else {
		r.m = lm_memif_client_new(base, argv[2], &conf, &err);
	}
	if (r.m == NULL) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	uint64_t end = now_ms() + LIMIT_MS;
	while (!lm_memif_is_up(r.m) && now_ms() < end)
		event_base_loop(base, EVLOOP_ONCE);
	if (argc > 4) {
		struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
		r.ep = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(r.ep, EPOLL_CTL_ADD, lm_memif_rx_fd(r.m), &ev);
	}
	for (unsigned turn = 0; r.back < r.count && now_ms() < end; turn++) {
		send_some(&r);
		take_some(&r);
		if (turn % 64 == 0)
			event_base_loop(base, EVLOOP_NONBLOCK);
	}
	printf("{\"sent\": %llu, \"back\": %llu, \"bad\": %llu, \"sleeps\": %llu, \"changes\": "
	       "%u}\n",
		(unsigned long long)r.sent, (unsigned long long)r.back, (unsigned long long)r.bad,
		(unsigned long long)r.sleeps, changes);
	lm_memif_free(r.m);
	lm_memif_listener_free(l);
	event_base_free(base);
	return r.back == r.count && r.bad == 0 ? 0 : 1;
}
