/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/tap_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>

#include "mp/cleanup.h"
#include "mp/log.h"

#define TEXT_MAX 4096

struct lm_tap_channel {
	struct lm_tap_io *io;
	struct lm_ports *ports;
	struct event *ev;
	int fd;
	void (*on_end)(void *ctx);
	void (*on_closed)(void *ctx);
	void *ctx;
};

/* Receive one message and at most one descriptor (-1: none). */
static ssize_t receive(int sock, char *text, size_t size, int *fd)
{
	struct iovec iov = {.iov_base = text, .iov_len = size};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	*fd = -1;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	return n;
}

static int take_tap(struct lm_tap_channel *ch, const json_t *msg, int fd, struct lm_err *err)
{
	const char *name = json_string_value(json_object_get(msg, "tap"));
	uint16_t tap = name == NULL ? LM_NO_TAP : lm_ports_by_name(ch->ports, name);

	if (tap == LM_NO_TAP)
		return lm_err_set(err, ENOENT,
			"a TAP was handed over that sliver.json does not have: %.15s",
			name == NULL ? "(no name)" : name);
	if (fd < 0)
		return lm_err_set(err, EBADF, "TAP %s came without its descriptor", name);
	return lm_tap_io_set(ch->io, tap, fd, err);
}

static void on_message(evutil_socket_t sock, short what, void *arg)
{
	struct lm_tap_channel *ch = arg;
	char text[TEXT_MAX];
	struct lm_err err = {0};
	int fd;
	ssize_t n = receive(sock, text, sizeof(text), &fd);
	lm_cleanup_json json_t *msg = NULL;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		event_del(ch->ev);
		ch->on_closed(ch->ctx);
		return;
	}
	msg = json_loadb(text, (size_t)n, 0, NULL);
	if (json_is_true(json_object_get(msg, "end"))) {
		lm_close_fd(&fd);
		ch->on_end(ch->ctx);
	} else if (take_tap(ch, msg, fd, &err) < 0) {
		lm_warning("%s", err.msg);
		if (err.code == ENOENT)
			lm_close_fd(&fd);
	}
}

struct lm_tap_channel *lm_tap_channel_new(struct event_base *base, int fd, struct lm_tap_io *io,
	struct lm_ports *ports, void (*on_end)(void *ctx), void (*on_closed)(void *ctx), void *ctx,
	struct lm_err *err)
{
	struct lm_tap_channel *ch;
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET) {
		lm_err_set(err, EINVAL,
			"descriptor %d is not lamina-init's socket; to run without it use --tap",
			fd);
		return NULL;
	}
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL ||
		(ch->ev = event_new(base, fd, EV_READ | EV_PERSIST, on_message, ch)) == NULL) {
		lm_err_set(err, ENOMEM, "TAP socket: out of memory");
		free(ch);
		return NULL;
	}
	ch->io = io;
	ch->ports = ports;
	ch->fd = fd;
	ch->on_end = on_end;
	ch->on_closed = on_closed;
	ch->ctx = ctx;
	event_add(ch->ev, NULL);
	return ch;
}

void lm_tap_channel_free(struct lm_tap_channel *ch)
{
	if (ch == NULL)
		return;
	event_free(ch->ev);
	close(ch->fd);
	free(ch);
}
