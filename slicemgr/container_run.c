/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/container_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
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

static int spawn(const char *const *argv, int out_fd, int err_fd, pid_t *pid)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *env[] = {path, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int rc;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out_fd, 1);
	posix_spawn_file_actions_adddup2(&files, err_fd, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	rc = posix_spawnp(pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* Reads what comes until the process behind `pidfd` ends; 0 or -ETIMEDOUT. */
static int wait_and_read(int pidfd, int pipe_fd, char *out, size_t size, int64_t deadline_ms)
{
	struct pollfd p[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = pipe_fd, .events = POLLIN}};
	size_t len = 0;

	while (now_ms() < deadline_ms) {
		if (poll(p, 2, (int)(deadline_ms - now_ms())) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents != 0) {
			char waste[512];
			bool room = out != NULL && len + 1 < size;
			ssize_t n = read(pipe_fd, room ? out + len : waste,
				room ? size - 1 - len : sizeof(waste));

			if (n > 0 && room) {
				len += (size_t)n;
				out[len] = '\0';
			} else if (n == 0) {
				p[1].fd = -1;
			}
			p[1].revents = 0;
			continue;
		}
		if (p[0].revents != 0)
			return 0;
	}
	return -ETIMEDOUT;
}

static int reap(pid_t pid, const char *name, struct lm_err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return lm_err_errno(err, errno, "waiting for %s", name);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return lm_err_set(err, ECHILD, "%s was ended by signal %d", name, WTERMSIG(status));
}

int lm_container_run(const char *const *argv, int log_fd, char *out, size_t size, int timeout_ms,
	struct lm_err *err)
{
	lm_cleanup_close int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	lm_cleanup_close int read_fd = -1;
	lm_cleanup_close int pidfd = -1;
	int sink = log_fd >= 0 ? log_fd : null_fd;
	int ends[2] = {-1, -1}, rc;
	pid_t pid;

	if (out != NULL) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return lm_err_errno(err, errno, "pipe");
		read_fd = ends[0];
		out[0] = '\0';
	}
	rc = spawn(argv, out != NULL ? ends[1] : sink, sink, &pid);
	if (out != NULL)
		close(ends[1]);
	if (rc != 0)
		return lm_err_errno(err, rc, "cannot run %s", argv[0]);
	pidfd = pidfd_open(pid, 0);
	rc = wait_and_read(pidfd, read_fd, out, size, now_ms() + timeout_ms);
	if (rc < 0)
		kill(pid, SIGKILL);
	if (rc == 0)
		return reap(pid, argv[0], err);
	reap(pid, argv[0], err);
	return lm_err_set(err, -rc, "%s %s did not end within %d s", argv[0],
		argv[1] != NULL ? argv[1] : "", timeout_ms / 1000);
}
