/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "slicemgr/uid_range.h"

/* Opens `path`, making it first; -ENOENT when it was removed in between. */
static int open_made(const char *path, bool is_dir, struct lm_err *err)
{
	char around[PATH_MAX];
	char *slash;
	int fd;

	snprintf(around, sizeof(around), "%s", path);
	slash = strrchr(around, '/');
	if (slash != NULL && slash != around) {
		*slash = '\0';
		if (mkdir(around, 0755) < 0 && errno != EEXIST)
			return lm_err_errno(
				err, errno == ENOENT ? ENOTDIR : errno, "cannot make %s", around);
	}
	/* root's alone: who can open a directory can lock it, and keep it locked */
	if (is_dir && mkdir(path, 0700) < 0 && errno != EEXIST)
		return lm_err_errno(err, errno, "cannot make %s", path);
	fd = open(path,
		O_CLOEXEC | O_NOFOLLOW | (is_dir ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT),
		0600);
	return fd >= 0 ? fd : lm_err_errno(err, errno, "cannot open %s", path);
}

int lm_lock_path(const char *path, bool is_dir, int how, struct lm_err *err)
{
	struct stat mine, there;

	for (;;) {
		int fd = open_made(path, is_dir, err);

		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		while (flock(fd, how) < 0)
			if (errno != EINTR) {
				int code = errno;

				close(fd);
				return lm_err_errno(err, code, "cannot lock %s", path);
			}
		if (fstat(fd, &mine) == 0 && stat(path, &there) == 0 &&
			mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
			return fd;
		close(fd);
	}
}

void lm_run_dir_tidy(void)
{
	lm_cleanup_close int ids = -1;
	lm_cleanup_close int cgroups = -1;
	struct lm_err ignored;

	if (access(LM_RUN_DIR, F_OK) < 0)
		return;
	/* each is removed only under its lock, so that nobody makes anything in it meanwhile */
	ids = lm_lock_path(LM_UID_RANGE_DIR, true, LOCK_EX | LOCK_NB, &ignored);
	if (ids < 0 || rmdir(LM_UID_RANGE_DIR) < 0)
		return;
	cgroups = lm_lock_path(LM_CGROUP_LOCK, false, LOCK_EX | LOCK_NB, &ignored);
	if (cgroups >= 0)
		unlink(LM_CGROUP_LOCK);
	rmdir(LM_RUN_DIR);
}
