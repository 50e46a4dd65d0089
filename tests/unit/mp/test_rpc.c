/* SPDX-License-Identifier: BSD-3-Clause */
/* The RPC library: a real server and a real client over a socket, and each against a hostile other.
 */
#include "mp/rpc.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>

#include "mp/unix_path.h"

static char dir[] = "/tmp/lm-rpc-XXXXXX";
static char path[64];
static pid_t child; /* 0: none */

/* What the server under test offers. */
struct service {
	struct event_base *base;
	struct lm_rpc_server *server;
	int notifications;
};

static json_t *m_echo(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	(void)ctx;
	(void)peer;
	(void)err;
	return params == NULL ? json_null() : json_deep_copy(params);
}

static json_t *m_fail(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	(void)ctx;
	(void)peer;
	(void)params;
	lm_err_set(err, EBUSY, "port east is busy: \xff\x1b[31m\xc2\x9b caf\xc3");
	return NULL;
}

static json_t *m_big(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	size_t n = (size_t)json_integer_value(json_object_get(params, "n"));
	char *text = malloc(n + 1);
	json_t *s;

	(void)ctx;
	(void)peer;
	(void)err;
	memset(text, 'x', n);
	text[n] = '\0';
	s = json_string(text);
	free(text);
	return s;
}

/* A result that no JSON text can hold: it was cut inside a character. */
static json_t *m_cut(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	(void)ctx;
	(void)peer;
	(void)params;
	(void)err;
	return json_stringn_nocheck("caf\xc3", 4);
}

static json_t *m_note(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct service *s = ctx;

	(void)peer;
	(void)params;
	(void)err;
	return json_integer(++s->notifications);
}

static void later_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lm_rpc_later_answer(arg, json_string("at last"), NULL);
}

static json_t *m_later(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	struct timeval soon = {.tv_usec = 100000};
	struct service *s = ctx;
	struct lm_rpc_later *later = lm_rpc_later(s->server);

	(void)peer;
	(void)params;
	if (later == NULL)
		lm_err_set(err, ENOMEM, "no later");
	else
		event_base_once(s->base, -1, EV_TIMEOUT, later_now, later, &soon);
	return NULL;
}

static json_t *m_whoami(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	(void)ctx;
	(void)params;
	(void)err;
	return json_pack("{s:i, s:i}", "pid", (int)peer->pid, "uid", (int)peer->uid);
}

static const struct lm_rpc_method methods[] = {{"echo", m_echo}, {"fail", m_fail}, {"big", m_big},
	{"cut", m_cut}, {"note", m_note}, {"later", m_later}, {"whoami", m_whoami}, {NULL, NULL}};

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* The server in a process of its own; returns when it listens. */
static void start_server(void)
{
	int ready[2];
	char octet;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct lm_rpc_listen where = {
			.path = path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
		struct service s = {.base = event_base_new()};
		struct lm_err err = {0};
		struct event *term = evsignal_new(s.base, SIGTERM, on_term, s.base);

		signal(SIGPIPE, SIG_IGN); /* as every program that serves does */
		event_add(term, NULL);
		s.server = lm_rpc_server_new(s.base, &where, methods, &s, &err);
		if (s.server == NULL || write(ready[1], "r", 1) != 1)
			_exit(9);
		event_base_dispatch(s.base);
		lm_rpc_server_free(s.server);
		event_free(term);
		event_base_free(s.base);
		_exit(0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &octet, 1), 1);
	close(ready[0]);
}

static int end_child(int sig)
{
	int status = 0;

	kill(child, sig);
	waitpid(child, &status, 0);
	child = 0;
	return status;
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/lm-rpc-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s.sock", dir);
}

static void teardown(void)
{
	char cmd[96];

	if (child > 0)
		ck_assert_int_eq(end_child(SIGTERM), 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static json_t *call(const char *method, json_t *params, struct lm_err *err)
{
	*err = (struct lm_err){0};
	return lm_rpc_call(path, (uid_t)-1, method, params, 5000, err);
}

static int connect_raw(void)
{
	struct sockaddr_un sa;
	struct lm_err err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	lm_unix_addr(&sa, path, &err);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* Read until `lines` newlines or the end, at most 5 s. Returns octets read. */
static size_t read_lines(int fd, char *buf, size_t size, int lines)
{
	size_t len = 0;

	while (lines > 0 && len < size - 1) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		ck_assert_msg(poll(&p, 1, 5000) == 1, "no answer");
		n = read(fd, buf + len, 1);
		if (n <= 0)
			break;
		lines -= buf[len++] == '\n';
	}
	buf[len] = '\0';
	return len;
}

START_TEST(round_trip)
{
	struct lm_err err;
	json_t *r;

	start_server();
	r = call("echo", json_pack("{s:s, s:[i, n, b]}", "a", "\xc3\xa4", "b", 1, 1), &err);
	ck_assert_msg(r != NULL, "%s", err.msg);
	ck_assert_str_eq(json_string_value(json_object_get(r, "a")), "\xc3\xa4");
	json_decref(r);
	r = call("echo", NULL, &err);
	ck_assert(json_is_null(r));
	r = call("whoami", NULL, &err);
	ck_assert_int_eq(json_integer_value(json_object_get(r, "pid")), getpid());
	ck_assert_int_eq(json_integer_value(json_object_get(r, "uid")), (int)getuid());
	json_decref(r);
	r = call("later", NULL, &err);
	ck_assert_str_eq(json_string_value(r), "at last");
	json_decref(r);
}
END_TEST

START_TEST(errors_come_back)
{
	struct lm_err err;

	start_server();
	ck_assert_ptr_null(call("fail", NULL, &err));
	ck_assert_int_eq(err.code, EBUSY);
	/* nothing in it steers a terminal, and it arrives though it was no UTF-8 */
	ck_assert_ptr_nonnull(strstr(err.msg, "port east is busy: ? [31m"));
	ck_assert_ptr_null(strchr(err.msg, '\x1b'));
	ck_assert_ptr_null(call("nothing", NULL, &err));
	ck_assert_str_eq(err.msg, "no method 'nothing'");
	ck_assert_ptr_null(call("big", json_pack("{s:i}", "n", 2 * LM_RPC_LINE_MAX), &err));
	ck_assert_int_eq(err.code, EMSGSIZE);
	ck_assert_ptr_null(call("cut", NULL, &err));
	ck_assert_int_eq(err.code, EIO);
}
END_TEST

START_TEST(sizes_at_the_limit)
{
	struct lm_err err;
	size_t n = LM_RPC_LINE_MAX - 200;
	char *text = malloc(LM_RPC_LINE_MAX + 1);
	json_t *r;

	start_server();
	memset(text, 'y', LM_RPC_LINE_MAX);
	text[n] = '\0';
	r = call("echo", json_pack("[s]", text), &err);
	ck_assert_msg(r != NULL, "%s", err.msg);
	ck_assert_uint_eq(strlen(json_string_value(json_array_get(r, 0))), n);
	json_decref(r);
	text[n] = 'y';
	text[LM_RPC_LINE_MAX] = '\0';
	ck_assert_ptr_null(call("echo", json_pack("[s]", text), &err));
	ck_assert_int_eq(err.code, EMSGSIZE);
	free(text);
}
END_TEST

START_TEST(oversize_line_disconnects)
{
	char *text = malloc(65536), buf[16];
	size_t sent = 0;
	struct lm_err err;
	int fd;

	start_server();
	fd = connect_raw();
	memset(text, 'z', 65536);
	while (sent < 8 * (size_t)LM_RPC_LINE_MAX) {
		ssize_t n = send(fd, text, 65536, MSG_NOSIGNAL);

		if (n < 0)
			break;
		sent += (size_t)n;
	}
	ck_assert_uint_lt(sent, 3 * (size_t)LM_RPC_LINE_MAX);
	ck_assert_uint_eq(read_lines(fd, buf, sizeof(buf), 1), 0);
	close(fd);
	free(text);
	ck_assert(json_is_null(call("echo", NULL, &err))); /* others are served */
}
END_TEST

START_TEST(a_slow_reader_is_let_go)
{
	const char *request =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\",\"params\":{\"n\":500000}}\n";
	struct lm_err err;
	int fd;

	start_server();
	fd = connect_raw();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int64_t end = now_ms() + 8000;;) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		ck_assert_int_lt(now_ms(), end);
		if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		poll(&p, 1, 10);
	}
	ck_assert_int_eq(errno, EPIPE);
	close(fd);
	ck_assert(json_is_null(call("echo", NULL, &err)));
}
END_TEST

START_TEST(pieces_pipelines_and_half_closes)
{
	const char *two = "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"echo\"}\n\n"
			  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"later\"}\n";
	char buf[512];
	int fd;

	start_server();
	fd = connect_raw();
	for (const char *p = two; *p != '\0'; p++)
		ck_assert_int_eq(send(fd, p, 1, MSG_NOSIGNAL), 1);
	/* no more from us: both answers still come, then the end */
	shutdown(fd, SHUT_WR);
	read_lines(fd, buf, sizeof(buf), 3);
	ck_assert_str_eq(buf, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":null}\n"
			      "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"at last\"}\n");
	close(fd);
	/* gone before the answer: the server survives */
	fd = connect_raw();
	ck_assert_int_gt(send(fd, two, strlen(two), MSG_NOSIGNAL), 0);
	close(fd);
	fd = connect_raw();
	ck_assert_int_gt(send(fd, two, strlen(two), MSG_NOSIGNAL), 0);
	read_lines(fd, buf, sizeof(buf), 2);
	close(fd);
}
END_TEST

START_TEST(notifications_get_no_answer)
{
	const char *note = "{\"jsonrpc\":\"2.0\",\"method\":\"note\"}\n"
			   "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}\n"
			   "{\"jsonrpc\":\"2.0\",\"method\":\"later\"}\n"
			   "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"note\"}\n";
	char buf[256];
	int fd;

	start_server();
	fd = connect_raw();
	ck_assert_int_gt(send(fd, note, strlen(note), MSG_NOSIGNAL), 0);
	read_lines(fd, buf, sizeof(buf), 1);
	ck_assert_str_eq(buf, "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":2}\n");
	close(fd);
}
END_TEST

START_TEST(at_most_so_many_clients)
{
	int fds[LM_RPC_CLIENTS_MAX + 1];
	struct lm_err err;
	char octet;

	start_server();
	for (int i = 0; i <= LM_RPC_CLIENTS_MAX; i++)
		fds[i] = connect_raw();
	ck_assert_int_eq(read(fds[LM_RPC_CLIENTS_MAX], &octet, 1), 0);
	for (int i = 0; i <= LM_RPC_CLIENTS_MAX; i++)
		close(fds[i]);
	for (int64_t end = now_ms() + 5000; call("echo", NULL, &err) == NULL;)
		ck_assert_int_lt(now_ms(), end);
}
END_TEST

START_TEST(the_pure_part)
{
	static const struct {
		const char *line, *reply;
	} cases[] = {
		{"", "\"code\":-32700"},
		{"{", "\"code\":-32700"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"echo\"}", "\"code\":-32700"},
		{"[]", "\"code\":-32600"},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}", "\"code\":-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}", "\"code\":-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"echo\"}", "\"code\":-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", "\"code\":-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":3}",
			"\"code\":-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ech\"}", "\"code\":-32601"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[7]}",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[7]}\n"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"\\u0000\",\"method\":\"echo\"}", "-32700"},
	};
	struct lm_rpc_peer peer = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* its own allocation without a terminator, so that ASan sees any read past it */
		size_t len = strlen(cases[i].line);
		char *line = malloc(len == 0 ? 1 : len), *reply;

		memcpy(line, cases[i].line, len);
		reply = lm_rpc_answer(line, len, methods, NULL, &peer);
		ck_assert_msg(reply != NULL && strstr(reply, cases[i].reply) != NULL,
			"'%s' was answered '%s'", cases[i].line, reply);
		ck_assert_ptr_eq(strchr(reply, '\n'), reply + strlen(reply) - 1);
		free(reply);
		free(line);
	}
}
END_TEST

START_TEST(sockets_that_are_not_free)
{
	struct lm_rpc_listen where = {
		.path = path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
	struct event_base *base = event_base_new();
	struct lm_rpc_server *server;
	struct lm_err err = {0};
	struct stat st;
	char longer[200];
	int fd;

	start_server();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_ptr_null(lm_rpc_server_new(base, &where, methods, NULL, &err));
	ck_assert_int_eq(err.code, EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	end_child(SIGKILL); /* it leaves its socket behind: that is taken over */
	server = lm_rpc_server_new(base, &where, methods, NULL, &err);
	ck_assert_msg(server != NULL, "%s", err.msg);
	lm_rpc_server_free(server);
	ck_assert_int_lt(stat(path, &st), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	ck_assert_ptr_null(lm_rpc_server_new(base, &where, methods, NULL, &err));
	ck_assert_int_eq(err.code, EEXIST);
	unlink(path);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	where.path = longer;
	ck_assert_ptr_null(lm_rpc_server_new(base, &where, methods, NULL, &err));
	ck_assert_int_eq(err.code, ENAMETOOLONG);
	event_base_free(base);
}
END_TEST

START_TEST(whom_the_client_trusts)
{
	char link[80], file[80];
	struct lm_err err = {0};
	json_t *r;

	start_server();
	snprintf(link, sizeof(link), "%s/link.sock", dir);
	snprintf(file, sizeof(file), "%s/file", dir);
	ck_assert_int_eq(symlink(path, link), 0);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_ptr_null(lm_rpc_call(link, (uid_t)-1, "echo", NULL, 1000, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, link));
	ck_assert_ptr_null(lm_rpc_call(file, (uid_t)-1, "echo", NULL, 1000, &err));
	ck_assert_int_eq(err.code, ENOTSOCK);
	ck_assert_ptr_null(lm_rpc_call(path, getuid() + 1, "echo", NULL, 1000, &err));
	ck_assert_int_eq(err.code, EPERM);
	r = lm_rpc_call(path, getuid(), "echo", NULL, 1000, &err);
	ck_assert(json_is_null(r));
	end_child(SIGKILL);
	ck_assert_ptr_null(lm_rpc_call(path, (uid_t)-1, "echo", NULL, 1000, &err));
	ck_assert_int_eq(err.code, ECONNREFUSED);
	unlink(path);
	ck_assert_ptr_null(lm_rpc_call(path, (uid_t)-1, "echo", NULL, 1000, &err));
	ck_assert_int_eq(err.code, ENOENT);
}
END_TEST

/* A hostile server: takes one call after another and answers each with `octets` (`n` times, with a
 * pause), and does not close. n < 0: for ever. */
static void start_hostile(const char *octets, int n, int pause_ms)
{
	struct sockaddr_un sa;
	struct lm_err err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	lm_unix_addr(&sa, path, &err);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	child = fork();
	if (child > 0) {
		close(fd);
		return;
	}
	for (;;) {
		int c = octets == NULL ? -1 : accept(fd, NULL, NULL);

		for (int i = 0; c >= 0 && (n < 0 || i < n); i++) {
			if (send(c, octets, strlen(octets), MSG_NOSIGNAL) < 0)
				break;
			poll(NULL, 0, pause_ms);
		}
		poll(NULL, 0, octets == NULL ? 1000 : 20);
		if (n == 0 && c >= 0)
			close(c);
	}
}

static void expect_hostile(const char *octets, int n, int pause_ms, int code)
{
	struct lm_err err = {0};
	int64_t begin = now_ms();

	start_hostile(octets, n, pause_ms);
	ck_assert_ptr_null(lm_rpc_call(path, (uid_t)-1, "echo", NULL, 400, &err));
	ck_assert_msg(err.code == code, "%s", err.msg);
	ck_assert_int_lt(now_ms() - begin, 3000);
	end_child(SIGKILL);
}

START_TEST(hostile_servers)
{
	struct lm_err err = {0};
	char *flood = malloc(65537);

	memset(flood, 'a', 65536);
	flood[65536] = '\0';
	expect_hostile("garbage\n", 1, 0, EPROTO);
	expect_hostile("[]\n", 1, 0, EPROTO);
	expect_hostile("{\"error\":7}\n", 1, 0, EPROTO);
	expect_hostile("{\"error\":{\"code\":99999999,\"message\":\"m\"}}\n", 1, 0, EPROTO);
	expect_hostile("{\"error\":{\"code\":16,\"message\":{}}}\n", 1, 0, EBUSY);
	expect_hostile("", 0, 0, ECONNRESET);
	expect_hostile("", 1, 0, ETIMEDOUT);	/* never answers */
	expect_hostile("a", -1, 20, ETIMEDOUT); /* drips */
	expect_hostile(flood, -1, 0, EPROTO);	/* never ends the line */
	free(flood);
	start_hostile("{\"error\":{\"code\":5,\"message\":\"a\\nb\\u001b[2Jc\\u009bd\"}}\n", 1, 0);
	ck_assert_ptr_null(lm_rpc_call(path, (uid_t)-1, "echo", NULL, 1000, &err));
	ck_assert_str_eq(err.msg, "a b [2Jc  d");
	end_child(SIGKILL);
}
END_TEST

/* It listens but never accepts, and its backlog is full. */
START_TEST(busy_server)
{
	struct lm_err err = {0};
	int64_t begin;
	int fds[8];

	start_hostile(NULL, 0, 0);
	for (int i = 0; i < 8; i++) {
		struct sockaddr_un sa;

		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		lm_unix_addr(&sa, path, &err);
		if (connect(fds[i], (struct sockaddr *)&sa, sizeof(sa)) < 0)
			ck_assert_int_eq(errno, EAGAIN);
	}
	begin = now_ms();
	ck_assert_ptr_null(lm_rpc_call(path, (uid_t)-1, "echo", NULL, 300, &err));
	ck_assert_int_eq(err.code, ETIMEDOUT);
	ck_assert_int_ge(now_ms() - begin, 250);
	ck_assert_int_lt(now_ms() - begin, 3000);
	ck_assert_ptr_null(lm_rpc_call(path, (uid_t)-1, "echo", NULL, 0, &err));
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	end_child(SIGKILL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc");
	TCase *tc = tcase_create("rpc");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, errors_come_back);
	tcase_add_test(tc, sizes_at_the_limit);
	tcase_add_test(tc, oversize_line_disconnects);
	tcase_add_test(tc, a_slow_reader_is_let_go);
	tcase_add_test(tc, pieces_pipelines_and_half_closes);
	tcase_add_test(tc, notifications_get_no_answer);
	tcase_add_test(tc, at_most_so_many_clients);
	tcase_add_test(tc, the_pure_part);
	tcase_add_test(tc, sockets_that_are_not_free);
	tcase_add_test(tc, whom_the_client_trusts);
	tcase_add_test(tc, hostile_servers);
	tcase_add_test(tc, busy_server);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
