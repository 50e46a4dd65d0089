/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/vtysh_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>

#include "cp/frr_daemons.h"
#include "cp/proc.h"
#include "mp/log.h"

/*
 * All that vtysh -b prints is a complaint about the configuration, but for its sum of them, and
 * what it says when a daemon dies under it (which is then configured again).
 */
static bool is_complaint(const char *line, size_t len)
{
	static const char *const not_ours[] = {"Configuration file[", "Warning: "};

	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++)
		if (len >= strlen(not_ours[i]) &&
			memcmp(line, not_ours[i], strlen(not_ours[i])) == 0)
			return false;
	return strspn(line, " \t\r") < len;
}

json_t *vtysh_errors(const char *text, size_t len)
{
	json_t *errors = json_array();

	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - text) : len;

		if (n > 0 && is_complaint(text, n)) {
			json_t *line = json_stringn(text, n);

			json_array_append_new(errors,
				line != NULL ? line : json_string("a line that is not UTF-8"));
		}
		n += nl != NULL;
		text += n;
		len -= n;
	}
	return errors;
}

/* Takes what is in the pipe; what is over the limit is thrown away. */
static void drain(struct vtysh_run *run)
{
	char rest[4096];
	ssize_t n;

	for (;;) {
		size_t room = sizeof(run->text) - 1 - run->len; /* keeps it terminated */

		n = room > 0 ? read(run->pipe_fd, run->text + run->len, room)
			     : read(run->pipe_fd, rest, sizeof(rest));
		if (n <= 0)
			break;
		if (room > 0)
			run->len += (size_t)n;
	}
	if (n == 0)
		event_del(run->output);
}

static void on_output(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain(arg);
}

static void on_timeout(int fd, short what, void *arg)
{
	struct vtysh_run *run = arg;

	(void)fd;
	(void)what;
	if (run->pid == 0)
		return;
	run->timed_out = true;
	kill(run->pid, SIGKILL);
}

int vtysh_run_init(struct vtysh_run *run, struct event_base *base,
	void (*done)(void *ctx, json_t *errors), void *ctx)
{
	run->base = base;
	run->done = done;
	run->ctx = ctx;
	run->pipe_fd = -1;
	run->timeout = event_new(base, -1, 0, on_timeout, run);
	return run->timeout == NULL ? -ENOMEM : 0;
}

static void close_pipe(struct vtysh_run *run)
{
	if (run->output != NULL)
		event_free(run->output);
	run->output = NULL;
	if (run->pipe_fd >= 0)
		close(run->pipe_fd);
	run->pipe_fd = -1;
}

int vtysh_run_start(struct vtysh_run *run, const char *daemon, unsigned int timeout_s)
{
	const char *const argv[] = {FRR_VTYSH, "-b", daemon != NULL ? "-d" : NULL, daemon, NULL};
	struct timeval tv = {.tv_sec = timeout_s};
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	run->pipe_fd = ends[0];
	run->len = 0;
	run->timed_out = false;
	run->timeout_s = timeout_s;
	run->output = event_new(run->base, ends[0], EV_READ | EV_PERSIST, on_output, run);
	if (run->output == NULL || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ||
		event_add(run->output, NULL) < 0)
		pid = -ENOMEM;
	else
		pid = proc_spawn(argv, false, -1, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close_pipe(run);
		return (int)pid;
	}
	run->pid = pid;
	event_add(run->timeout, &tv);
	return 0;
}

void vtysh_run_exited(struct vtysh_run *run, int status)
{
	json_t *errors;
	char line[128];

	run->pid = 0;
	event_del(run->timeout);
	drain(run);
	close_pipe(run);
	errors = vtysh_errors(run->text, run->len);
	if (run->timed_out)
		snprintf(line, sizeof(line), "vtysh did not finish in %u s and was killed",
			run->timeout_s);
	else if (WIFSIGNALED(status))
		snprintf(line, sizeof(line), "vtysh was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0 && json_array_size(errors) == 0)
		snprintf(line, sizeof(line), "vtysh ended with %d: %.80s", WEXITSTATUS(status),
			run->len > 0 ? run->text : "");
	else
		line[0] = '\0';
	if (line[0] != '\0')
		json_array_append_new(errors, json_string(line));
	run->done(run->ctx, errors);
}

void vtysh_run_fini(struct vtysh_run *run)
{
	if (run->pid != 0)
		kill(run->pid, SIGKILL);
	run->pid = 0;
	close_pipe(run);
	if (run->timeout != NULL)
		event_free(run->timeout);
	run->timeout = NULL;
}
