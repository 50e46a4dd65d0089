/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client that breaks the rules: it alone goes down, with the rule named, and another interface of
 * the same server passes frames before and after.
 */
#include <dirent.h>
#include <pthread.h>

#include "memif_hostile.h"
#include "substrate/memif_kick.h"

static struct event_base *base;
static const char *path;
static struct lm_memif_listener *l;
static struct end victim, good_srv, good_cli; /* id 1 is attacked, id 2 is the neighbour */
static unsigned fds_before;

static unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void setup(void)
{
	struct lm_err err;

	memset(&victim, 0, sizeof(victim));
	memset(&good_srv, 0, sizeof(good_srv));
	memset(&good_cli, 0, sizeof(good_cli));
	base = event_base_new();
	path = socket_path();
	l = lm_memif_listen(base, path, geteuid(), (gid_t)-1, &err);
	ck_assert_msg(l != NULL, "%s", err.msg);
	struct lm_memif_conf conf = end_conf(&victim, 1, 10);
	victim.m = lm_memif_server_new(l, &conf, &err);
	conf = end_conf(&good_srv, 2, 10);
	good_srv.m = lm_memif_server_new(l, &conf, &err);
	conf = end_conf(&good_cli, 2, 10);
	good_cli.m = lm_memif_client_new(base, path, &conf, &err);
	pump_until(base, good_srv.ups == 1 && good_cli.ups == 1);
	memif_kick(-1); /* makes this thread's kicker, which holds a descriptor */
	fds_before = open_fds();
}

static void teardown(void)
{
	lm_memif_free(good_cli.m);
	lm_memif_free(good_srv.m);
	lm_memif_free(victim.m);
	lm_memif_listener_free(l);
	event_base_free(base);
}

/* The attack is over: the neighbour never noticed, no descriptor was kept, and a client that keeps
 * the rules is served on the same id. */
static void check_unharmed(struct hostile *h)
{
	struct lm_err err;
	struct end cli = {0};

	h_close(h);
	pump_until(base, !lm_memif_is_up(victim.m) && open_fds() == fds_before);
	ck_assert_uint_eq(good_srv.downs + good_cli.downs, 0);
	pass_frames(good_cli.m, good_srv.m, 500, 64);
	pass_frames(good_srv.m, good_cli.m, 500, 64);
	struct lm_memif_conf conf = end_conf(&cli, 1, 10);
	cli.m = lm_memif_client_new(base, path, &conf, &err);
	pump_until(base, lm_memif_is_up(victim.m) && cli.ups == 1);
	pass_frames(cli.m, victim.m, 500, 64);
	lm_memif_free(cli.m);
	pump_until(base, !lm_memif_is_up(victim.m));
}

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
		memif_msg_add_region(&msg, i, 4096);
		ck_assert_uint_eq(h_send(&h, &msg, h.mem), MEMIF_MSG_ACK);
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

/* --- the datapath --- */

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

/* Pages that the peer takes away read as zero: nothing faults, and it shows as an empty ring or as
 * descriptors of nothing. */
START_TEST(test_hole_punched)
{
	struct hostile h;

	h_connect(&h, base, path);
	h_up(&h, 1);
	publish(&h.c2s->head, 4);
	ck_assert_int_eq(fallocate(h.mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, H_START,
				 H_SIZE - H_START),
		0);
	ck_assert_uint_eq(poll_victim(), 4); /* frames of zeros */
	ck_assert_int_eq(
		fallocate(h.mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, H_SIZE), 0);
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
	tcase_add_test(tc, test_wrong_version);
	tcase_add_test(tc, test_wrong_id);
	tcase_add_test(tc, test_taken_id);
	tcase_add_test(tc, test_no_init);
	tcase_add_test(tc, test_init_twice);
	tcase_add_test(tc, test_message_lengths);
	tcase_add_test(tc, test_garbage_messages);
	tcase_add_test(tc, test_descriptors_in_messages);
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
	tcase_add_test(tc, test_bad_descriptors_rx);
	tcase_add_test(tc, test_bad_descriptors_tx);
	tcase_add_test(tc, test_bad_indices);
	tcase_add_test(tc, test_overwritten_tail);
	tcase_add_test(tc, test_chains);
	tcase_add_test(tc, test_hole_punched);
	tcase_add_test(tc, test_no_shrinking_later);
	tcase_add_test(tc, test_messages_after_up);
	tcase_add_test(tc, test_blocking_eventfd);
	tcase_add_test(tc, test_racing_writer);
}

MEMIF_TEST_MAIN("memif_hostile", cases)
