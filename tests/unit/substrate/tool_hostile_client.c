/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile forwarding plane:
 *	tool_hostile_client frames|flood|break SECONDS PATH
 * It is on the memif socket PATH with the ids 0 to 3 at once; prints "up", in the end what it sent.
 */
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "substrate/memif_int.h"
#include "substrate/wire.h"

#define IDS    4
#define BURST  32
#define FRAMES 20000 /* of mode frames, each id */

static const uint8_t own[6] = {0x02, 0x4c, 0, 0, 0, 1}, victim[6] = {0x02, 0x4c, 0, 0, 0, 2},
		     peer[6] = {0x02, 0, 0, 0, 0, 0x99},
		     all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t *const macs[] = {own, victim, peer, all};

static const uint8_t mark[] = {'E', 'V', 'I', 'L'};

static struct lm_memif *links[IDS];
static unsigned ups[IDS];
static uint64_t sent[IDS];
static unsigned seed = 1;

static void on_up(void *ctx, struct lm_memif *m)
{
	(void)m;
	ups[(uintptr_t)ctx]++;
}

static void on_down(void *ctx, struct lm_memif *m, const char *why)
{
	(void)ctx;
	(void)why;
	lm_memif_quiesced(m);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static unsigned any(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static uint8_t *put_slice_header(uint8_t *p)
{
	static const uint8_t types[] = {0, 1, 2, 3, 5, 16, 130, 131, 255};
	static const uint8_t words[] = {0, 1, 2, 3, 4, 5, 60, 255};
	uint8_t n = words[any(sizeof(words))];

	lm_wire_put16(p, LM_WIRE_ETHERTYPE_DEFAULT);
	p[2] = types[any(sizeof(types))];
	p[3] = p[2] == 1 ? 1 : p[2] == 2 ? 2 : p[2] == 3 ? 4 : n;
	if (any(8) == 0)
		p[3] = n;
	p += 4;
	for (unsigned i = 0; i < 4; i++, p += 4)
		lm_wire_put32(p, i == 0 ? 7 + any(3) : 12 + any(2));
	return p;
}

/* MACs, perhaps tags, perhaps slice headers, an EtherType, and a mark that tests look for. */
static uint16_t make_frame(uint8_t *f)
{
	uint8_t *p = f + 12;

	memset(f, 0, 1500);
	memcpy(f, macs[any(4)], 6);
	memcpy(f + 6, macs[any(2) == 0 ? 0 : any(4)], 6);
	for (unsigned tags = any(4) == 0 ? any(4) : 0; tags > 0; tags--, p += 4) {
		lm_wire_put16(p, any(2) == 0 ? LM_WIRE_ETHERTYPE_VLAN : LM_WIRE_ETHERTYPE_QINQ);
		lm_wire_put16(p + 2, any(2) == 0 ? 100 : 0);
	}
	for (unsigned headers = any(3); headers > 0; headers--)
		p = put_slice_header(p);
	lm_wire_put16(p, 0x0800);
	memcpy(p + 2, mark, sizeof(mark));
	memcpy(p + 200, mark, sizeof(mark));
	return any(8) == 0 ? (uint16_t)any(any(2) == 0 ? 60 : 1900) : (uint16_t)(p - f + 204);
}

static uint16_t good_frame(uint8_t *f)
{
	memcpy(f, peer, 6);
	memcpy(f + 6, own, 6);
	lm_wire_put16(f + 12, 0x0800);
	memcpy(f + 14, mark, sizeof(mark));
	return 64;
}

static void send_burst(unsigned id, uint16_t (*make)(uint8_t *f))
{
	static uint8_t data[BURST][2048];
	struct lm_memif_frame f[BURST];

	for (unsigned i = 0; i < BURST; i++) {
		f[i].data = data[i];
		f[i].len = make(data[i]);
	}
	sent[id] += lm_memif_tx(links[id], f, BURST);
}

static void do_frames(void)
{
	for (unsigned id = 0; id < IDS; id++)
		if (sent[id] < FRAMES)
			send_burst(id, make_frame);
}

/* As many as go in, and the substrate is woken without need. */
static void do_flood(void)
{
	const uint64_t one = 1;

	for (unsigned id = 0; id < IDS; id++) {
		send_burst(id, good_frame);
		if (write(links[id]->tx_fd, &one, sizeof(one)) < 0)
			continue;
	}
}

/* Frames, then an index or a descriptor that cannot be. */
static void do_break(void)
{
	unsigned id = any(IDS);
	struct memif_rings *r = &links[id]->rings;

	if (!lm_memif_is_up(links[id]))
		return;
	send_burst(id, make_frame);
	struct memif_queue *q = any(2) == 0 ? &r->tx : &r->rx;
	if (any(2) == 0) {
		__atomic_store_n(&q->ring->head, (uint16_t)rand_r(&seed), __ATOMIC_RELEASE);
		return;
	}
	for (unsigned i = 0; i <= q->mask; i++) {
		q->ring->desc[i].info = memif_desc_info((uint16_t)any(4), (uint16_t)any(3),
			any(2) == 0 ? (uint32_t)rand_r(&seed) * 2 : any(4096));
		q->ring->desc[i].where = (uint32_t)rand_r(&seed) * 2u;
	}
	send_burst(id, make_frame);
}

static int connect_all(struct event_base *base, const char *path)
{
	for (unsigned id = 0; id < IDS; id++) {
		struct lm_memif_conf conf = {.id = (uint16_t)id,
			.ring_size_log2 = 10,
			.buffer_size = 2048,
			.name = "hostile",
			.on_up = on_up,
			.on_down = on_down,
			.ctx = (void *)(uintptr_t)id};
		struct lm_err err;
		links[id] = lm_memif_client_new(base, path, &conf, &err);
		if (links[id] == NULL) {
			fprintf(stderr, "%s\n", err.msg);
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: %s frames|flood|break SECONDS PATH\n", argv[0]);
		return 2;
	}
	void (*attack)(void) = strcmp(argv[1], "frames") == 0  ? do_frames
			       : strcmp(argv[1], "flood") == 0 ? do_flood
							       : do_break;
	struct event_base *base = event_base_new();
	if (connect_all(base, argv[3]) < 0)
		return 1;
	uint64_t end = now_ms() + 5000;
	while (now_ms() < end && (!ups[0] || !ups[1] || !ups[2] || !ups[3]))
		event_base_loop(base, EVLOOP_ONCE);
	puts("up");
	fflush(stdout);
	end = now_ms() + (uint64_t)(atof(argv[2]) * 1000);
	for (unsigned turn = 0; now_ms() < end; turn++) {
		attack();
		if (turn % 16 == 0 || attack == do_break)
			event_base_loop(base, EVLOOP_NONBLOCK);
		if (attack == do_frames) {
			struct timespec pause = {.tv_nsec = 1000000}; /* all are to be seen */
			nanosleep(&pause, NULL);
		}
	}
	printf("%llu %llu %llu %llu %u\n", (unsigned long long)sent[0], (unsigned long long)sent[1],
		(unsigned long long)sent[2], (unsigned long long)sent[3],
		ups[0] + ups[1] + ups[2] + ups[3]);
	for (unsigned id = 0; id < IDS; id++)
		lm_memif_free(links[id]);
	event_base_free(base);
	return 0;
}
