/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/container_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "slicemgr/run_dir.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define TRIES	    50
#define TRY_NS	    (20 * 1000 * 1000)

int lm_cgroup_hold(struct lm_err *err)
{
	return lm_lock_path(LM_CGROUP_LOCK, false, LOCK_SH, err);
}

/* Removes CGROUP_ROOT/TOP/PATH; true when it is not there (any more). */
static bool remove_leaf(const char *top, const char *path)
{
	char dir[PATH_MAX];
	struct timespec wait = {.tv_nsec = TRY_NS};

	if (snprintf(dir, sizeof(dir), CGROUP_ROOT "/%s/%s", top, path) >= (int)sizeof(dir))
		return true;
	for (int i = 0; i < TRIES; i++) {
		if (rmdir(dir) == 0 || errno == ENOENT || errno == ENOTDIR)
			return true;
		nanosleep(&wait, NULL);
	}
	return false;
}

static void remove_parents(const char *top, const char *parent)
{
	char dir[PATH_MAX];
	int base = snprintf(dir, sizeof(dir), CGROUP_ROOT "/%s", top);

	if (snprintf(dir + base, sizeof(dir) - (size_t)base, "%s", parent) >=
		(int)sizeof(dir) - base)
		return;
	while (strlen(dir) > (size_t)base && rmdir(dir) == 0) {
		char *slash = strrchr(dir, '/');

		*slash = '\0';
	}
}

/* Calls for cgroup v2 (the root itself) and for each v1 hierarchy (a directory below the root). */
static bool each_hierarchy(const char *parent, const char *path)
{
	DIR *root = opendir(CGROUP_ROOT);
	bool gone = remove_leaf(".", path);

	remove_parents(".", parent);
	if (root == NULL)
		return gone;
	for (struct dirent *e = readdir(root); e != NULL; e = readdir(root)) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		gone = remove_leaf(e->d_name, path) && gone;
		remove_parents(e->d_name, parent);
	}
	closedir(root);
	return gone;
}

int lm_cgroup_remove(const char *parent, const char *name, struct lm_err *err)
{
	lm_cleanup_close int held = -1;
	char path[PATH_MAX];

	if (parent[0] != '/' || strstr(parent, "..") != NULL || strchr(name, '/') != NULL)
		return lm_err_set(err, EINVAL, "cgroup %s/%s: not a plain path", parent, name);
	snprintf(path, sizeof(path), "%s/%s", parent, name);
	held = lm_lock_path(LM_CGROUP_LOCK, false, LOCK_EX, err);
	if (held < 0)
		return held;
	if (!each_hierarchy(parent, path))
		return lm_err_set(err, EBUSY, "cgroup %s still has processes in it", path);
	return 0;
}
