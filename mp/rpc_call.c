/* SPDX-License-Identifier: BSD-3-Clause */
/* A blocking JSON-RPC call with a time-out, safe against a hostile server. */
#include "mp/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "mp/cleanup.h"
#include "mp/unix_path.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int64_t deadline_ms, struct lm_err *err)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left = deadline_ms - now_ms();
	int rc;

	if (left < 0)
		left = 0;
	rc = poll(&p, 1, (int)left);
	if (rc < 0 && errno != EINTR)
		return lm_err_errno(err, errno, "poll");
	if (rc <= 0 && now_ms() >= deadline_ms)
		return lm_err_set(err, ETIMEDOUT, "no answer in time");
	return 0;
}

static int check_uid(int fd, uid_t want_uid, struct lm_err *err)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (want_uid == (uid_t)-1)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return lm_err_errno(err, errno, "SO_PEERCRED");
	if (cred.uid != want_uid)
		return lm_err_set(err, EPERM, "served by uid %u, not by uid %u as it must be",
			(unsigned int)cred.uid, (unsigned int)want_uid);
	return 0;
}

/* Connects by an O_PATH descriptor, so that the file checked is the file used. */
static int connect_to(const char *path, uid_t want_uid, int64_t deadline_ms, struct lm_err *err)
{
	int64_t left_ms = deadline_ms - now_ms();
	/* 0 would mean for ever */
	struct timeval patience = {.tv_usec = 1};
	lm_cleanup_close int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char by_fd[64];
	struct sockaddr_un sa;
	struct stat st;
	int fd, rc;

	if (left_ms > 0)
		patience = (struct timeval){
			.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000 + 1};
	if (file < 0 || fstat(file, &st) < 0)
		return lm_err_errno(err, errno, "cannot connect");
	if (!S_ISSOCK(st.st_mode))
		return lm_err_set(err, ENOTSOCK, "not a socket");
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", file);
	rc = lm_unix_addr(&sa, by_fd, err);
	if (rc < 0)
		return rc;
	/* connect() itself waits while the server's backlog is full, as nothing could be polled for
	 */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return lm_err_errno(err, errno, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		rc = lm_err_errno(err, errno, "SO_SNDTIMEO");
	else if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		rc = errno == EAGAIN ? lm_err_set(err, ETIMEDOUT, "too busy to take a connection")
				     : lm_err_errno(err, errno, "cannot connect");
	else if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		rc = lm_err_errno(err, errno, "O_NONBLOCK");
	else
		rc = check_uid(fd, want_uid, err);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int send_all(int fd, const char *data, size_t len, int64_t deadline_ms, struct lm_err *err)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return lm_err_errno(err, errno, "cannot send");
		if (n < 0) {
			int rc = wait_for(fd, POLLOUT, deadline_ms, err);

			if (rc < 0)
				return rc;
			continue;
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Reads up to the first newline; returns the line's length or a negative errno. */
static ssize_t receive_line(int fd, char **line, int64_t deadline_ms, struct lm_err *err)
{
	size_t cap = 4096, len = 0;
	char *buf = malloc(cap);

	*line = buf;
	while (buf != NULL) {
		ssize_t n = recv(fd, buf + len, cap - len, 0);
		char *end;

		if (n == 0)
			return lm_err_set(err, ECONNRESET, "the server closed the connection");
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return lm_err_errno(err, errno, "cannot receive");
		if (n < 0) {
			int rc = wait_for(fd, POLLIN, deadline_ms, err);

			if (rc < 0)
				return rc;
			continue;
		}
		end = memchr(buf + len, '\n', (size_t)n);
		if (end != NULL)
			return end - buf;
		len += (size_t)n;
		if (len >= LM_RPC_LINE_MAX)
			return lm_err_set(
				err, EPROTO, "the reply is longer than %d octets", LM_RPC_LINE_MAX);
		if (now_ms() >= deadline_ms)
			return lm_err_set(err, ETIMEDOUT, "no whole answer in time");
		if (len == cap) {
			buf = realloc(buf, cap * 2);
			if (buf == NULL)
				break;
			cap *= 2;
			*line = buf;
		}
	}
	return lm_err_set(err, ENOMEM, "out of memory");
}

static json_t *read_reply(const char *line, size_t len, struct lm_err *err)
{
	lm_cleanup_json json_t *reply = json_loadb(line, len, 0, NULL);
	json_t *result = json_object_get(reply, "result");
	json_t *error = json_object_get(reply, "error");
	const char *msg;
	json_int_t code;

	if (result != NULL)
		return json_incref(result);
	if (!json_is_object(error)) {
		lm_err_set(err, EPROTO, "the reply is not JSON-RPC 2.0");
		return NULL;
	}
	msg = json_string_value(json_object_get(error, "message"));
	code = json_integer_value(json_object_get(error, "code"));
	lm_err_set(err, code > 0 && code < 4096 ? (int)code : EPROTO, "%s",
		msg != NULL ? msg : "failed");
	return NULL;
}

json_t *lm_rpc_call(const char *path, uid_t want_uid, const char *method, json_t *params,
	int timeout_ms, struct lm_err *err)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	lm_cleanup_json json_t *request =
		json_pack("{s:s, s:i, s:s}", "jsonrpc", "2.0", "id", 1, "method", method);
	lm_cleanup_free char *text = NULL;
	lm_cleanup_free char *line = NULL;
	lm_cleanup_close int fd = -1;
	ssize_t len;

	if (params != NULL)
		json_object_set_new(request, "params", params);
	text = json_dumps(request, JSON_COMPACT);
	if (text == NULL) {
		lm_err_set(err, EINVAL, "%s: the parameters are not UTF-8 text", method);
		return NULL;
	}
	if (strlen(text) >= LM_RPC_LINE_MAX) {
		lm_err_set(err, EMSGSIZE, "%s: the request is longer than %d octets", method,
			LM_RPC_LINE_MAX);
		return NULL;
	}
	fd = connect_to(path, want_uid, deadline_ms, err);
	if (fd < 0 || send_all(fd, text, strlen(text), deadline_ms, err) < 0 ||
		send_all(fd, "\n", 1, deadline_ms, err) < 0) {
		lm_err_context(err, "%s", path);
		return NULL;
	}
	len = receive_line(fd, &line, deadline_ms, err);
	if (len < 0) {
		lm_err_context(err, "%s: %s", path, method);
		return NULL;
	}
	return read_reply(line, (size_t)len, err);
}
