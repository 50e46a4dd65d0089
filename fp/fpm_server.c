/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket to queue to parser to table. The socket is always drained: a zebra whose FPM buffer is
 * full burns two cores (zebra 8.4.4). The queue is applied in slices, so the loop stays responsive.
 */
#include "fp/fpm_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "fp/fpm_parser.h"
#include "fp/fpm_routes.h"
#include "fp/fpm_sync.h"
#include "mp/log.h"

#define HOLD_MS		60000
#define SETTLE_MS	1000
#define QUEUE_MAX_BYTES (16U << 20)
#define READ_BYTES	65536
#define FEED_BYTES	16384 /* about 250 routes between two looks at the clock */
#define SLICE_US	5000  /* of work before the loop runs others again */
#define WORK_ROUTES	2048
#define RESET_LOG_MS	10000

/* What zebra is told to state last: DESIGN of the replay in docs/fpm.md. */
static const struct lm_prefix sentinel = {
	.family = AF_INET6,
	.len = 128,
	.addr = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff},
};

struct lm_fpm_server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct lm_fpm_conf conf;
	struct lm_fpm_parser *parser;
	struct lm_fpm_routes *routes;
	struct fpm_sync sync;
	struct evbuffer *queue;
	struct event *readable;	 /* NULL: no zebra is connected */
	struct event *apply;	 /* a slice of work is due */
	struct event *sweep_due; /* look at sync again */
	bool paused;		 /* the queue is full */
	bool ended;		 /* the peer closed; what it sent before still counts */
	uint64_t errors;
	uint64_t refreshed_seen;
	int64_t reset_logged_ms;
	uint16_t port;
	uint8_t scratch[READ_BYTES];
};

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_ms(void)
{
	return now_us() / 1000;
}

static void arm(struct event *event, int64_t delay_ms)
{
	struct timeval tv;

	if (delay_ms < 0)
		delay_ms = 0;
	tv = (struct timeval){.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
	event_add(event, &tv);
}

static void arm_sweep(struct lm_fpm_server *s)
{
	int64_t due_ms = fpm_sync_due_ms(&s->sync);

	if (due_ms == FPM_SYNC_NEVER)
		event_del(s->sweep_due);
	else
		arm(s->sweep_due, due_ms - now_ms());
}

static void close_peer(struct lm_fpm_server *s)
{
	evutil_socket_t fd = event_get_fd(s->readable);

	event_free(s->readable);
	close(fd);
	s->readable = NULL;
}

static void disconnect(struct lm_fpm_server *s)
{
	if (s->readable == NULL)
		return;
	close_peer(s);
	s->paused = false;
	s->ended = false;
	evbuffer_drain(s->queue, evbuffer_get_length(s->queue));
	fpm_sync_disconnected(&s->sync);
	arm_sweep(s);
}

static void reset(struct lm_fpm_server *s, const struct lm_err *err)
{
	int64_t now = now_ms();

	s->errors++;
	/* a peer that keeps sending garbage shall not fill the log */
	if (s->errors == 1 || now - s->reset_logged_ms >= RESET_LOG_MS) {
		lm_warning("%s; connection reset, routes kept, zebra will connect again", err->msg);
		s->reset_logged_ms = now;
	}
	disconnect(s);
}

static int on_route_event(void *ctx, const struct lm_rtmsg *msg)
{
	struct lm_fpm_server *s = ctx;
	bool is_route = msg->type == LM_RTMSG_ROUTE_REPLACE || msg->type == LM_RTMSG_ROUTE_DELETE;

	fpm_sync_message(&s->sync, msg->sender);
	if (is_route && memcmp(&msg->route.prefix, &sentinel, sizeof(sentinel)) == 0) {
		if (msg->type == LM_RTMSG_ROUTE_REPLACE)
			fpm_sync_sentinel(&s->sync, now_ms());
		return 0;
	}
	return lm_fpm_routes_apply(s->routes, msg);
}

/* Feed queued octets until they or the time are used up. Returns true while there are more. */
static bool feed(struct lm_fpm_server *s, int64_t until_us)
{
	struct lm_err err = {0};

	while (evbuffer_get_length(s->queue) > 0) {
		struct evbuffer_iovec chunk;
		int rc;

		if (now_us() >= until_us)
			return true;
		evbuffer_peek(s->queue, 1, NULL, &chunk, 1);
		if (chunk.iov_len > FEED_BYTES)
			chunk.iov_len = FEED_BYTES;
		rc = lm_fpm_parser_feed(s->parser, chunk.iov_base, chunk.iov_len, &err);
		if (rc < 0) {
			reset(s, &err);
			return false;
		}
		evbuffer_drain(s->queue, chunk.iov_len);
	}
	return false;
}

static void note_refreshed(struct lm_fpm_server *s)
{
	struct lm_fpm_routes_stats stats;

	lm_fpm_routes_stats(s->routes, &stats);
	if (stats.refreshed != s->refreshed_seen)
		fpm_sync_refreshed(&s->sync, now_ms());
	s->refreshed_seen = stats.refreshed;
}

static void on_apply(evutil_socket_t fd, short what, void *arg)
{
	struct lm_fpm_server *s = arg;
	int64_t until_us = now_us() + SLICE_US;
	bool more;

	(void)fd;
	(void)what;
	more = feed(s, until_us);
	while (lm_fpm_routes_work(s->routes, WORK_ROUTES)) {
		if (now_us() >= until_us) {
			more = true;
			break;
		}
	}
	if (s->paused && evbuffer_get_length(s->queue) <= s->conf.queue_max_bytes / 2) {
		s->paused = false;
		event_add(s->readable, NULL);
	}
	note_refreshed(s);
	if (s->ended && evbuffer_get_length(s->queue) == 0)
		disconnect(s);
	arm_sweep(s);
	if (more)
		arm(s->apply, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lm_fpm_server *s = arg;
	ssize_t n = recv(fd, s->scratch, sizeof(s->scratch), 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lm_info("zebra closed its FPM connection; its routes are kept");
		event_del(s->readable);
		s->ended = true;
	} else if (evbuffer_add(s->queue, s->scratch, (size_t)n) < 0) {
		struct lm_err err = {0};

		lm_err_set(&err, ENOMEM, "FPM: out of memory for received octets");
		reset(s, &err);
	} else if (evbuffer_get_length(s->queue) >= s->conf.queue_max_bytes) {
		event_del(s->readable);
		s->paused = true;
	}
	arm(s->apply, 0);
}

static void on_sweep_due(evutil_socket_t fd, short what, void *arg)
{
	struct lm_fpm_server *s = arg;
	struct lm_fpm_routes_stats stats;

	(void)fd;
	(void)what;
	/* what is queued may refresh routes: judge after it */
	if (evbuffer_get_length(s->queue) > 0 || fpm_sync_due_ms(&s->sync) > now_ms()) {
		arm(s->apply, 0);
		return;
	}
	fpm_sync_swept(&s->sync);
	lm_fpm_routes_stats(s->routes, &stats);
	if (stats.stale > 0) {
		lm_info("FPM replay is complete: %u of %u routes were not stated again and go",
			stats.stale, stats.routes);
		lm_fpm_routes_sweep(s->routes);
		arm(s->apply, 0);
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
	int salen, void *arg)
{
	struct lm_fpm_server *s = arg;
	struct event *readable = event_new(s->base, fd, EV_READ | EV_PERSIST, on_readable, s);

	(void)listener;
	(void)sa;
	(void)salen;
	if (readable == NULL || event_add(readable, NULL) < 0) {
		if (readable != NULL)
			event_free(readable);
		close(fd);
		return;
	}
	/* a zebra that died may have left a half-open connection: the newer one is the living */
	disconnect(s);
	s->readable = readable;
	lm_fpm_parser_reset(s->parser);
	lm_fpm_routes_new_epoch(s->routes);
	fpm_sync_connected(&s->sync, now_ms());
	arm_sweep(s);
	lm_info("zebra connected to FPM");
}

static int listen_on(struct lm_fpm_server *s, const char *addr, uint16_t port, struct lm_err *err)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u = {0};
	socklen_t len = sizeof(u.in);

	if (inet_pton(AF_INET, addr, &u.in.sin_addr) == 1) {
		u.in.sin_family = AF_INET;
		u.in.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, addr, &u.in6.sin6_addr) == 1) {
		u.in6.sin6_family = AF_INET6;
		u.in6.sin6_port = htons(port);
		len = sizeof(u.in6);
	} else {
		return lm_err_set(err, EINVAL, "FPM address '%.64s' is not an IP address", addr);
	}
	s->listener = evconnlistener_new_bind(s->base, on_accept, s,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 4, &u.sa,
		(int)len);
	if (s->listener == NULL)
		return lm_err_errno(err, errno, "cannot listen for FPM on %s port %u", addr, port);
	len = sizeof(u);
	if (getsockname(evconnlistener_get_fd(s->listener), &u.sa, &len) < 0)
		return lm_err_errno(err, errno, "getsockname");
	s->port = ntohs(u.sa.sa_family == AF_INET ? u.in.sin_port : u.in6.sin6_port);
	return 0;
}

static struct lm_fpm_conf with_defaults(const struct lm_fpm_conf *conf)
{
	struct lm_fpm_conf c = {0};

	if (conf != NULL)
		c = *conf;
	if (c.hold_ms == 0)
		c.hold_ms = HOLD_MS;
	if (c.settle_ms == 0)
		c.settle_ms = SETTLE_MS;
	if (c.queue_max_bytes == 0)
		c.queue_max_bytes = QUEUE_MAX_BYTES;
	return c;
}

struct lm_fpm_server *lm_fpm_server_new(struct event_base *base, const char *addr, uint16_t port,
	const struct lm_route_sink *sink, const struct lm_fpm_conf *conf, struct lm_err *err)
{
	struct lm_fpm_server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		lm_err_set(err, ENOMEM, "FPM: out of memory");
		return NULL;
	}
	s->base = base;
	s->conf = with_defaults(conf);
	s->sync.hold_ms = s->conf.hold_ms;
	s->sync.settle_ms = s->conf.settle_ms;
	s->parser = lm_fpm_parser_new(on_route_event, s);
	s->routes = lm_fpm_routes_new(sink);
	s->queue = evbuffer_new();
	s->apply = evtimer_new(base, on_apply, s);
	s->sweep_due = evtimer_new(base, on_sweep_due, s);
	if (s->parser == NULL || s->routes == NULL || s->queue == NULL || s->apply == NULL ||
		s->sweep_due == NULL)
		lm_err_set(err, ENOMEM, "FPM: out of memory");
	else if (listen_on(s, addr, port, err) == 0)
		return s;
	lm_fpm_server_free(s);
	return NULL;
}

void lm_fpm_server_free(struct lm_fpm_server *s)
{
	if (s == NULL)
		return;
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	if (s->readable != NULL)
		close_peer(s);
	if (s->apply != NULL)
		event_free(s->apply);
	if (s->sweep_due != NULL)
		event_free(s->sweep_due);
	if (s->queue != NULL)
		evbuffer_free(s->queue);
	lm_fpm_parser_free(s->parser);
	lm_fpm_routes_free(s->routes);
	free(s);
}

int lm_fpm_server_seed(struct lm_fpm_server *s, const struct lm_route *route)
{
	if (memcmp(&route->prefix, &sentinel, sizeof(sentinel)) == 0)
		return 0;
	return lm_fpm_routes_seed(s->routes, route);
}

void lm_fpm_server_status(const struct lm_fpm_server *s, struct lm_fpm_status *status)
{
	struct lm_fpm_routes_stats stats;

	lm_fpm_routes_stats(s->routes, &stats);
	*status = (struct lm_fpm_status){
		.connected = s->readable != NULL && !s->ended,
		.synced = s->sync.connected && (s->sync.sentinel || s->sync.done),
		.epoch = stats.epoch,
		.routes = stats.routes,
		.stale = stats.stale,
		.replaced = stats.replaced,
		.removed = stats.removed,
		.swept = stats.swept,
		.failed = stats.failed,
		.errors = s->errors,
	};
	lm_fpm_parser_counts(s->parser, &status->ignored, &status->unsupported);
}

uint16_t lm_fpm_server_port(const struct lm_fpm_server *s)
{
	return s->port;
}
