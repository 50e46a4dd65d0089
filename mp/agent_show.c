/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs one show command in vtysh, bounded in time and size. */
#include "mp/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mp/cleanup.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int check_command(const char *command, struct lm_err *err)
{
	if (strncmp(command, "show ", 5) != 0)
		return lm_err_set(err, EPERM,
			"'%.60s': only commands that begin with 'show ' are run here", command);
	if (strlen(command) > AGENT_COMMAND_MAX)
		return lm_err_set(
			err, EINVAL, "the command is longer than %d octets", AGENT_COMMAND_MAX);
	/* vtysh takes a newline in -c as the end of one command and the start of the next */
	for (const char *c = command; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return lm_err_set(err, EINVAL, "the command has a control character");
	return 0;
}

static int start_vtysh(const char *vtysh, const char *command, int out, pid_t *pid)
{
	char *const argv[] = {(char *)(uintptr_t)vtysh, (char *)(uintptr_t) "-c",
		(char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t ours;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0)
		return -rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0) {
		posix_spawn_file_actions_destroy(&files);
		return -rc;
	}
	sigemptyset(&ours);
	sigaddset(&ours, SIGPIPE); /* we ignore it; vtysh must not */
	posix_spawnattr_setsigdefault(&attr, &ours);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, out, 2);
	if (rc == 0)
		rc = posix_spawn(pid, vtysh, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -rc;
}

/* Reads until end of file, the deadline or `max` octets. Returns the length, *eof says which. */
static size_t read_output(int fd, char *buf, size_t max, int64_t deadline_ms, int *eof)
{
	size_t len = 0;

	*eof = 0;
	while (len < max) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline_ms - now_ms();
		ssize_t n;

		if (left <= 0 || (poll(&p, 1, (int)left) <= 0 && errno != EINTR))
			break;
		n = read(fd, buf + len, max - len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			*eof = n == 0;
			break;
		}
		len += (size_t)n;
	}
	return len;
}

/* What a character costs in a JSON text as jansson writes it. */
static size_t json_cost(unsigned char c)
{
	if (c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r' || c == '\b' || c == '\f')
		return 2;
	return c < ' ' ? 6 : 1;
}

json_t *agent_bounded_text(char *text, size_t len, size_t max, int *truncated)
{
	size_t cost = 0, n;
	json_t *s;

	for (n = 0; n < len; n++) {
		cost += json_cost((unsigned char)text[n]);
		if (cost > max)
			break;
	}
	*truncated = n < len;
	/* do not end in the middle of a UTF-8 character */
	while (*truncated && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	s = json_stringn(text, n);
	if (s != NULL)
		return s;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] >= 128)
			text[i] = '?';
	return json_stringn(text, n);
}

/* A vtysh that has closed its output may still linger; SIGKILL then ends any wait. */
static int reap(pid_t pid, int64_t deadline_ms)
{
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() >= deadline_ms) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		poll(NULL, 0, 1);
	}
	return status;
}

/* Runs vtysh with its output in `buf` of AGENT_SHOW_MAX + 1 octets. */
static json_t *run_vtysh(
	const struct agent *agent, const char *command, char *buf, struct lm_err *err)
{
	int64_t deadline_ms = now_ms() + agent->show_ms;
	lm_cleanup_close int in = -1;
	int ends[2], eof, truncated, rc, status;
	size_t len;
	pid_t pid = 0;
	json_t *text;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		lm_err_errno(err, errno, "show");
		return NULL;
	}
	in = ends[0];
	rc = start_vtysh(agent->vtysh, command, ends[1], &pid);
	close(ends[1]);
	if (rc < 0 || pid <= 0) {
		lm_err_errno(err, -rc, "%s", agent->vtysh);
		return NULL;
	}
	len = read_output(in, buf, AGENT_SHOW_MAX + 1, deadline_ms, &eof);
	if (!eof)
		kill(pid, SIGKILL);
	status = reap(pid, deadline_ms);
	if (!eof && len <= AGENT_SHOW_MAX) {
		lm_err_set(err, ETIMEDOUT, "'%.60s': vtysh did not answer in %d ms; a daemon hangs",
			command, agent->show_ms);
		return NULL;
	}
	text = agent_bounded_text(buf, len, AGENT_SHOW_MAX, &truncated);
	return json_pack("{s:o, s:b, s:i}", "output", text, "truncated", truncated, "exit_status",
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

json_t *agent_show(const struct agent *agent, const char *command, struct lm_err *err)
{
	char *buf;
	json_t *result;

	if (check_command(command, err) < 0)
		return NULL;
	buf = malloc(AGENT_SHOW_MAX + 1);
	if (buf == NULL) {
		lm_err_set(err, ENOMEM, "show: out of memory");
		return NULL;
	}
	result = run_vtysh(agent, command, buf, err);
	free(buf);
	return result;
}
