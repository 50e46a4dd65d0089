/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections and frames between our server and our client. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "memif_fixture.h"

struct pair {
	struct event_base *base;
	const char *path;
	struct lm_memif_listener *l;
	struct end srv, cli;
};

static void pair_open(struct pair *p, uint8_t server_log2, uint8_t client_log2, uint16_t buffer)
{
	struct lm_err err;

	memset(p, 0, sizeof(*p));
	p->base = event_base_new();
	p->path = socket_path();
	p->l = lm_memif_listen(p->base, p->path, geteuid(), (gid_t)-1, &err);
	ck_assert_msg(p->l != NULL, "%s", err.msg);
	struct lm_memif_conf conf = end_conf(&p->srv, 3, server_log2);
	p->srv.m = lm_memif_server_new(p->l, &conf, &err);
	ck_assert_ptr_nonnull(p->srv.m);
	conf = end_conf(&p->cli, 3, client_log2);
	conf.buffer_size = buffer;
	p->cli.m = lm_memif_client_new(p->base, p->path, &conf, &err);
	ck_assert_msg(p->cli.m != NULL, "%s", err.msg);
	pump_until(p->base, p->srv.ups == 1 && p->cli.ups == 1);
}

static void pair_close(struct pair *p)
{
	lm_memif_free(p->cli.m);
	lm_memif_free(p->srv.m);
	lm_memif_listener_free(p->l);
	event_base_free(p->base);
}

START_TEST(test_round_trip)
{
	static const uint16_t lens[] = {
		1, 3, 4, 7, 8, 15, 16, 17, 33, 49, 60, 63, 64, 65, 100, 127, 128, 129, 1514, 2048};
	struct pair p;
	struct lm_memif_stats st;

	pair_open(&p, 10, 10, 2048);
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		pass_frames(p.cli.m, p.srv.m, 100, lens[i]);
		pass_frames(p.srv.m, p.cli.m, 100, lens[i]);
	}
	pass_frames(p.cli.m, p.srv.m, 200000, 64); /* the 16-bit indices wrap */
	pass_frames(p.srv.m, p.cli.m, 200000, 64);
	lm_memif_stats(p.srv.m, &st);
	ck_assert_uint_eq(st.rx_pkts, 202000);
	ck_assert_uint_eq(st.tx_pkts, 202000);
	ck_assert_uint_eq(st.bad_desc + st.rx_too_long + st.tx_too_long, 0);
	pair_close(&p);
}
END_TEST

START_TEST(test_ring_sizes)
{
	for (uint8_t log2 = 1; log2 <= 13; log2 += 3) {
		struct pair p;
		pair_open(&p, 13, log2, 512);
		pass_frames(p.cli.m, p.srv.m, 5000, 64);
		pass_frames(p.srv.m, p.cli.m, 5000, 64);
		pair_close(&p);
	}
	struct pair p; /* the server's limit wins */
	pair_open(&p, 4, 10, 512);
	pass_frames(p.cli.m, p.srv.m, 5000, 64);
	pass_frames(p.srv.m, p.cli.m, 5000, 64);
	pair_close(&p);
}
END_TEST

START_TEST(test_full_ring_and_long_frames)
{
	static uint8_t big[4096];
	struct pair p;
	struct lm_memif_stats st;
	struct lm_memif_frame f[20];

	pair_open(&p, 4, 4, 2048);
	for (int dir = 0; dir < 2; dir++) {
		struct lm_memif *a = dir == 0 ? p.cli.m : p.srv.m;
		struct lm_memif *b = dir == 0 ? p.srv.m : p.cli.m;
		for (int i = 0; i < 20; i++)
			f[i] = (struct lm_memif_frame){.data = big, .len = i == 5 ? 4000 : 100};
		ck_assert_uint_eq(lm_memif_tx(a, f, 20), 17); /* 16 in the ring, one too long */
		ck_assert_uint_eq(lm_memif_tx(a, f, 1), 0);
		lm_memif_stats(a, &st);
		ck_assert_uint_eq(st.tx_too_long, 1);
		ck_assert_uint_eq(st.tx_ring_full, 4);
		ck_assert_uint_eq(st.tx_pkts, 16);
		for (int i = 0; i < 20; i++)
			f[i] = (struct lm_memif_frame){.data = big, .len = i == 0 ? 99 : 100};
		ck_assert_uint_eq(
			lm_memif_rx(b, f, 20), 0); /* the first has no room: all go by it */
		lm_memif_stats(b, &st);
		ck_assert_uint_eq(st.rx_too_long, 16);
		pass_frames(a, b, 1000, 200);
	}
	pair_close(&p);
}
END_TEST

START_TEST(test_client_waits_for_server)
{
	struct event_base *base = event_base_new();
	const char *path = socket_path();
	struct end srv = {0}, cli = {0};
	struct lm_err err;

	struct lm_memif_conf conf = end_conf(&cli, 0, 10);
	cli.m = lm_memif_client_new(base, path, &conf, &err);
	ck_assert_ptr_nonnull(cli.m);
	pump_ms(base, 150);
	ck_assert(!lm_memif_is_up(cli.m));
	for (unsigned round = 1; round <= 3; round++) { /* the server comes, goes, comes */
		struct lm_memif_listener *l =
			lm_memif_listen(base, path, (uid_t)-1, (gid_t)-1, &err);
		ck_assert_msg(l != NULL, "%s", err.msg);
		conf = end_conf(&srv, 0, 10);
		srv.m = lm_memif_server_new(l, &conf, &err);
		pump_until(base, srv.ups == round && cli.ups == round);
		pass_frames(cli.m, srv.m, 3000, 64);
		pass_frames(srv.m, cli.m, 3000, 64);
		lm_memif_free(srv.m);
		lm_memif_listener_free(l);
		pump_until(base, cli.downs == round);
		ck_assert(!lm_memif_is_up(cli.m));
	}
	lm_memif_free(cli.m);
	event_base_free(base);
}
END_TEST

START_TEST(test_client_restarts)
{
	struct pair p;
	struct lm_err err;

	pair_open(&p, 10, 10, 2048);
	for (unsigned round = 1; round <= 3; round++) {
		pass_frames(p.cli.m, p.srv.m, 1000, 64);
		lm_memif_free(p.cli.m);
		pump_until(p.base, p.srv.downs == round);
		struct lm_memif_conf conf = end_conf(&p.cli, 3, 10);
		p.cli.m = lm_memif_client_new(p.base, p.path, &conf, &err);
		pump_until(p.base, p.srv.ups == round + 1 && lm_memif_is_up(p.cli.m));
	}
	pass_frames(p.srv.m, p.cli.m, 1000, 64);
	pair_close(&p);
}
END_TEST

/* Memory stays mapped, and the interface closed to others, until the datapath has let go. */
START_TEST(test_quiesce)
{
	struct pair p;
	struct lm_err err;

	pair_open(&p, 10, 10, 2048);
	p.srv.hold = true;
	int fd = lm_memif_rx_fd(p.srv.m);
	ck_assert_int_ge(fd, 0);
	lm_memif_free(p.cli.m);
	pump_until(p.base, p.srv.downs == 1);
	ck_assert_str_eq(p.srv.why, "client disconnected");
	ck_assert_int_eq(lm_memif_rx_fd(p.srv.m), fd);
	struct lm_memif_conf conf = end_conf(&p.cli, 3, 10);
	p.cli.m = lm_memif_client_new(p.base, p.path, &conf, &err);
	pump_ms(p.base, 250);
	ck_assert(!lm_memif_is_up(p.cli.m));
	lm_memif_quiesced(p.srv.m);
	ck_assert_int_eq(lm_memif_rx_fd(p.srv.m), -1);
	pump_until(p.base, lm_memif_is_up(p.srv.m) && lm_memif_is_up(p.cli.m));
	p.srv.hold = false;
	pair_close(&p);
}
END_TEST

START_TEST(test_second_client_is_refused)
{
	struct pair p;
	struct lm_err err;
	struct end second = {0}, stranger = {0};

	pair_open(&p, 10, 10, 2048);
	struct lm_memif_conf conf = end_conf(&second, 3, 10);
	second.m = lm_memif_client_new(p.base, p.path, &conf, &err);
	conf = end_conf(&stranger, 4, 10); /* no such id */
	stranger.m = lm_memif_client_new(p.base, p.path, &conf, &err);
	pump_ms(p.base, 250);
	ck_assert_uint_eq(second.ups + stranger.ups + p.srv.downs, 0);
	pass_frames(p.cli.m, p.srv.m, 1000, 64);
	lm_memif_free(p.cli.m);
	pump_until(p.base, second.ups == 1); /* it takes over */
	p.cli.m = second.m;
	lm_memif_free(stranger.m);
	pass_frames(p.srv.m, p.cli.m, 1000, 64);
	pair_close(&p);
}
END_TEST

START_TEST(test_conf_errors)
{
	struct event_base *base = event_base_new();
	struct lm_err err;
	struct end e = {0};
	char path[128];
	struct stat st;

	struct lm_memif_conf conf = end_conf(&e, 0, 15);
	ck_assert_ptr_null(lm_memif_client_new(base, "/tmp/x", &conf, &err));
	ck_assert_int_eq(err.code, EINVAL);
	conf = end_conf(&e, 0, 14);
	conf.buffer_size = 9216;
	ck_assert_ptr_null(lm_memif_client_new(base, "/tmp/x", &conf, &err));
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	conf = end_conf(&e, 0, 10);
	ck_assert_ptr_null(lm_memif_client_new(base, path, &conf, &err));
	ck_assert_int_eq(err.code, ENAMETOOLONG);
	ck_assert_ptr_null(lm_memif_listen(base, path, (uid_t)-1, (gid_t)-1, &err));

	const char *good = socket_path();
	struct lm_memif_listener *l = lm_memif_listen(base, good, (uid_t)-1, (gid_t)-1, &err);
	ck_assert_ptr_nonnull(l);
	ck_assert_int_eq(stat(good, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_ptr_null(lm_memif_listen(base, good, (uid_t)-1, (gid_t)-1, &err));
	ck_assert_int_eq(err.code, EADDRINUSE);
	struct lm_memif *m = lm_memif_server_new(l, &conf, &err);
	ck_assert_ptr_null(lm_memif_server_new(l, &conf, &err));
	ck_assert_int_eq(err.code, EEXIST);
	lm_memif_free(m);
	lm_memif_listener_free(l);
	ck_assert_int_ne(stat(good, &st), 0);
	event_base_free(base);
}
END_TEST

/* Only the uid that the listener names is taken. */
START_TEST(test_peer_uid)
{
	struct event_base *base = event_base_new();
	const char *path = socket_path();
	struct end srv = {0}, cli = {0};
	struct lm_err err;

	struct lm_memif_listener *l =
		lm_memif_listen(base, path, geteuid() == 0 ? 12345 : geteuid(), (gid_t)-1, &err);
	ck_assert_msg(l != NULL, "%s", err.msg);
	struct lm_memif_conf conf = end_conf(&srv, 0, 10);
	srv.m = lm_memif_server_new(l, &conf, &err);
	conf = end_conf(&cli, 0, 10);
	cli.m = lm_memif_client_new(base, path, &conf, &err);
	pump_ms(base, 250);
	ck_assert_uint_eq(srv.ups, geteuid() == 0 ? 0 : 1);
	lm_memif_free(cli.m);
	lm_memif_free(srv.m);
	lm_memif_listener_free(l);
	event_base_free(base);
}
END_TEST

static void cases(TCase *tc)
{
	tcase_add_test(tc, test_round_trip);
	tcase_add_test(tc, test_ring_sizes);
	tcase_add_test(tc, test_full_ring_and_long_frames);
	tcase_add_test(tc, test_client_waits_for_server);
	tcase_add_test(tc, test_client_restarts);
	tcase_add_test(tc, test_quiesce);
	tcase_add_test(tc, test_second_client_is_refused);
	tcase_add_test(tc, test_conf_errors);
	tcase_add_test(tc, test_peer_uid);
}

MEMIF_TEST_MAIN("memif_link", cases)
