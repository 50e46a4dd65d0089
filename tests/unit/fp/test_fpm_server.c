/* SPDX-License-Identifier: BSD-3-Clause */
/* The listener with real sockets on loopback, and the rule of when to sweep with a clock of its
 * own. */
#include "fp/fpm_server.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>

#include "fp/fpm_sync.h"
#include "mp/log.h"
#include "tests/unit/fp/fpm_build.h"

#define HOLD_MS	  600
#define SETTLE_MS 50

static struct event_base *base;
static struct lm_fpm_server *server;
static struct fpm_build b;
static unsigned int replaced, removed;

static int count_replace(void *ctx, const struct lm_route *route)
{
	(void)ctx;
	(void)route;
	replaced++;
	return 0;
}

static int count_remove(void *ctx, const struct lm_prefix *prefix)
{
	(void)ctx;
	(void)prefix;
	removed++;
	return 0;
}

static const struct lm_route_sink sink = {.replace = count_replace, .remove = count_remove};

static void setup(void)
{
	struct lm_fpm_conf conf = {
		.hold_ms = HOLD_MS, .settle_ms = SETTLE_MS, .queue_max_bytes = 256 * 1024};
	struct lm_err err = {0};

	b = (struct fpm_build){0};
	replaced = removed = 0;
	base = event_base_new();
	server = lm_fpm_server_new(base, "127.0.0.1", 0, &sink, &conf, &err);
	ck_assert_msg(server != NULL, "%s", err.msg);
}

static void teardown(void)
{
	lm_fpm_server_free(server);
	event_base_free(base);
	free(b.data);
}

static int connect_zebra(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons(lm_fpm_server_port(server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static struct lm_fpm_status status(void)
{
	struct lm_fpm_status s;

	lm_fpm_server_status(server, &s);
	return s;
}

/* Run the loop for `ms`. */
static void run_ms(int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* Run the loop until the condition holds, or fail after 10 s. */
#define RUN_UNTIL(cond)                                                  \
	do {                                                             \
		for (int tries = 0; !(cond); tries++) {                  \
			ck_assert_msg(tries < 2000, "never: %s", #cond); \
			run_ms(5);                                       \
		}                                                        \
	} while (0)

/* Send all that was built, turning the loop whenever the socket is full. */
static void send_built(int fd)
{
	size_t at = 0;

	while (at < b.len) {
		ssize_t n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);

		if (n > 0) {
			at += (size_t)n;
			continue;
		}
		ck_assert(errno == EAGAIN);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	b.len = 0;
}

static void build_routes(unsigned int from, unsigned int to)
{
	struct lm_nexthop nh = fpm_build_hop("10.0.0.2", 3);
	char prefix[32];

	for (unsigned int i = from; i < to; i++) {
		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i >> 8, i & 255);
		fpm_build_frame(&b, prefix, false, &nh, 1, 0);
	}
}

static void build_sentinel(void)
{
	fpm_build_frame(&b, FPM_BUILD_SENTINEL, false, NULL, 0, 0);
}

START_TEST(routes_arrive)
{
	int fd = connect_zebra();

	RUN_UNTIL(status().connected);
	ck_assert_uint_eq(status().epoch, 1);
	ck_assert(!status().synced);
	build_routes(0, 5000);
	build_sentinel();
	send_built(fd);
	RUN_UNTIL(status().synced);
	ck_assert_uint_eq(status().routes, 5000);
	ck_assert_uint_eq(replaced, 5000);
	close(fd);
	RUN_UNTIL(!status().connected);
	ck_assert(!status().synced);
	ck_assert_uint_eq(status().routes, 5000);
	ck_assert_uint_eq(removed, 0);
}
END_TEST

/* A zebra that has been known for the hold time: its replay's sentinel sweeps at once. */
START_TEST(reconnect_of_the_same_zebra)
{
	int fd = connect_zebra();

	build_routes(0, 100);
	build_sentinel();
	send_built(fd);
	RUN_UNTIL(status().synced);
	run_ms(HOLD_MS + 100);
	close(fd);
	RUN_UNTIL(!status().connected);
	fd = connect_zebra();
	RUN_UNTIL(status().epoch == 2);
	ck_assert_uint_eq(status().stale, 100);
	build_routes(20, 100);
	build_sentinel();
	send_built(fd);
	RUN_UNTIL(status().synced);
	ck_assert_uint_eq(status().swept, 0); /* it settles first */
	RUN_UNTIL(status().swept == 20);
	ck_assert_uint_eq(status().routes, 80);
	ck_assert_uint_eq(status().stale, 0);
	ck_assert_uint_eq(replaced, 100);
	ck_assert_uint_eq(removed, 20);
	close(fd);
}
END_TEST

/* A zebra that started anew: the sentinel alone sweeps nothing, the hold time does. */
START_TEST(a_restarted_zebra_gets_the_hold_time)
{
	int fd = connect_zebra();

	build_routes(0, 100);
	build_sentinel();
	send_built(fd);
	RUN_UNTIL(status().synced);
	run_ms(HOLD_MS + 100);
	close(fd);
	RUN_UNTIL(!status().connected);
	b.sender = 0xdeadbeef;
	fd = connect_zebra();
	build_routes(0, 1);
	build_sentinel();
	send_built(fd);
	RUN_UNTIL(status().epoch == 2 && status().synced);
	run_ms(HOLD_MS / 2);
	ck_assert_uint_eq(status().stale, 99);
	build_routes(1, 90); /* the protocols speak late */
	send_built(fd);
	RUN_UNTIL(status().stale == 10);
	ck_assert_uint_eq(removed, 0);
	RUN_UNTIL(status().stale == 0);
	ck_assert_uint_eq(removed, 10);
	close(fd);
}
END_TEST

START_TEST(no_sentinel_at_all)
{
	int fd = connect_zebra();

	build_routes(0, 10);
	send_built(fd);
	RUN_UNTIL(status().routes == 10);
	ck_assert(!status().synced);
	RUN_UNTIL(status().synced);
	/* zebra dies before the hold time of the next connection is over: nothing is lost */
	close(fd);
	RUN_UNTIL(!status().connected);
	fd = connect_zebra();
	RUN_UNTIL(status().epoch == 2);
	close(fd);
	RUN_UNTIL(!status().connected);
	run_ms(HOLD_MS + 100);
	ck_assert_uint_eq(status().routes, 10);
	ck_assert_uint_eq(removed, 0);
}
END_TEST

START_TEST(the_newer_connection_wins)
{
	int old = connect_zebra(), fd;
	char octet;

	build_routes(0, 1);
	send_built(old);
	RUN_UNTIL(status().routes == 1);
	fd = connect_zebra();
	RUN_UNTIL(status().epoch == 2);
	ck_assert(status().connected);
	ck_assert_int_eq(recv(old, &octet, 1, 0), 0); /* it was closed */
	build_routes(1, 3);
	send_built(fd);
	RUN_UNTIL(status().routes == 3);
	close(old);
	close(fd);
}
END_TEST

START_TEST(garbage_resets_and_keeps)
{
	int fd = connect_zebra();
	char octet;

	build_routes(0, 10);
	fpm_build_append(&b, "GET / HTTP/1.1\r\n\r\n", 18);
	build_routes(10, 20);
	send_built(fd);
	RUN_UNTIL(status().errors == 1);
	ck_assert(!status().connected);
	ck_assert_int_le(recv(fd, &octet, 1, 0), 0);
	ck_assert_uint_eq(status().routes, 10);
	close(fd);
	fd = connect_zebra();
	build_routes(0, 20);
	send_built(fd);
	RUN_UNTIL(status().routes == 20);
	ck_assert_uint_eq(removed, 0);
	close(fd);
}
END_TEST

START_TEST(half_a_frame_and_a_reconnect)
{
	int fd = connect_zebra();

	build_routes(0, 2);
	b.len -= 10;
	send_built(fd);
	RUN_UNTIL(status().routes == 1);
	close(fd);
	RUN_UNTIL(!status().connected);
	fd = connect_zebra();
	b.len = 0;
	build_routes(0, 2);
	send_built(fd);
	RUN_UNTIL(status().routes == 2);
	ck_assert_uint_eq(status().errors, 0);
	close(fd);
}
END_TEST

/* More than the queue holds in one go, over a sink that is slower than the sender. */
START_TEST(a_long_stream_through_a_small_queue)
{
	int fd = connect_zebra();

	build_routes(0, 60000);
	build_sentinel();
	ck_assert_uint_gt(b.len, 3000000);
	send_built(fd);
	close(fd);
	RUN_UNTIL(!status().connected);
	RUN_UNTIL(status().routes == 60000);
	ck_assert_uint_eq(status().errors, 0);
}
END_TEST

START_TEST(seeds_stay_until_the_sweep)
{
	struct lm_route route = {.type = LM_ROUTE_UNICAST, .protocol = 196, .n_nexthops = 1};
	int fd;

	route.nexthops[0] = fpm_build_hop("10.0.0.2", 3);
	for (unsigned int i = 0; i < 10; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.0.%u.0/24", i);
		route.prefix = fpm_build_prefix(prefix);
		ck_assert_int_eq(lm_fpm_server_seed(server, &route), 0);
	}
	route.prefix = fpm_build_prefix(FPM_BUILD_SENTINEL);
	ck_assert_int_eq(lm_fpm_server_seed(server, &route), 0);
	ck_assert_uint_eq(status().routes, 10);
	fd = connect_zebra();
	build_routes(0, 8);
	build_sentinel();
	send_built(fd);
	RUN_UNTIL(status().synced);
	ck_assert_uint_eq(status().stale, 2);
	ck_assert_uint_eq(replaced, 10);
	RUN_UNTIL(status().routes == 8);
	close(fd);
}
END_TEST

START_TEST(bad_addresses)
{
	struct lm_err err = {0};

	ck_assert_ptr_null(lm_fpm_server_new(base, "localhost", 0, &sink, NULL, &err));
	ck_assert_str_eq(err.msg, "FPM address 'localhost' is not an IP address");
	ck_assert_ptr_null(lm_fpm_server_new(
		base, "127.0.0.1", lm_fpm_server_port(server), &sink, NULL, &err));
	ck_assert_int_eq(err.code, EADDRINUSE);
}
END_TEST

START_TEST(when_to_sweep)
{
	struct fpm_sync s = {.hold_ms = 60000, .settle_ms = 1000};

	ck_assert_int_eq(fpm_sync_due_ms(&s), FPM_SYNC_NEVER);
	fpm_sync_connected(&s, 1000);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 61000);
	fpm_sync_message(&s, 77);
	fpm_sync_sentinel(&s, 2000); /* a zebra not known for long: the hold time stands */
	ck_assert_int_eq(fpm_sync_due_ms(&s), 61000);
	fpm_sync_swept(&s);
	ck_assert_int_eq(fpm_sync_due_ms(&s), FPM_SYNC_NEVER);

	/* the same zebra, long known: settled after the sentinel and the last refresh */
	fpm_sync_disconnected(&s);
	fpm_sync_connected(&s, 100000);
	fpm_sync_message(&s, 77);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 160000);
	fpm_sync_sentinel(&s, 101000);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 102000);
	fpm_sync_refreshed(&s, 101700);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 102700);

	/* another zebra; its connection bounces 10 s later: the time runs from the first */
	fpm_sync_connected(&s, 200000);
	fpm_sync_message(&s, 78);
	fpm_sync_sentinel(&s, 200100);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 260000);
	fpm_sync_connected(&s, 210000);
	fpm_sync_message(&s, 78);
	fpm_sync_sentinel(&s, 210100);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 260000);
	/* routes still trickle in at the end of it */
	fpm_sync_refreshed(&s, 259900);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 260900);

	/* one that does not name itself is new every time */
	fpm_sync_connected(&s, 300000);
	fpm_sync_message(&s, 0);
	fpm_sync_connected(&s, 400000);
	fpm_sync_message(&s, 0);
	fpm_sync_sentinel(&s, 400000);
	ck_assert_int_eq(fpm_sync_due_ms(&s), 460000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fpm_server");
	TCase *tc = tcase_create("fpm_server");
	SRunner *runner = srunner_create(suite);
	int failed;

	setenv("LAMINA_LOG", "error", 1);
	lm_log_init("test_fpm_server");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, routes_arrive);
	tcase_add_test(tc, reconnect_of_the_same_zebra);
	tcase_add_test(tc, a_restarted_zebra_gets_the_hold_time);
	tcase_add_test(tc, no_sentinel_at_all);
	tcase_add_test(tc, the_newer_connection_wins);
	tcase_add_test(tc, garbage_resets_and_keeps);
	tcase_add_test(tc, half_a_frame_and_a_reconnect);
	tcase_add_test(tc, a_long_stream_through_a_small_queue);
	tcase_add_test(tc, seeds_stay_until_the_sweep);
	tcase_add_test(tc, bad_addresses);
	tcase_add_test(tc, when_to_sweep);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
