/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/container_userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "slicemgr/uid_range.h"

/* Hosts may let only privileged processes make user namespaces, so keep what a new euid drops. */
static int raise_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, caps) < 0)
		return -1;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		caps[i].effective = caps[i].permitted;
	return (int)syscall(SYS_capset, &head, caps);
}

/* After fork() of a process with threads: system calls only, raw where the C library would speak to
 * the other threads. Tells 0 or an errno value, then waits for the other end to close. */
static _Noreturn void hold(int fd, uint32_t uid_base)
{
	int code = 0;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (syscall(SYS_setresgid, -1, uid_base, -1) < 0 ||
		syscall(SYS_setresuid, -1, uid_base, -1) < 0 || raise_capabilities() < 0 ||
		unshare(CLONE_NEWUSER) < 0)
		code = errno;
	if (write(fd, &code, sizeof(code)) == (ssize_t)sizeof(code))
		while (read(fd, &c, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

static int write_map(pid_t pid, const char *file, uint32_t base, struct lm_err *err)
{
	lm_cleanup_close int fd = -1;
	char path[64], text[64];
	int len = snprintf(text, sizeof(text), "0 %u %u\n", base, LM_UID_RANGE_SIZE);

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		return lm_err_errno(err, errno, "cannot write %s of a user namespace", file);
	return 0;
}

int lm_userns_make(uint32_t uid_base, struct lm_userns *ns, struct lm_err *err)
{
	int ends[2], code = EPIPE, rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return lm_err_errno(err, errno, "socketpair");
	ns->holder = fork();
	if (ns->holder == 0) {
		close(ends[0]);
		hold(ends[1], uid_base);
	}
	close(ends[1]);
	ns->hold_fd = ends[0];
	if (ns->holder < 0) {
		rc = lm_err_errno(err, errno, "fork");
		close(ns->hold_fd);
		return rc;
	}
	snprintf(ns->path, sizeof(ns->path), "/proc/%d/ns/user", (int)ns->holder);
	if (read(ns->hold_fd, &code, sizeof(code)) != (ssize_t)sizeof(code) || code != 0)
		rc = lm_err_errno(
			err, code, "cannot make a user namespace (see user.max_user_namespaces)");
	else
		rc = write_map(ns->holder, "uid_map", uid_base, err);
	if (rc == 0)
		rc = write_map(ns->holder, "gid_map", uid_base, err);
	if (rc < 0)
		lm_userns_release(ns);
	return rc;
}

void lm_userns_release(struct lm_userns *ns)
{
	close(ns->hold_fd);
	while (waitpid(ns->holder, NULL, 0) < 0 && errno == EINTR)
		;
}
