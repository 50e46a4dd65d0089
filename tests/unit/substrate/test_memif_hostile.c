/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client that breaks the rules of the control protocol: it alone goes down, with the rule named,
 * and another interface of the same server passes frames before and after.
 */
#include <netinet/in.h>
#include <pthread.h>

#include "memif_hostile.h"

static void check_refused(struct hostile *h, uint16_t answer, const char *rule)
{
	ck_assert_uint_eq(answer, MEMIF_MSG_DISCONNECT);
	ck_assert_str_eq(h->last.disconnect.reason, rule);
	ck_assert_uint_eq(h_answer(h), 0);
	ck_assert_uint_eq(victim.ups, victim.downs);
	check_unharmed(h);
}

/* --- messages --- */

START_TEST(test_wrong_version)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	ck_assert_uint_eq(h_answer(&h), MEMIF_MSG_HELLO);
	memif_msg_init(&msg, "x", 1);
	msg.init.version = 0x0100;
	check_refused(&h, h_send(&h, &msg, -1), "memif version is not 2.0");
}
END_TEST

START_TEST(test_wrong_id)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	ck_assert_uint_eq(h_answer(&h), MEMIF_MSG_HELLO);
	memif_msg_init(&msg, "x", 0x10001); /* id 1 in its lower half */
	check_refused(&h, h_send(&h, &msg, -1), "no interface has this id");
}
END_TEST

START_TEST(test_taken_id)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	ck_assert_uint_eq(h_answer(&h), MEMIF_MSG_HELLO);
	memif_msg_init(&msg, "x", 2);
	check_refused(&h, h_send(&h, &msg, -1), "interface is already connected");
}
END_TEST

START_TEST(test_no_init)
{
	struct hostile h;

	h_connect(&h, base, path);
	ck_assert_uint_eq(h_answer(&h), MEMIF_MSG_HELLO);
	check_refused(&h, h_finish(&h), "INIT comes first");
}
END_TEST

START_TEST(test_init_twice)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	h_init(&h, 1);
	memif_msg_init(&msg, "x", 1);
	check_refused(&h, h_send(&h, &msg, -1), "INIT comes once");
}
END_TEST

START_TEST(test_message_lengths)
{
	static const size_t lens[] = {1, 2, 64, 127, 129, 4000};
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct hostile h;
		uint8_t buf[4000] = {MEMIF_MSG_INIT};
		h_connect(&h, base, path);
		ck_assert_uint_eq(h_answer(&h), MEMIF_MSG_HELLO);
		ck_assert_int_eq(send(h.sock, buf, lens[i], 0), (ssize_t)lens[i]);
		check_refused(&h, h_answer(&h), "message is not 128 octets");
	}
}
END_TEST

START_TEST(test_garbage_messages)
{
	srand(7);
	for (unsigned round = 0; round < 300; round++) {
		struct hostile h;
		struct memif_msg msg;
		uint8_t *octets = (uint8_t *)&msg;
		h_connect(&h, base, path);
		ck_assert_uint_eq(h_answer(&h), MEMIF_MSG_HELLO);
		if (round % 2 == 0) {
			memif_msg_init(&msg, "x", 1);
			ck_assert_uint_eq(h_send(&h, &msg, -1), MEMIF_MSG_ACK);
		}
		for (size_t i = 0; i < sizeof(msg); i++)
			octets[i] = (uint8_t)rand();
		msg.type = (uint16_t)(rand() % 11);
		int fd = rand() % 2 == 0 ? h.efd[0] : -1;
		ck_assert_int_eq(memif_msg_send(h.sock, &msg, fd), 0);
		close(h.sock);
		h.sock = -1;
		close(h.efd[0]);
		close(h.efd[1]);
		pump_until(base, open_fds() == fds_before);
	}
	pass_frames(good_cli.m, good_srv.m, 500, 64);
	ck_assert_uint_eq(good_srv.downs + victim.ups, 0);
}
END_TEST

/* Descriptors where none belongs, too many, or none where one belongs. */
START_TEST(test_descriptors_in_messages)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	ck_assert_uint_eq(h_answer(&h), MEMIF_MSG_HELLO);
	memif_msg_init(&msg, "x", 1);
	check_refused(&h, h_send(&h, &msg, h.efd[0]), "descriptor in a message that has none");

	h_connect(&h, base, path);
	h_init(&h, 1);
	memif_msg_add_region(&msg, 0, 4096);
	check_refused(&h, h_send(&h, &msg, -1), "descriptor is missing");

	for (unsigned count = 2; count <= 200; count += 99) {
		union {
			struct cmsghdr hdr;
			char room[CMSG_SPACE(253 * sizeof(int))];
		} ctl = {0};
		struct iovec iov = {&msg, sizeof(msg)};
		struct msghdr mh = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &ctl,
			.msg_controllen = CMSG_SPACE(count * sizeof(int))};
		h_connect(&h, base, path);
		h_init(&h, 1);
		memif_msg_add_region(&msg, 0, 4096);
		ctl.hdr.cmsg_len = CMSG_LEN(count * sizeof(int));
		ctl.hdr.cmsg_level = SOL_SOCKET;
		ctl.hdr.cmsg_type = SCM_RIGHTS;
		for (unsigned i = 0; i < count; i++)
			memcpy(CMSG_DATA(&ctl.hdr) + i * sizeof(int), &h.efd[0], sizeof(int));
		ck_assert_int_eq(sendmsg(h.sock, &mh, 0), (ssize_t)sizeof(msg));
		check_refused(&h, h_answer(&h), "more than one descriptor in a message");
	}
}
END_TEST

/* A TCP socket whose last close waits 30 s for a peer that does not read. */
static int lingering_socket(int *far)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger linger = {.l_onoff = 1, .l_linger = 30};
	static uint8_t data[65536];
	socklen_t len = sizeof(sa);
	int door = socket(AF_INET, SOCK_STREAM, 0), near = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(door, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(door, 1), 0);
	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&sa, &len), 0);
	ck_assert_int_eq(connect(near, (struct sockaddr *)&sa, sizeof(sa)), 0);
	*far = accept(door, NULL, NULL);
	close(door);
	while (send(near, data, sizeof(data), MSG_DONTWAIT) > 0)
		continue;
	ck_assert_int_eq(setsockopt(near, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	return near;
}

/* Descriptors that take long to close: the server serves others meanwhile. */
START_TEST(test_slow_closes)
{
	struct memif_msg msg;
	struct hostile h[3];
	int far[3];

	for (unsigned way = 0; way < 3; way++) {
		int slow = lingering_socket(&far[way]);

		h_connect(&h[way], base, path);
		ck_assert_uint_eq(h_answer(&h[way]), MEMIF_MSG_HELLO);
		memif_msg_init(&msg, "x", 1);
		if (way == 1) /* where one is wanted; else where none is */
			ck_assert_uint_eq(h_send(&h[way], &msg, -1), MEMIF_MSG_ACK);
		if (way == 1)
			memif_msg_add_region(&msg, 0, 4096);
		if (way == 2) /* behind a message that already ends it */
			ck_assert_int_eq(memif_msg_send(h[way].sock, &msg, h[way].efd[0]), 0);
		ck_assert_int_eq(memif_msg_send(h[way].sock, &msg, slow), 0);
		close(slow); /* from here on the server holds the last one */
		uint64_t start = now_ms();
		ck_assert_uint_eq(h_answer(&h[way]), MEMIF_MSG_DISCONNECT);
		ck_assert_uint_eq(h_answer(&h[way]), 0);
		pump_ms(base, 50);
		pass_frames(good_cli.m, good_srv.m, 500, 64);
		ck_assert_uint_lt(now_ms() - start, WAIT_MS);
	}
	for (unsigned way = 0; way < 3; way++) {
		struct linger reset = {.l_onoff = 1};
		setsockopt(far[way], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(far[way]); /* a reset ends the waiting */
		if (way < 2)
			h_close(&h[way]);
	}
	check_unharmed(&h[2]);
}
END_TEST

/* As the test before, but the listener goes while a close still waits. */
START_TEST(test_slow_close_outlives_listener)
{
	struct lm_memif_listener *other;
	struct hostile h;
	struct memif_msg msg;
	struct lm_err err;
	char where[80];
	uint64_t start = now_ms();
	int far, slow = lingering_socket(&far);

	snprintf(where, sizeof(where), "%s.other", path);
	other = lm_memif_listen(base, where, geteuid(), (gid_t)-1, &err);
	h_connect(&h, base, where);
	memif_msg_init(&msg, "x", 1);
	ck_assert_int_eq(memif_msg_send(h.sock, &msg, slow), 0); /* not even accepted */
	close(slow);
	lm_memif_listener_free(other);
	ck_assert_uint_lt(now_ms() - start, WAIT_MS);
	struct linger reset = {.l_onoff = 1};
	setsockopt(far, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(far);
	check_unharmed(&h);
}
END_TEST

struct pest {
	bool stop;
	unsigned rounds;
};

/* Offers 64 MiB, hangs up, and again. */
static void *offer_memory(void *arg)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct pest *p = arg;
	int mem = memfd_create("pest", MFD_ALLOW_SEALING);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (ftruncate(mem, 64 << 20) != 0 || fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
		return NULL;
	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		struct timeval limit = {.tv_usec = 100000};
		struct memif_msg msg;
		int s = socket(AF_UNIX, SOCK_SEQPACKET, 0);

		setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (connect(s, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
			memif_msg_init(&msg, "pest", 1);
			memif_msg_send(s, &msg, -1);
			memif_msg_add_region(&msg, 0, 64 << 20);
			memif_msg_send(s, &msg, mem);
			for (unsigned i = 0; i < 3; i++)
				if (recv(s, &msg, sizeof(msg), 0) <= 0)
					break;
			p->rounds++;
		}
		close(s);
	}
	close(mem);
	return NULL;
}

/* One sliver's peers get a share of the control thread, however much work they make. */
START_TEST(test_control_thread_is_shared)
{
	struct pest p = {0};
	struct timespec ts;
	pthread_t t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	int64_t before_ms = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	ck_assert_int_eq(pthread_create(&t, NULL, offer_memory, &p), 0);
	pump_ms(base, 3000);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	int64_t used_ms = ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - before_ms;
	__atomic_store_n(&p.stop, true, __ATOMIC_RELAXED);
	pump_ms(base, 500);
	pthread_join(t, NULL);
	/* 200 ms, 20 ms in each period of 100, one round over, and what is not charged */
	ck_assert_msg(used_ms < 1300, "%lld ms in 3 s, %u rounds", (long long)used_ms, p.rounds);
	ck_assert_uint_gt(p.rounds, 3);
	ck_assert_uint_eq(good_srv.downs, 0);
	pass_frames(good_cli.m, good_srv.m, 500, 64);
	pump_until(base, open_fds() == fds_before);
}
END_TEST

START_TEST(test_silent_peers_time_out)
{
	struct hostile h[3];
	uint64_t start = now_ms();

	for (unsigned i = 0; i < 3; i++)
		h_connect(&h[i], base, path);
	ck_assert_uint_eq(h_answer(&h[0]), MEMIF_MSG_HELLO);
	h_init(&h[1], 1); /* holds the id, then sleeps */
	ck_assert_uint_eq(h_answer(&h[0]), MEMIF_MSG_DISCONNECT);
	ck_assert_uint_ge(now_ms() - start, 1900);
	ck_assert_uint_eq(h_answer(&h[1]), MEMIF_MSG_DISCONNECT);
	h_close(&h[1]);
	h_close(&h[2]);
	check_refused(&h[0], h[0].last.type, "no interface was connected in 2 s");
}
END_TEST

START_TEST(test_half_open_is_bounded)
{
	int sock[200];
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	unsigned n = 0;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	for (unsigned i = 0; i < 200; i++) {
		sock[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		if (connect(sock[i], (struct sockaddr *)&sa, sizeof(sa)) == 0)
			n++;
		pump_ms(base, 2);
		ck_assert_uint_le(open_fds(), fds_before + (i + 1) + 64);
	}
	ck_assert_uint_gt(n, 64);
	pass_frames(good_cli.m, good_srv.m, 500, 64);
	for (unsigned i = 0; i < 200; i++)
		close(sock[i]);
	pump_until(base, open_fds() == fds_before);
}
END_TEST

/* --- memory --- */

static void refuse_memory(
	unsigned flags, off_t size, int seals, uint64_t announce, const char *rule)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, flags, size, seals);
	if (announce != 0)
		h.announce = announce;
	check_refused(&h, h_region(&h), rule);
}

START_TEST(test_memory_without_seal)
{
	refuse_memory(MFD_ALLOW_SEALING, H_SIZE, 0, 0, "region lacks F_SEAL_SHRINK");
	refuse_memory(0, H_SIZE, 0, 0, "region lacks F_SEAL_SHRINK");
	refuse_memory(MFD_ALLOW_SEALING, H_SIZE, F_SEAL_GROW, 0, "region lacks F_SEAL_SHRINK");
}
END_TEST

START_TEST(test_memory_too_short)
{
	refuse_memory(MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK, H_SIZE + 4096,
		"region is shorter than announced");
}
END_TEST

START_TEST(test_memory_sizes)
{
	refuse_memory(MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK, MEMIF_REGION_OCTETS + 1,
		"region is empty or over 64 MiB");
	refuse_memory(MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK, UINT64_MAX,
		"region is empty or over 64 MiB");
}
END_TEST

START_TEST(test_memory_write_sealed)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
	check_refused(&h, h_region(&h), "region cannot be mapped for reading and writing");
	refuse_memory(MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK | F_SEAL_SEAL, 0,
		"region cannot be sealed (F_SEAL_SEAL is set)");
}
END_TEST

START_TEST(test_memory_huge_pages)
{
	/* A huge page need not exist: the file is refused before anything is mapped. */
	struct hostile h;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h.mem = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);
	if (h.mem < 0) {
		fprintf(stderr, "no hugetlb in this kernel: not tried\n");
		h_close(&h);
		return;
	}
	ck_assert_int_eq(ftruncate(h.mem, 2 * 1024 * 1024), 0);
	ck_assert_int_eq(fcntl(h.mem, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	h.announce = 2 * 1024 * 1024;
	check_refused(&h, h_region(&h), "region is not on tmpfs (huge pages are refused)");
}
END_TEST

START_TEST(test_memory_other_files)
{
	static const char *const names[] = {
		"/dev/zero", "/dev/shm/lm-memif-test", "/tmp/lm-memif-test"};
	for (unsigned i = 0; i < 3; i++) {
		struct hostile h;
		h_connect(&h, base, path);
		h_init(&h, 1);
		h.mem = open(names[i], O_RDWR | O_CREAT, 0600);
		ck_assert_int_ge(h.mem, 0);
		if (i > 0) {
			ck_assert_int_eq(ftruncate(h.mem, H_SIZE), 0);
			unlink(names[i]);
		}
		h.announce = H_SIZE;
		uint16_t answer = h_region(&h);
		ck_assert_uint_eq(answer, MEMIF_MSG_DISCONNECT);
		check_refused(&h, answer, h.last.disconnect.reason);
	}
}
END_TEST

START_TEST(test_too_many_regions)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	for (uint16_t i = 0; i < 4; i++) {
		int mem = memfd_create("one of many", MFD_ALLOW_SEALING);
		ck_assert_int_eq(ftruncate(mem, 4096), 0);
		ck_assert_int_eq(fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK), 0);
		memif_msg_add_region(&msg, i, 4096);
		ck_assert_uint_eq(h_send(&h, &msg, mem), MEMIF_MSG_ACK);
		close(mem);
	}
	memif_msg_add_region(&msg, 4, 4096);
	check_refused(&h, h_send(&h, &msg, h.mem), "more than 4 regions");
}
END_TEST

START_TEST(test_regions_together)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h.mem = memfd_create("big", MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(h.mem, 33 << 20), 0);
	ck_assert_int_eq(fcntl(h.mem, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	memif_msg_add_region(&msg, 0, 32 << 20);
	ck_assert_uint_eq(h_send(&h, &msg, h.mem), MEMIF_MSG_ACK);
	memif_msg_add_region(&msg, 1, (32 << 20) + 1);
	check_refused(&h, h_send(&h, &msg, h.mem), "regions are over 64 MiB together");
}
END_TEST

START_TEST(test_region_order)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	memif_msg_add_region(&msg, 1, 4096);
	check_refused(&h, h_send(&h, &msg, h.mem), "regions are not numbered in order");
}
END_TEST

/* --- rings --- */

static void refuse_ring(
	uint16_t region, uint32_t offset, uint8_t log2, bool cookie, const char *rule)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	if (!cookie)
		h.c2s->cookie = 1;
	ck_assert_uint_eq(h_region(&h), MEMIF_MSG_ACK);
	memif_msg_add_ring(&msg, true, offset, log2);
	msg.add_ring.region = region;
	check_refused(&h, h_send(&h, &msg, h.efd[0]), rule);
}

START_TEST(test_ring_geometry)
{
	refuse_ring(1, 0, H_LOG2, true, "ring names a region that does not exist");
	refuse_ring(65535, 0, H_LOG2, true, "ring names a region that does not exist");
	refuse_ring(0, 8, H_LOG2, true, "ring is not aligned to 16 octets");
	refuse_ring(0, 0xfffffff0u, H_LOG2, true, "ring lies outside its region");
	refuse_ring(0, H_SIZE - H_RING + 16, H_LOG2, true, "ring lies outside its region");
	refuse_ring(0, 0, 14, true, "ring is larger than this interface takes");
	refuse_ring(0, 0, 15, true, "ring size is not 2^1 to 2^14");
	refuse_ring(0, 0, 0, true, "ring size is not 2^1 to 2^14");
	refuse_ring(0, 0, 255, true, "ring size is not 2^1 to 2^14");
	refuse_ring(0, 0, H_LOG2, false, "ring has no cookie");
}
END_TEST

START_TEST(test_ring_set)
{
	struct hostile h;
	struct memif_msg msg;

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	ck_assert_uint_eq(h_region(&h), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_ring(&h, true), MEMIF_MSG_ACK);
	check_refused(&h, h_finish(&h), "a ring is missing");

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	ck_assert_uint_eq(h_region(&h), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_ring(&h, true), MEMIF_MSG_ACK);
	check_refused(&h, h_ring(&h, true), "ring is given twice");

	h_connect(&h, base, path);
	h_init(&h, 1);
	h_memory(&h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	ck_assert_uint_eq(h_region(&h), MEMIF_MSG_ACK);
	memif_msg_add_ring(&msg, true, 0, H_LOG2);
	check_refused(&h, h_send(&h, &msg, h.mem), "interrupt descriptor is not an eventfd");
}
END_TEST

static void cases(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_wrong_version);
	tcase_add_test(tc, test_wrong_id);
	tcase_add_test(tc, test_taken_id);
	tcase_add_test(tc, test_no_init);
	tcase_add_test(tc, test_init_twice);
	tcase_add_test(tc, test_message_lengths);
	tcase_add_test(tc, test_garbage_messages);
	tcase_add_test(tc, test_descriptors_in_messages);
	tcase_add_test(tc, test_slow_closes);
	tcase_add_test(tc, test_slow_close_outlives_listener);
	tcase_add_test(tc, test_control_thread_is_shared);
	tcase_add_test(tc, test_silent_peers_time_out);
	tcase_add_test(tc, test_half_open_is_bounded);
	tcase_add_test(tc, test_memory_without_seal);
	tcase_add_test(tc, test_memory_too_short);
	tcase_add_test(tc, test_memory_sizes);
	tcase_add_test(tc, test_memory_write_sealed);
	tcase_add_test(tc, test_memory_huge_pages);
	tcase_add_test(tc, test_memory_other_files);
	tcase_add_test(tc, test_too_many_regions);
	tcase_add_test(tc, test_regions_together);
	tcase_add_test(tc, test_region_order);
	tcase_add_test(tc, test_ring_geometry);
	tcase_add_test(tc, test_ring_set);
}

MEMIF_TEST_MAIN("memif_hostile", cases)
