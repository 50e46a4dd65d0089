/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connected client that breaks the rules of the rings: its interface goes down, with the rule
 * named, and another interface of the same server passes frames before and after.
 */
#include <errno.h>
#include <pthread.h>

#include "memif_hostile.h"

static uint16_t poll_victim(void)
{
	static uint8_t buf[LM_MEMIF_BURST_MAX][2048];
	struct lm_memif_frame f[LM_MEMIF_BURST_MAX];

	for (unsigned i = 0; i < LM_MEMIF_BURST_MAX; i++)
		f[i] = (struct lm_memif_frame){.data = buf[i], .len = sizeof(buf[i])};
	return lm_memif_rx(victim.m, f, LM_MEMIF_BURST_MAX);
}

static uint16_t send_victim(uint16_t n)
{
	static uint8_t buf[64];
	struct lm_memif_frame f[LM_MEMIF_BURST_MAX];

	for (unsigned i = 0; i < n; i++)
		f[i] = (struct lm_memif_frame){.data = buf, .len = sizeof(buf)};
	return lm_memif_tx(victim.m, f, n);
}

static void publish(uint16_t *index, uint16_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static void check_shut(struct hostile *h, const char *rule)
{
	struct lm_memif_stats before, st;

	ck_assert(!lm_memif_is_up(victim.m)); /* the datapath stops at once */
	ck_assert_uint_eq(poll_victim(), 0);
	ck_assert_uint_eq(send_victim(1), 0);
	lm_memif_stats(victim.m, &before);
	pump_until(base, victim.downs == victim.ups);
	ck_assert_str_eq(victim.why, rule);
	ck_assert_uint_eq(h_answer(h), MEMIF_MSG_DISCONNECT);
	ck_assert_str_eq(h->last.disconnect.reason, rule);
	lm_memif_stats(victim.m, &st);
	ck_assert_uint_eq(st.rx_pkts, before.rx_pkts);
	ck_assert_uint_eq(st.bad_desc, before.bad_desc);
	ck_assert_uint_gt(st.bad_desc, 0);
	check_unharmed(h);
}

static void bad_rx(uint64_t info, uint64_t where, const char *rule)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1);
	h.c2s->desc[2].info = info;
	h.c2s->desc[2].where = where;
	publish(&h.c2s->head, 5);
	ck_assert_uint_eq(poll_victim(), 2); /* what came before is still good */
	check_shut(&h, rule);
}

static const char outside[] = "descriptor points outside its region";
static const char no_region[] = "descriptor names a region that does not exist";

START_TEST(test_bad_descriptors_rx)
{
	bad_rx(memif_desc_info(0, 1, 64), H_START, no_region);
	bad_rx(memif_desc_info(0, 65535, 64), H_START, no_region);
	bad_rx(memif_desc_info(0, 0, 64), H_SIZE - 63, outside);
	bad_rx(memif_desc_info(0, 0, 64), 0xffffffff, outside);
	bad_rx(memif_desc_info(0, 0, 0xffffffff), H_START, outside);
	bad_rx(memif_desc_info(0, 0, 0xffffffff), 0xffffffff, outside);
	bad_rx(memif_desc_info(0, 0, H_SIZE + 1), 0, outside);
	bad_rx(memif_desc_info(2, 0, 64), H_START, "unknown flag of a descriptor");
	bad_rx(memif_desc_info(0x8001, 0, 64), H_START, "unknown flag of a descriptor");
}
END_TEST

static void bad_tx(uint64_t info, uint64_t where, const char *rule)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1);
	h.s2c->desc[2].info = info;
	h.s2c->desc[2].where = where;
	publish(&h.s2c->head, H_SLOTS);
	ck_assert_uint_eq(send_victim(5), 2);
	check_shut(&h, rule);
}

START_TEST(test_bad_descriptors_tx)
{
	bad_tx(memif_desc_info(0, 1, 2048), H_START, no_region);
	bad_tx(memif_desc_info(0, 0, 2048), H_SIZE - 2047, outside);
	bad_tx(memif_desc_info(0, 0, 0xffffffff), H_START, outside);
	bad_tx(memif_desc_info(0, 0, 64), 0xffffffff, outside);
}
END_TEST

START_TEST(test_bad_indices)
{
	static const char rule[] = "ring index is further ahead than the ring is long";
	static const uint16_t heads[] = {H_SLOTS + 1, 1000, 32768, 65535};

	for (unsigned i = 0; i < 4; i++) {
		struct hostile h;
		h_connect(&h, base, path);
		h_up(&h, 1);
		publish(&h.c2s->head, heads[i]);
		ck_assert_uint_eq(poll_victim(), 0);
		check_shut(&h, rule);

		h_connect(&h, base, path);
		h_up(&h, 1);
		publish(&h.s2c->head, heads[i]);
		ck_assert_uint_eq(send_victim(3), 0);
		check_shut(&h, rule);
	}
}
END_TEST

/* The server's own indices are its own: what the peer writes there changes nothing. */
START_TEST(test_overwritten_tail)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1);
	publish(&h.c2s->head, 3);
	ck_assert_uint_eq(poll_victim(), 3);
	publish(&h.c2s->tail, 0x7777);
	publish(&h.s2c->tail, 0x7777);
	publish(&h.c2s->head, 5);
	publish(&h.s2c->head, 4);
	ck_assert_uint_eq(poll_victim(), 2);
	ck_assert_uint_eq(send_victim(6), 4);
	ck_assert_uint_eq(h.c2s->tail, 5);
	ck_assert_uint_eq(h.s2c->tail, 4);
	check_unharmed(&h);
}
END_TEST

START_TEST(test_chains)
{
	static uint8_t buf[4][2048];
	struct lm_memif_frame f[4];
	struct lm_memif_stats st;
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1);
	for (unsigned i = 0; i < H_SLOTS; i++)
		memset(h.addr + H_START + (size_t)i * H_BUFFER, (int)('a' + i), 64);
	h.c2s->desc[1].info = memif_desc_info(MEMIF_DESC_F_NEXT, 0, 64); /* 1, 2 and 3: a frame */
	h.c2s->desc[2].info = memif_desc_info(MEMIF_DESC_F_NEXT, 0, 10);
	for (unsigned i = 0; i < 4; i++)
		f[i] = (struct lm_memif_frame){.data = buf[i], .len = 2048};
	publish(&h.c2s->head, 5);
	ck_assert_uint_eq(lm_memif_rx(victim.m, f, 4), 3);
	ck_assert_uint_eq(f[0].len, 64);
	ck_assert_uint_eq(f[1].len, 138);
	ck_assert_int_eq(buf[1][63], 'b');
	ck_assert_int_eq(buf[1][64], 'c');
	ck_assert_int_eq(buf[1][74], 'd');
	ck_assert_uint_eq(f[2].len, 64);
	ck_assert_int_eq(buf[2][0], 'e');
	/* a chain that is too long for the caller is dropped as one frame */
	h.c2s->desc[5].info = memif_desc_info(MEMIF_DESC_F_NEXT, 0, 64);
	f[0].len = 100;
	f[1].len = 100;
	publish(&h.c2s->head, 8);
	ck_assert_uint_eq(lm_memif_rx(victim.m, f, 2), 1);
	ck_assert_int_eq(buf[0][0], 'a' + 7);
	lm_memif_stats(victim.m, &st);
	ck_assert_uint_eq(st.rx_too_long, 1);
	/* and one that never ends shuts the interface */
	for (unsigned i = 0; i < H_SLOTS; i++)
		h.c2s->desc[i].info = memif_desc_info(MEMIF_DESC_F_NEXT, 0, 64);
	publish(&h.c2s->head, 8 + H_SLOTS);
	ck_assert_uint_eq(poll_victim(), 0);
	check_shut(&h, "frame's last descriptor is missing");
}
END_TEST

/* A call looks at no more frames than it was asked for, whatever becomes of them: a peer that sends
 * only what is dropped, and goes on while it is, cannot keep the caller inside. */
START_TEST(test_dropped_frames_are_bounded)
{
	static uint8_t buf[4][32];
	struct lm_memif_frame f[4];
	struct lm_memif_stats st;
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1); /* descriptors of 64 octets */
	for (unsigned i = 0; i < 4; i++)
		f[i] = (struct lm_memif_frame){.data = buf[i], .len = sizeof(buf[i])};
	publish(&h.c2s->head, H_SLOTS);
	ck_assert_uint_eq(lm_memif_rx(victim.m, f, 4), 0);
	lm_memif_stats(victim.m, &st);
	ck_assert_uint_eq(st.rx_too_long, 4);
	ck_assert_uint_eq(h.c2s->tail, 4);
	/* chains of two, each too long, between frames that are taken */
	for (unsigned i = 4; i < H_SLOTS; i += 3) {
		h.c2s->desc[i].info = memif_desc_info(MEMIF_DESC_F_NEXT, 0, 30);
		h.c2s->desc[i + 1].info = memif_desc_info(0, 0, 30);
		h.c2s->desc[i + 2].info = memif_desc_info(0, 0, 30);
	}
	ck_assert_uint_eq(lm_memif_rx(victim.m, f, 4), 2);
	lm_memif_stats(victim.m, &st);
	ck_assert_uint_eq(st.rx_too_long, 6);
	ck_assert_uint_eq(h.c2s->tail, 10);
	check_unharmed(&h);
}
END_TEST

/* A hole that was made before reads as zeros: an empty ring, or descriptors of nothing. Later ones
 * are refused to the peer, since faults would wait while it makes them. */
START_TEST(test_hole_punched)
{
	const int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct hostile h;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	ck_assert_int_eq(fallocate(h.mem, hole, H_START, H_SIZE - H_START), 0);
	ck_assert_uint_eq(h_region(&h), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_ring(&h, true), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_ring(&h, false), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_finish(&h), MEMIF_MSG_CONNECTED);
	publish(&h.c2s->head, 4);
	ck_assert_uint_eq(poll_victim(), 4); /* frames of zeros */
	ck_assert_int_eq(fallocate(h.mem, hole, H_START, H_SIZE - H_START), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(madvise(h.addr, 4096, MADV_REMOVE), -1);
	publish(&h.c2s->head, 8);
	ck_assert_uint_eq(poll_victim(), 4);
	memset(h.addr, 0, H_START); /* as if */
	/* head is 0 again, behind what the server took: that breaks the index rule */
	ck_assert_uint_eq(poll_victim(), 0);
	check_shut(&h, "ring index is further ahead than the ring is long");
}
END_TEST

START_TEST(test_no_shrinking_later)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1);
	ck_assert_int_eq(ftruncate(h.mem, 4096), -1);
	ck_assert_int_eq(ftruncate(h.mem, 2 * H_SIZE), 0); /* growing harms nobody */
	publish(&h.c2s->head, 4);
	ck_assert_uint_eq(poll_victim(), 4);
	h_close(&h);
	pump_until(base, victim.downs == 1);
	ck_assert_str_eq(victim.why, "peer is gone");
}
END_TEST

START_TEST(test_messages_after_up)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1);
	ck_assert_uint_eq(h_region(&h), MEMIF_MSG_DISCONNECT);
	ck_assert_str_eq(h.last.disconnect.reason, "interface is already up");
	pump_until(base, victim.downs == 1);
	check_unharmed(&h);
}
END_TEST

/* A peer may make its eventfds blocking, and full: the server neither waits to signal nor to drain.
 */
START_TEST(test_blocking_eventfd)
{
	struct hostile h;
	uint64_t most = UINT64_MAX - 1;

	h_connect(&h, base, path);
	h_up(&h, 1);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(fcntl(h.efd[i], F_SETFL, 0), 0);
	ck_assert_int_eq(write(h.efd[1], &most, sizeof(most)), (ssize_t)sizeof(most));
	h.s2c->flags = 0; /* wants interrupts */
	publish(&h.s2c->head, H_SLOTS);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_eq(send_victim(1), 1);
		ck_assert(!lm_memif_rx_arm(victim.m));
		lm_memif_rx_disarm(victim.m); /* nothing to drain: a read would wait */
	}
	check_unharmed(&h);
}
END_TEST

/* Rings rewritten while the server works on them: whatever it sees, it keeps to the region. */
struct scribbler {
	struct hostile *h;
	bool stop;
	unsigned seed;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	struct hostile *h = s->h;
	uint16_t head = 0;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		struct memif_ring *r = rand_r(&s->seed) % 2 == 0 ? h->c2s : h->s2c;
		unsigned i = (unsigned)rand_r(&s->seed) % H_SLOTS;
		uint32_t len = (uint32_t)rand_r(&s->seed) % 3000;
		uint32_t where = (uint32_t)rand_r(&s->seed) % (H_SIZE - 3000);
		__atomic_store_n(&r->desc[i].where, where, __ATOMIC_RELAXED);
		__atomic_store_n(&r->desc[i].info,
			memif_desc_info(rand_r(&s->seed) % 8 == 0, 0, len), __ATOMIC_RELAXED);
		if (rand_r(&s->seed) % 64 == 0) {
			head = __atomic_load_n(&r->tail, __ATOMIC_RELAXED) + H_SLOTS / 2;
			publish(&r->head, head);
		}
	}
	return NULL;
}

START_TEST(test_racing_writer)
{
	struct hostile h;
	unsigned rounds = 0;

	for (unsigned seed = 1; seed <= 20; seed++) {
		h_connect(&h, base, path);
		h_up(&h, 1);
		struct scribbler s = {.h = &h, .seed = seed};
		pthread_t t;
		ck_assert_int_eq(pthread_create(&t, NULL, scribble, &s), 0);
		uint64_t end = now_ms() + 50;
		while (now_ms() < end && lm_memif_is_up(victim.m)) {
			poll_victim();
			send_victim(8);
			rounds++;
		}
		__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
		pthread_join(t, NULL);
		h_close(&h);
		pump_until(base, victim.downs == seed);
	}
	ck_assert_uint_gt(rounds, 0);
	pass_frames(good_cli.m, good_srv.m, 500, 64);
}
END_TEST

static void cases(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_bad_descriptors_rx);
	tcase_add_test(tc, test_bad_descriptors_tx);
	tcase_add_test(tc, test_bad_indices);
	tcase_add_test(tc, test_overwritten_tail);
	tcase_add_test(tc, test_chains);
	tcase_add_test(tc, test_dropped_frames_are_bounded);
	tcase_add_test(tc, test_hole_punched);
	tcase_add_test(tc, test_no_shrinking_later);
	tcase_add_test(tc, test_messages_after_up);
	tcase_add_test(tc, test_blocking_eventfd);
	tcase_add_test(tc, test_racing_writer);
}

MEMIF_TEST_MAIN("memif_hostile_rings", cases)
