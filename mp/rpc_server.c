/* SPDX-License-Identifier: BSD-3-Clause */
/* Serves JSON-RPC lines on a Unix socket from a libevent loop. */
#include "mp/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "mp/cleanup.h"
#include "mp/rpc_internal.h"
#include "mp/unix_path.h"

/* A client that leaves this much unread is not reading. */
#define OUTPUT_MAX	((size_t)4 * LM_RPC_LINE_MAX)
#define WRITE_TIMEOUT_S 10

struct lm_rpc_later {
	LIST_ENTRY(lm_rpc_later) next;
	struct client *client; /* NULL: gone */
	json_t *id;
};

struct client {
	TAILQ_ENTRY(client) next;
	LIST_HEAD(, lm_rpc_later) pending;
	struct lm_rpc_server *server;
	struct bufferevent *bev;
	struct lm_rpc_peer peer;
	bool ended; /* it sends no more; it goes when it has read its replies */
};

struct lm_rpc_server {
	struct event_base *base;
	struct evconnlistener *listener;
	const struct lm_rpc_method *methods;
	void *ctx;
	char *path;
	struct client *calling; /* whose request is being answered now */
	json_t *calling_id;
	struct lm_rpc_later *later; /* what that request asked for */
	unsigned int n_clients;
	TAILQ_HEAD(, client) clients;
};

static void client_free(struct client *c)
{
	struct lm_rpc_later *later;

	while ((later = LIST_FIRST(&c->pending)) != NULL) {
		LIST_REMOVE(later, next);
		later->client = NULL;
	}
	TAILQ_REMOVE(&c->server->clients, c, next);
	c->server->n_clients--;
	bufferevent_free(c->bev);
	free(c);
}

struct lm_rpc_later *lm_rpc_later(struct lm_rpc_server *server)
{
	struct lm_rpc_later *later;

	if (server->calling == NULL || server->calling_id == NULL || server->later != NULL)
		return NULL;
	later = calloc(1, sizeof(*later));
	if (later == NULL)
		return NULL;
	later->client = server->calling;
	later->id = json_incref(server->calling_id);
	LIST_INSERT_HEAD(&later->client->pending, later, next);
	server->later = later;
	return later;
}

void lm_rpc_later_answer(struct lm_rpc_later *later, json_t *result, const struct lm_err *err)
{
	if (later->client == NULL) {
		json_decref(result);
	} else {
		lm_cleanup_free char *reply = rpc_reply_line(later->id, result, err);

		LIST_REMOVE(later, next);
		if (reply != NULL)
			bufferevent_write(later->client->bev, reply, strlen(reply));
	}
	json_decref(later->id);
	free(later);
}

/* As lm_rpc_answer(), but the method may take the call away with lm_rpc_later(). */
static char *answer(struct client *c, const char *line, size_t len)
{
	struct lm_rpc_server *server = c->server;
	struct rpc_request req = {0};
	struct lm_err err = {0};
	char *reply;
	json_t *result;

	if (!rpc_request_parse(&req, line, len, server->methods, &reply))
		return reply;
	server->calling = c;
	server->calling_id = req.id;
	server->later = NULL;
	result = req.method->fn(server->ctx, &c->peer, req.params, &err);
	server->calling = NULL;
	if (req.id == NULL || (result == NULL && err.code == 0 && server->later != NULL))
		json_decref(result);
	else
		reply = rpc_reply_line(req.id, result, &err);
	json_decref(req.json);
	return reply;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer *out = bufferevent_get_output(bev);
	struct client *c = arg;

	for (;;) {
		size_t len;
		lm_cleanup_free char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
		lm_cleanup_free char *reply = NULL;

		if (line == NULL) {
			if (evbuffer_get_length(in) >= LM_RPC_LINE_MAX)
				client_free(c);
			return;
		}
		if (len == 0)
			continue;
		reply = answer(c, line, len);
		if (reply != NULL)
			evbuffer_add(out, reply, strlen(reply));
		if (evbuffer_get_length(out) > OUTPUT_MAX) {
			client_free(c);
			return;
		}
	}
}

static void free_if_done(struct client *c)
{
	if (c->ended && LIST_EMPTY(&c->pending) &&
		evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		client_free(c);
}

/* All replies so far are sent. */
static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	free_if_done(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	if (what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		client_free(c);
	} else if (what & BEV_EVENT_EOF) {
		/* it may only have closed its half: `nc -N` does, and waits for the reply */
		c->ended = true;
		bufferevent_disable(bev, EV_READ);
		free_if_done(c);
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
	int salen, void *arg)
{
	static const struct timeval write_timeout = {.tv_sec = WRITE_TIMEOUT_S};
	struct lm_rpc_server *server = arg;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct client *c;

	(void)listener;
	(void)sa;
	(void)salen;
	c = calloc(1, sizeof(*c));
	if (c == NULL || server->n_clients >= LM_RPC_CLIENTS_MAX ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		goto refuse;
	LIST_INIT(&c->pending);
	c->server = server;
	c->peer = (struct lm_rpc_peer){.pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
	c->bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL)
		goto refuse;
	TAILQ_INSERT_TAIL(&server->clients, c, next);
	server->n_clients++;
	bufferevent_setwatermark(c->bev, EV_READ, 0, LM_RPC_LINE_MAX);
	bufferevent_set_timeouts(c->bev, NULL, &write_timeout);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return;
refuse:
	free(c);
	close(fd);
}

static int open_listener(const struct lm_rpc_listen *where, struct lm_err *err)
{
	struct sockaddr_un sa;
	mode_t old;
	int fd, rc;

	rc = lm_unix_claim(where->path, err);
	if (rc < 0 || (rc = lm_unix_addr(&sa, where->path, err)) < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return lm_err_errno(err, errno, "socket");
	/* nobody may connect between bind() and chmod() */
	old = umask(0777);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(old);
	if (rc < 0) {
		rc = lm_err_errno(err, errno, "socket %s: bind", where->path);
		close(fd);
		return rc;
	}
	if (chown(where->path, where->uid, where->gid) < 0 || chmod(where->path, where->mode) < 0 ||
		listen(fd, 16) < 0) {
		rc = lm_err_errno(err, errno, "socket %s", where->path);
		unlink(where->path);
		close(fd);
		return rc;
	}
	return fd;
}

struct lm_rpc_server *lm_rpc_server_new(struct event_base *base, const struct lm_rpc_listen *where,
	const struct lm_rpc_method *methods, void *ctx, struct lm_err *err)
{
	struct lm_rpc_server *server;
	int fd = open_listener(where, err);

	if (fd < 0)
		return NULL;
	server = calloc(1, sizeof(*server));
	if (server != NULL) {
		TAILQ_INIT(&server->clients);
		server->base = base;
		server->methods = methods;
		server->ctx = ctx;
		server->path = strdup(where->path);
		server->listener = evconnlistener_new(base, on_accept, server,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	}
	if (server == NULL || server->path == NULL || server->listener == NULL) {
		lm_err_set(err, ENOMEM, "socket %s: out of memory", where->path);
		unlink(where->path);
		if (server == NULL || server->listener == NULL)
			close(fd);
		else
			evconnlistener_free(server->listener);
		if (server != NULL)
			free(server->path);
		free(server);
		return NULL;
	}
	return server;
}

void lm_rpc_server_free(struct lm_rpc_server *server)
{
	struct client *c, *next;

	if (server == NULL)
		return;
	for (c = TAILQ_FIRST(&server->clients); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		client_free(c);
	}
	evconnlistener_free(server->listener);
	unlink(server->path);
	free(server->path);
	free(server);
}
