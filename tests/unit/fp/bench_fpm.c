/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast FPM octets become routes: `bench_fpm MODE ROUTES [FILE]` prints routes a second and the
 * octets of the table. MODE: parse (no table), load (into an empty table), refresh (a replay that
 * changes nothing), update (DELROUTE+NEWROUTE that changes every route), socket (load, through the
 * listener over loopback). FILE holds the octets of a recorded connection; without it a stream of
 * ROUTES routes over 64 next hops is generated, always the same. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>

#include "fp/fpm_parser.h"
#include "fp/fpm_routes.h"
#include "fp/fpm_server.h"
#include "mp/log.h"
#include "tests/unit/fp/fpm_build.h"

static uint64_t n_events;

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint32_t mix(uint32_t x)
{
	x = (x ^ (x >> 16)) * 0x7feb352dU;
	x = (x ^ (x >> 15)) * 0x846ca68bU;
	return x ^ (x >> 16);
}

/* Distinct prefixes of /16 to /24, mostly /24, in ascending order as zebra walks them. */
static void generate(struct fpm_build *b, unsigned int n, bool update)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t r = mix(i), hop = r % 64 + (update ? 64 : 0);
		struct lm_nexthop nh = {.ifindex = 3, .weight = 1, .family = AF_INET};
		struct lm_prefix p = {
			.family = AF_INET, .len = (uint8_t)(r % 5 < 3 ? 24 : 20 + r % 4)};
		uint32_t addr = htonl(0x01000000U + i * 0xe00U);

		memcpy(p.addr, &addr, 4);
		addr = htonl(0x0a000002U + hop);
		memcpy(nh.gateway, &addr, 4);
		fpm_build_open(b);
		if (update)
			fpm_build_del(b, &p);
		fpm_build_new(b, &p, &nh, 1, 0);
		fpm_build_close(b);
	}
}

static int count_event(void *ctx, const struct lm_rtmsg *msg)
{
	(void)ctx;
	n_events += msg->type == LM_RTMSG_ROUTE_REPLACE;
	return 0;
}

static int table_event(void *ctx, const struct lm_rtmsg *msg)
{
	n_events += msg->type == LM_RTMSG_ROUTE_REPLACE;
	return lm_fpm_routes_apply(ctx, msg);
}

static int no_replace(void *ctx, const struct lm_route *route)
{
	(void)ctx;
	(void)route;
	return 0;
}

static int no_remove(void *ctx, const struct lm_prefix *prefix)
{
	(void)ctx;
	(void)prefix;
	return 0;
}

static const struct lm_route_sink sink = {.replace = no_replace, .remove = no_remove};

/* Feed a stream as the listener does; returns seconds. */
static double feed(struct lm_fpm_parser *parser, const struct fpm_build *b)
{
	struct lm_err err = {0};
	double begin = now_s();

	for (size_t at = 0; at < b->len; at += 16384) {
		size_t n = b->len - at < 16384 ? b->len - at : 16384;

		if (lm_fpm_parser_feed(parser, b->data + at, n, &err) < 0) {
			lm_error("%s", err.msg);
			exit(1);
		}
	}
	return now_s() - begin;
}

static void *writer(void *arg)
{
	struct fpm_build *b = ((void **)arg)[0];
	int fd = *(int *)((void **)arg)[1];

	for (size_t at = 0; at < b->len;) {
		ssize_t n = send(fd, b->data + at, b->len - at, MSG_NOSIGNAL);

		if (n <= 0)
			exit(1);
		at += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static double over_socket(struct fpm_build *b, uint64_t *bytes)
{
	struct event_base *base = event_base_new();
	struct lm_err err = {0};
	struct lm_fpm_server *server = lm_fpm_server_new(base, "127.0.0.1", 0, &sink, NULL, &err);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	void *arg[2] = {b, &fd};
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct lm_fpm_status status;
	pthread_t thread;
	double begin;

	if (server == NULL)
		exit(1);
	sa.sin_port = htons(lm_fpm_server_port(server));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		exit(1);
	begin = now_s();
	pthread_create(&thread, NULL, writer, arg);
	do {
		event_base_loop(base, EVLOOP_ONCE);
		lm_fpm_server_status(server, &status);
	} while (status.epoch == 0 || status.connected);
	begin = now_s() - begin;
	n_events = status.routes;
	*bytes = 0;
	pthread_join(thread, NULL);
	close(fd);
	lm_fpm_server_free(server);
	event_base_free(base);
	return begin;
}

static void load_file(struct fpm_build *b, const char *path)
{
	FILE *f = fopen(path, "rb");
	char buf[65536];
	size_t n;

	if (f == NULL) {
		lm_error("%s: cannot be read", path);
		exit(1);
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		fpm_build_append(b, buf, n);
	fclose(f);
}

int main(int argc, char **argv)
{
	struct lm_fpm_routes *table = lm_fpm_routes_new(&sink);
	struct lm_fpm_parser *parser;
	struct lm_fpm_routes_stats stats = {0};
	struct fpm_build first = {0}, second = {0};
	const char *mode = argc > 1 ? argv[1] : "load";
	unsigned int n = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 100000;
	double seconds;

	setenv("LAMINA_LOG", "error", 1);
	lm_log_init("bench_fpm");
	if (argc > 3)
		load_file(&first, argv[3]);
	else
		generate(&first, n, false);
	parser = lm_fpm_parser_new(strcmp(mode, "parse") == 0 ? count_event : table_event, table);
	if (strcmp(mode, "socket") == 0) {
		seconds = over_socket(&first, &stats.bytes);
	} else {
		lm_fpm_routes_new_epoch(table);
		seconds = feed(parser, &first);
		if (strcmp(mode, "refresh") == 0 || strcmp(mode, "update") == 0) {
			if (mode[0] == 'u')
				generate(&second, n, true);
			n_events = 0;
			lm_fpm_routes_new_epoch(table);
			seconds = feed(parser, mode[0] == 'u' ? &second : &first);
		}
		lm_fpm_routes_stats(table, &stats);
	}
	printf("%.0f %llu\n", (double)n_events / seconds, (unsigned long long)stats.bytes);
	lm_fpm_parser_free(parser);
	lm_fpm_routes_free(table);
	free(first.data);
	free(second.data);
	return 0;
}
