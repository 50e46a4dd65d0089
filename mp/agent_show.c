/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs one show command in vtysh, bounded in time and size. */
#include "mp/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>

struct agent_show_job {
	struct agent *agent;
	struct event *output, *timeout;
	int fd;
	pid_t pid;
	bool timed_out;
	size_t len;
	void (*done)(void *ctx, json_t *result, const struct lm_err *err);
	void *ctx;
	char command[AGENT_COMMAND_MAX + 1];
	char buf[AGENT_SHOW_MAX + 1];
};

int agent_check_command(const char *command, struct lm_err *err)
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

static void job_free(struct agent_show_job *job)
{
	for (unsigned int i = 0; i < AGENT_SHOWS_MAX; i++)
		if (job->agent->shows[i] == job)
			job->agent->shows[i] = NULL;
	if (job->output != NULL)
		event_free(job->output);
	if (job->timeout != NULL)
		event_free(job->timeout);
	if (job->fd >= 0)
		close(job->fd);
	free(job);
}

/* Takes what vtysh has written; it is ended when that is more than fits. */
static void on_output(int fd, short what, void *arg)
{
	struct agent_show_job *job = arg;

	(void)what;
	while (job->len < sizeof(job->buf)) {
		ssize_t n = read(fd, job->buf + job->len, sizeof(job->buf) - job->len);

		if (n == 0)
			event_del(job->output);
		if (n <= 0)
			return;
		job->len += (size_t)n;
	}
	event_del(job->output);
	if (job->pid > 0)
		kill(job->pid, SIGKILL);
}

static void on_timeout(int fd, short what, void *arg)
{
	struct agent_show_job *job = arg;

	(void)fd;
	(void)what;
	job->timed_out = true;
	kill(job->pid, SIGKILL);
}

static void job_end(struct agent_show_job *job, int status)
{
	struct lm_err err = {0};
	json_t *result = NULL;
	int truncated;

	on_output(job->fd, 0, job); /* the rest */
	if (job->timed_out) {
		lm_err_set(&err, ETIMEDOUT,
			"'%.60s': vtysh did not answer in %d ms; a daemon hangs", job->command,
			job->agent->show_ms);
	} else {
		json_t *text = agent_bounded_text(job->buf, job->len, AGENT_SHOW_MAX, &truncated);

		result = json_pack("{s:o, s:b, s:i}", "output", text, "truncated", truncated,
			"exit_status",
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	job->done(job->ctx, result, &err);
	job_free(job);
}

static void on_child(int sig, short what, void *arg)
{
	struct agent *agent = arg;

	(void)sig;
	(void)what;
	for (unsigned int i = 0; i < AGENT_SHOWS_MAX; i++) {
		struct agent_show_job *job = agent->shows[i];
		int status;

		if (job == NULL || waitpid(job->pid, &status, WNOHANG) != job->pid)
			continue;
		job->pid = 0;
		job_end(job, status);
	}
}

int agent_show_init(struct agent *agent, struct lm_err *err)
{
	agent->child_event = evsignal_new(agent->base, SIGCHLD, on_child, agent);
	if (agent->child_event == NULL || event_add(agent->child_event, NULL) < 0)
		return lm_err_set(err, ENOMEM, "out of memory");
	return 0;
}

void agent_show_fini(struct agent *agent)
{
	for (unsigned int i = 0; i < AGENT_SHOWS_MAX; i++)
		if (agent->shows[i] != NULL) {
			kill(agent->shows[i]->pid, SIGKILL);
			job_free(agent->shows[i]);
		}
	if (agent->child_event != NULL)
		event_free(agent->child_event);
	agent->child_event = NULL;
}

static int job_start(struct agent_show_job *job, struct lm_err *err)
{
	const struct agent *agent = job->agent;
	struct timeval tv = {
		.tv_sec = agent->show_ms / 1000, .tv_usec = (agent->show_ms % 1000) * 1000};
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return lm_err_errno(err, errno, "show");
	job->fd = ends[0];
	job->output = event_new(agent->base, job->fd, EV_READ | EV_PERSIST, on_output, job);
	job->timeout = event_new(agent->base, -1, 0, on_timeout, job);
	if (job->output == NULL || job->timeout == NULL ||
		fcntl(job->fd, F_SETFL, O_NONBLOCK) < 0 || event_add(job->output, NULL) < 0 ||
		event_add(job->timeout, &tv) < 0)
		rc = lm_err_set(err, ENOMEM, "show: out of memory");
	else if ((rc = start_vtysh(agent->vtysh, job->command, ends[1], &job->pid)) < 0)
		rc = lm_err_errno(err, -rc, "%s", agent->vtysh);
	close(ends[1]);
	return rc;
}

int agent_show(struct agent *agent, const char *command,
	void (*done)(void *ctx, json_t *result, const struct lm_err *err), void *ctx,
	struct lm_err *err)
{
	struct agent_show_job *job;
	unsigned int slot = 0;
	int rc = agent_check_command(command, err);

	if (rc < 0)
		return rc;
	while (slot < AGENT_SHOWS_MAX && agent->shows[slot] != NULL)
		slot++;
	if (slot == AGENT_SHOWS_MAX)
		return lm_err_set(
			err, EBUSY, "%d show commands run already; try again", AGENT_SHOWS_MAX);
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return lm_err_set(err, ENOMEM, "show: out of memory");
	job->agent = agent;
	job->fd = -1;
	job->done = done;
	job->ctx = ctx;
	snprintf(job->command, sizeof(job->command), "%s", command);
	rc = job_start(job, err);
	if (rc < 0) {
		job_free(job);
		return rc;
	}
	agent->shows[slot] = job;
	return 0;
}
