/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/zebra_relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "cp/zapi.h"
#include "cp/zapi_journal.h"
#include "mp/log.h"
#include "mp/unix_path.h"

#define SECOND_STEP_MS 500
#define ORPHAN_MS      1000
#define QUEUE_MAX      ((size_t)1 << 20) /* more than this unsent: stop reading the other side */

struct relay_session {
	TAILQ_ENTRY(relay_session) next;
	struct zebra_relay *relay;
	struct bufferevent *client, *zebra; /* zebra: NULL while it is away */
	struct zapi_journal journal;
	int proto; /* of its HELLO, -1 before */
};

static void session_free(struct relay_session *s)
{
	TAILQ_REMOVE(&s->relay->sessions, s, next);
	if (s->zebra != NULL)
		bufferevent_free(s->zebra);
	bufferevent_free(s->client);
	zapi_journal_clear(&s->journal);
	free(s);
}

static void arm(struct event *timer, unsigned int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	event_add(timer, &tv);
}

static void note(struct relay_session *s, const uint8_t *msg, size_t len)
{
	if (zapi_command(msg) == ZAPI_HELLO && len > ZAPI_HEADER_BYTES)
		s->proto = msg[ZAPI_HEADER_BYTES];
	zapi_journal_apply(&s->journal, msg, len, s->zebra == NULL);
}

/*
 * Moves the whole messages of `from` to `to` (which may be NULL: they end here). -EPROTO on what is
 * none. `s` when they are a client's, to be noted.
 */
static int move_messages(struct bufferevent *from, struct bufferevent *to, struct relay_session *s)
{
	struct evbuffer *in = bufferevent_get_input(from);

	for (;;) {
		size_t have = evbuffer_get_length(in);
		size_t look = have < ZAPI_MESSAGE_MAX ? have : ZAPI_MESSAGE_MAX;
		uint8_t header[ZAPI_HEADER_BYTES];
		const uint8_t *msg;
		ssize_t len;

		if (to != NULL && evbuffer_get_length(bufferevent_get_output(to)) > QUEUE_MAX) {
			bufferevent_disable(from, EV_READ);
			return 0;
		}
		if (evbuffer_copyout(in, header, sizeof(header)) < (ssize_t)sizeof(header))
			return 0;
		len = zapi_message_len(header, sizeof(header));
		if (len < 0)
			return (int)len;
		len = header[0] << 8 | header[1];
		if (look < (size_t)len)
			return 0;
		msg = evbuffer_pullup(in, len);
		if (msg == NULL)
			return -ENOMEM;
		if (s != NULL)
			note(s, msg, (size_t)len);
		if (to == NULL)
			evbuffer_drain(in, (size_t)len);
		else
			evbuffer_remove_buffer(in, bufferevent_get_output(to), (size_t)len);
	}
}

static void on_client_read(struct bufferevent *bev, void *arg)
{
	struct relay_session *s = arg;
	int rc = move_messages(bev, s->zebra, s);

	if (rc < 0)
		lm_warning("zebra relay: a daemon sent no ZAPI message, closing its connection");
	/* what the journal cannot keep may be a question; nobody would answer it now */
	if (rc < 0 || (s->zebra == NULL && s->journal.incomplete))
		session_free(s);
}

/* zebra, or its connection, has gone; which one shows soon. May free the session. */
static void detach(struct relay_session *s)
{
	if (s->zebra != NULL)
		bufferevent_free(s->zebra);
	s->zebra = NULL;
	arm(s->relay->orphans, ORPHAN_MS);
	bufferevent_enable(s->client, EV_READ);
	on_client_read(s->client, s);
}

static void on_zebra_read(struct bufferevent *bev, void *arg)
{
	struct relay_session *s = arg;

	if (move_messages(bev, s->client, NULL) < 0) {
		lm_warning("zebra relay: zebra sent no ZAPI message, closing the connection");
		session_free(s);
	}
}

/* One side has taken all that was queued: read the other again. */
static void on_client_drained(struct bufferevent *bev, void *arg)
{
	struct relay_session *s = arg;

	(void)bev;
	if (s->zebra != NULL && !(bufferevent_get_enabled(s->zebra) & EV_READ)) {
		bufferevent_enable(s->zebra, EV_READ);
		on_zebra_read(s->zebra, s);
	}
}

static void on_zebra_drained(struct bufferevent *bev, void *arg)
{
	struct relay_session *s = arg;

	(void)bev;
	if (!(bufferevent_get_enabled(s->client) & EV_READ)) {
		bufferevent_enable(s->client, EV_READ);
		on_client_read(s->client, s);
	}
}

static void on_client_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		session_free(arg);
}

static void on_zebra_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		detach(arg);
}

/* A running zebra closed a connection: so does the relay, for its daemon to begin anew. */
static void on_orphans(int fd, short what, void *arg)
{
	struct zebra_relay *relay = arg;
	struct relay_session *s, *next;

	(void)fd;
	(void)what;
	if (!relay->up)
		return;
	for (s = TAILQ_FIRST(&relay->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, next);
		if (s->zebra == NULL && (relay->late || s->proto != ZAPI_PROTO_BGP))
			session_free(s);
	}
}

static struct bufferevent *connect_upstream(struct relay_session *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct bufferevent *bev = NULL;
	struct sockaddr_un sa;
	struct lm_err err = {0};

	if (fd >= 0 && lm_unix_addr(&sa, ZEBRA_RELAY_UPSTREAM, &err) == 0 &&
		connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		bev = bufferevent_socket_new(s->relay->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	bufferevent_setcb(bev, on_zebra_read, on_zebra_drained, on_zebra_event, s);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return bev;
}

/* Gives zebra the state of `s` again: its next-hop registrations only, or all else. */
static void give_again(struct relay_session *s, bool registrations)
{
	struct evbuffer *out = bufferevent_get_output(s->zebra);
	const struct zapi_record *r;

	TAILQ_FOREACH (r, &s->journal.records, next)
		if ((zapi_command(r->message) == ZAPI_NEXTHOP_REGISTER) == registrations)
			evbuffer_add(out, r->message, r->len);
	zapi_journal_drop_ends(&s->journal);
}

static void attach(struct relay_session *s)
{
	s->zebra = connect_upstream(s);
	if (s->zebra == NULL) {
		arm(s->relay->orphans, ORPHAN_MS);
		return;
	}
	give_again(s, false);
}

static void on_second_step(int fd, short what, void *arg)
{
	struct zebra_relay *relay = arg;
	struct relay_session *s;

	(void)fd;
	(void)what;
	relay->late = true;
	for (s = TAILQ_FIRST(&relay->sessions); s != NULL; s = TAILQ_NEXT(s, next)) {
		if (s->zebra == NULL)
			attach(s);
		if (s->zebra != NULL)
			give_again(s, true);
	}
}

void zebra_relay_up(struct zebra_relay *relay, bool again)
{
	struct relay_session *s;

	relay->up = true;
	relay->late = false;
	TAILQ_FOREACH (s, &relay->sessions, next)
		if (s->zebra == NULL && s->proto != ZAPI_PROTO_BGP)
			attach(s);
	arm(relay->second_step, again ? SECOND_STEP_MS : 0);
}

void zebra_relay_down(struct zebra_relay *relay)
{
	struct relay_session *s, *next;

	relay->up = relay->late = false;
	event_del(relay->second_step);
	for (s = TAILQ_FIRST(&relay->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, next);
		detach(s);
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
	int sa_len, void *arg)
{
	struct zebra_relay *relay = arg;
	struct relay_session *s = calloc(1, sizeof(*s));

	(void)listener;
	(void)sa;
	(void)sa_len;
	if (s != NULL)
		s->client = bufferevent_socket_new(relay->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (s == NULL || s->client == NULL) {
		free(s);
		close(fd);
		return;
	}
	s->relay = relay;
	s->proto = -1;
	zapi_journal_init(&s->journal);
	TAILQ_INSERT_TAIL(&relay->sessions, s, next);
	bufferevent_setcb(s->client, on_client_read, on_client_drained, on_client_event, s);
	bufferevent_enable(s->client, EV_READ | EV_WRITE);
	if (relay->up)
		attach(s);
}

static int listen_at(const char *path, uid_t uid, gid_t gid, struct lm_err *err)
{
	struct sockaddr_un sa;
	int fd, rc = lm_unix_addr(&sa, path, err);

	if (rc < 0)
		return rc;
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return lm_err_errno(err, errno, "socket");
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chown(path, uid, gid) < 0 ||
		chmod(path, 0700) < 0 || listen(fd, 32) < 0) {
		rc = lm_err_errno(err, errno, "socket %s", path);
		close(fd);
		return rc;
	}
	return fd;
}

int zebra_relay_open(struct zebra_relay *relay, struct event_base *base, uid_t uid, gid_t gid,
	struct lm_err *err)
{
	int fd;

	TAILQ_INIT(&relay->sessions);
	relay->base = base;
	relay->second_step = event_new(base, -1, 0, on_second_step, relay);
	relay->orphans = event_new(base, -1, 0, on_orphans, relay);
	if (relay->second_step == NULL || relay->orphans == NULL)
		return lm_err_set(err, ENOMEM, "out of memory");
	fd = listen_at(ZEBRA_RELAY_LISTEN, uid, gid, err);
	if (fd < 0)
		return fd;
	relay->listener = evconnlistener_new(
		base, on_accept, relay, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (relay->listener == NULL) {
		close(fd);
		return lm_err_set(err, ENOMEM, "out of memory");
	}
	return 0;
}

void zebra_relay_close(struct zebra_relay *relay)
{
	struct relay_session *s, *next;

	if (relay->base == NULL)
		return;
	for (s = TAILQ_FIRST(&relay->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, next);
		session_free(s);
	}
	if (relay->listener != NULL)
		evconnlistener_free(relay->listener);
	if (relay->second_step != NULL)
		event_free(relay->second_step);
	if (relay->orphans != NULL)
		event_free(relay->orphans);
	memset(relay, 0, sizeof(*relay));
}
