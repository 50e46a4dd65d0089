/* SPDX-License-Identifier: BSD-3-Clause */
/* fork() and exec of a child with nothing inherited that it should not have. */
#include "cp/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Root of the sliver, but with no capability now or after any exec. The groups open FRR's vty
 * sockets and files, which root without CAP_DAC_OVERRIDE could not.
 */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	gid_t groups[2];
	size_t n = 0;
	const struct group *g;

	g = getgrnam("frr");
	if (g != NULL)
		groups[n++] = g->gr_gid;
	g = getgrnam("frrvty");
	if (g != NULL)
		groups[n++] = g->gr_gid;
	if (setgroups(n, groups) < 0)
		return -errno;
	/* with no_new_privs an exec as uid 0 gives nothing back */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, none) < 0)
		return -errno;
	return 0;
}

static void child_fail(const char *what)
{
	const char *why = strerror(errno);

	if (write(2, "lamina-init: error: ", 20) < 0 || write(2, what, strlen(what)) < 0 ||
		write(2, ": ", 2) < 0 || write(2, why, strlen(why)) < 0 || write(2, "\n", 1) < 0)
		_exit(126);
	_exit(127);
}

static void child(const char *const argv[], bool bare, int fd3, int out_fd)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int s = 1; s < 32; s++)
		sigaction(s, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* a session of its own: a terminal's or a group's signals reach only lamina-init */
	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(out_fd >= 0 ? out_fd : 2, 1) < 0 ||
		dup2(1, 2) < 0)
		child_fail("standard descriptors");
	if (fd3 == 3 && fcntl(3, F_SETFD, 0) < 0)
		child_fail("descriptor 3");
	if (fd3 >= 0 && fd3 != 3 && dup2(fd3, 3) < 0)
		child_fail("descriptor 3");
	/* all of ours are close-on-exec; this is for what lamina-init itself inherited */
	if (close_range(fd3 >= 0 ? 4 : 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 && errno != ENOSYS)
		child_fail("close_range");
	if (bare && drop_capabilities() < 0)
		child_fail("cannot drop capabilities");
	execv(argv[0], (char *const *)(uintptr_t)argv);
	child_fail(argv[0]);
}

pid_t proc_spawn(const char *const argv[], bool bare, int fd3, int out_fd)
{
	pid_t pid = fork();

	if (pid == 0)
		child(argv, bare, fd3, out_fd);
	return pid < 0 ? -errno : pid;
}
