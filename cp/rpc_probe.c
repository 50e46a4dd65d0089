/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/rpc_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <jansson.h>

#include "mp/cleanup.h"
#include "mp/rpc.h"
#include "mp/unix_path.h"

#define FIRST_MS   5
#define MAX_MS	   200
#define ANSWER_SEC 1

static const char question[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n";

struct rpc_probe {
	struct event_base *base;
	struct bufferevent *bev;
	struct event *timer;
	unsigned int wait_ms;
	void (*ready)(void *ctx);
	void *ctx;
	struct sockaddr_un addr;
};

static void try_later(struct rpc_probe *p)
{
	struct timeval tv = {.tv_usec = p->wait_ms * 1000};

	if (p->bev != NULL)
		bufferevent_free(p->bev);
	p->bev = NULL;
	p->wait_ms = p->wait_ms + p->wait_ms / 4 + 1;
	if (p->wait_ms > MAX_MS)
		p->wait_ms = MAX_MS;
	event_add(p->timer, &tv);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct rpc_probe *p = arg;
	size_t len;
	lm_cleanup_free char *line =
		evbuffer_readln(bufferevent_get_input(bev), &len, EVBUFFER_EOL_LF);
	lm_cleanup_json json_t *reply = NULL;

	if (line == NULL) {
		if (evbuffer_get_length(bufferevent_get_input(bev)) >= LM_RPC_LINE_MAX)
			try_later(p);
		return;
	}
	reply = json_loadb(line, len, 0, NULL);
	if (!json_is_true(json_object_get(json_object_get(reply, "result"), "ready"))) {
		try_later(p);
		return;
	}
	bufferevent_free(p->bev);
	p->bev = NULL;
	p->ready(p->ctx);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		try_later(arg);
}

static void ask(int unused, short what, void *arg)
{
	struct rpc_probe *p = arg;
	struct timeval answer = {.tv_sec = ANSWER_SEC};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)unused;
	(void)what;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&p->addr, sizeof(p->addr)) < 0 ||
		(p->bev = bufferevent_socket_new(p->base, fd, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		if (fd >= 0)
			close(fd);
		try_later(p);
		return;
	}
	bufferevent_setcb(p->bev, on_read, NULL, on_event, p);
	bufferevent_setwatermark(p->bev, EV_READ, 0, LM_RPC_LINE_MAX);
	bufferevent_set_timeouts(p->bev, &answer, &answer);
	bufferevent_enable(p->bev, EV_READ | EV_WRITE);
	bufferevent_write(p->bev, question, sizeof(question) - 1);
}

struct rpc_probe *rpc_probe_new(
	struct event_base *base, const char *path, void (*ready)(void *ctx), void *ctx)
{
	struct rpc_probe *p = calloc(1, sizeof(*p));
	struct lm_err err = {0};

	if (p == NULL)
		return NULL;
	p->base = base;
	p->ready = ready;
	p->ctx = ctx;
	p->wait_ms = FIRST_MS;
	p->timer = event_new(base, -1, 0, ask, p);
	if (p->timer == NULL || lm_unix_addr(&p->addr, path, &err) < 0) {
		rpc_probe_free(p);
		return NULL;
	}
	try_later(p);
	return p;
}

void rpc_probe_free(struct rpc_probe *p)
{
	if (p == NULL)
		return;
	if (p->bev != NULL)
		bufferevent_free(p->bev);
	if (p->timer != NULL)
		event_free(p->timer);
	free(p);
}
