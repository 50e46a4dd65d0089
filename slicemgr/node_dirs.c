/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/node_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "mp/log.h"
#include "mp/unix_path.h"
#include "slicemgr/container_run.h"
#include "slicemgr/run_dir.h"
#include "slicemgr/sliver_place.h"

/* the longest socket path: RUNDIR/s/SLICE/SLIVER/memif/memif.sock */
#define RUNDIR_LEN_MAX                                                                     \
	(107 - (sizeof("/s//") - 1) - (LM_SLICE_NAME_MAX - 1) - (LM_SLIVER_NAME_MAX - 1) - \
		(sizeof("/memif/memif.sock") - 1))
#define OLD_SUBSTRATE_MS 3000
#define STRAY_MS	 20000

static void path_in(const struct node *node, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", node->conf.rundir, name);
}

/* mkdir -p, for root alone to write. */
static int make_dirs_once(const char *path, struct lm_err *err)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *c = part + 1;; c++) {
		bool end = *c == '\0';

		if (*c != '/' && !end)
			continue;
		*c = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return lm_err_errno(err, errno, "%s", part);
		if (end)
			return 0;
		*c = '/';
	}
}

/* The last node that goes removes LM_RUN_DIR, perhaps just now. */
static int make_dirs(const char *path, struct lm_err *err)
{
	int rc = make_dirs_once(path, err);

	return rc == -ENOENT ? make_dirs_once(path, err) : rc;
}

static long pid_in(const char *path)
{
	lm_cleanup_file FILE *f = fopen(path, "re");
	char text[32] = "";

	if (f == NULL || fgets(text, sizeof(text), f) == NULL)
		return 0;
	return strtol(text, NULL, 10);
}

/* One slice manager a run directory: whoever locks its pid file. */
static int lock(struct node *node, struct lm_err *err)
{
	char path[PATH_MAX];
	struct stat mine, there;

	path_in(node, "slicemgr.pid", path);
	/* 0600: who can open the file can lock it, and keep a node from starting */
	for (;;) {
		node->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (node->lock_fd < 0)
			return lm_err_errno(err, errno, "%s", path);
		if (flock(node->lock_fd, LOCK_EX | LOCK_NB) < 0) {
			close(node->lock_fd);
			node->lock_fd = -1;
			return lm_err_set(err, EBUSY,
				"node %s runs already (pid %ld); end it with: lamina -n %s node "
				"down",
				node->conf.name, pid_in(path), node->conf.name);
		}
		/* the one before may have removed the file meanwhile */
		if (fstat(node->lock_fd, &mine) == 0 && stat(path, &there) == 0 &&
			mine.st_ino == there.st_ino)
			return 0;
		close(node->lock_fd);
	}
}

/* The substrate of a dead slice manager: told by its pid file and its command line. */
static void end_old_substrate(const struct node *node)
{
	char path[PATH_MAX], line[4096] = "", socket[PATH_MAX];
	lm_cleanup_file FILE *f = NULL;
	long pid;
	size_t n;
	int fd;

	path_in(node, "substrate.pid", path);
	path_in(node, "substrate.sock", socket);
	pid = pid_in(path);
	if (pid <= 0)
		return;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
	f = fopen(path, "re");
	n = f != NULL ? fread(line, 1, sizeof(line) - 1, f) : 0;
	if (fd >= 0 && memmem(line, n, socket, strlen(socket)) != NULL) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		lm_warning("ending lamina-substrate (pid %ld) of a dead slice manager", pid);
		syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
		if (poll(&p, 1, OLD_SUBSTRATE_MS) <= 0) {
			syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
			poll(&p, 1, OLD_SUBSTRATE_MS);
		}
	}
	if (fd >= 0)
		close(fd);
}

static void remove_old_sliver(const struct node *node, const char *slice, const char *sliver)
{
	char path[NAME_MAX * 2 + 2], file[PATH_MAX * 2];
	struct lm_err err = {0};
	struct stat st;
	uint32_t uid_base = 0;

	snprintf(path, sizeof(path), "%s/%s", slice, sliver);
	/* sliver.json belongs to the sliver's root uid, which is the start of its range */
	snprintf(file, sizeof(file), "%s/s/%s/conf/sliver.json", node->conf.rundir, path);
	if (lstat(file, &st) == 0 && S_ISREG(st.st_mode))
		uid_base = st.st_uid;
	lm_warning("removing sliver %s of a dead slice manager", path);
	if (sliver_remove(node, path, uid_base, &err) < 0)
		lm_error("%s: %s", path, err.msg);
}

static void for_each_dir(const struct node *node, const char *dir, const char *slice)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[PATH_MAX * 2];

		if (e->d_name[0] == '.' || e->d_type != DT_DIR)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (slice == NULL)
			for_each_dir(node, path, e->d_name);
		else
			remove_old_sliver(node, slice, e->d_name);
	}
	if (d != NULL)
		closedir(d);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (ftw->level > 0)
		remove(path);
	return 0;
}

/* Everything below the run directory but what is mounted there. */
static void empty_dir(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_MOUNT | FTW_PHYS);
}

/* What a slice manager makes, and nothing else that may lie there. */
static void remove_ours(const struct node *node)
{
	static const char *const dirs[] = {"s", "runc"};
	static const char *const files[] = {"substrate.pid", "substrate.sock", "substrate.log",
		"slicemgr.sock", "slicemgr.log"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		path_in(node, dirs[i], path);
		empty_dir(path);
		rmdir(path);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path_in(node, files[i], path);
		unlink(path);
	}
}

/* Containers that no sliver's directory tells of: it was removed, or the node had another name. */
static void delete_strays(const struct node *node)
{
	char root[PATH_MAX];
	struct dirent *e;
	DIR *d;

	path_in(node, "runc", root);
	d = opendir(root);
	while (d != NULL && (e = readdir(d)) != NULL) {
		const char *argv[] = {"runc", "--root", root, "delete", "--force", e->d_name, NULL};
		struct lm_err err = {0};

		if (e->d_name[0] == '.')
			continue;
		lm_warning("removing container %s of a dead slice manager", e->d_name);
		if (lm_container_run(argv, -1, NULL, 0, STRAY_MS, &err) != 0)
			lm_error("container %s: runc could not delete it", e->d_name);
	}
	if (d != NULL)
		closedir(d);
}

static void sweep(const struct node *node)
{
	char path[PATH_MAX];

	path_in(node, "s", path);
	for_each_dir(node, path, NULL);
	delete_strays(node);
	remove_ours(node);
}

/* /run/lamina/NAME leads to a run directory elsewhere, so that `lamina -n NAME` finds it. */
static int make_alias(struct node *node, struct lm_err *err)
{
	snprintf(node->alias, sizeof(node->alias), LM_RUN_DIR "/%s", node->conf.name);
	if (strcmp(node->alias, node->conf.rundir) == 0)
		return 0;
	if (make_dirs(LM_RUN_DIR, err) < 0)
		return -err->code;
	if (symlink(node->conf.rundir, node->alias) < 0) {
		char target[PATH_MAX] = "";

		if (errno != EEXIST || readlink(node->alias, target, sizeof(target) - 1) < 0 ||
			strcmp(target, node->conf.rundir) != 0)
			return lm_err_set(err, EEXIST,
				"%s: %s is there already: another node has that name",
				node->conf.file, node->alias);
	}
	node->has_alias = true;
	return 0;
}

static int claim_socket(const struct node *node, const char *name, struct lm_err *err)
{
	char path[PATH_MAX];

	path_in(node, name, path);
	return lm_unix_claim(path, err);
}

/* A directory that is not a node's must be empty: all that a node makes there is removed later. */
static int check_empty(const struct node *node, struct lm_err *err)
{
	DIR *d = opendir(node->conf.rundir);
	struct dirent *e;
	int rc = 0;

	while (rc == 0 && d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && strcmp(e->d_name, "slicemgr.pid") != 0)
			rc = lm_err_set(err, ENOTEMPTY,
				"%s: rundir %s holds '%s' and is no run directory of a node",
				node->conf.file, node->conf.rundir, e->d_name);
	if (d != NULL)
		closedir(d);
	return rc;
}

static int check_length(const struct node *node, struct lm_err *err)
{
	if (strlen(node->conf.rundir) > RUNDIR_LEN_MAX)
		return lm_err_set(err, ENAMETOOLONG,
			"%s: rundir %s: at most %zu octets, since sockets below it may have 107",
			node->conf.file, node->conf.rundir, RUNDIR_LEN_MAX);
	return 0;
}

/* Who could rename or replace a directory above would decide what root does below. */
static int check_owner(const struct node *node, struct lm_err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(node->conf.rundir);

	for (size_t i = 1; i <= len; i++) {
		struct stat st;
		bool last = i == len;

		if (!last && node->conf.rundir[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, node->conf.rundir);
		if (stat(part, &st) < 0) /* made by us, then */
			return errno == ENOENT ? 0 : lm_err_errno(err, errno, "%s", part);
		if (st.st_uid != 0 ||
			((st.st_mode & 022) != 0 && (last || (st.st_mode & S_ISVTX) == 0)))
			return lm_err_set(err, EPERM,
				"%s: rundir %s: others than root could change %s; use another or "
				"change its owner and mode",
				node->conf.file, node->conf.rundir, part);
	}
	return 0;
}

/* Takes back what node_dirs_claim() made when it must refuse. */
static void unclaim(struct node *node, bool was_there)
{
	char path[PATH_MAX];

	path_in(node, "slicemgr.pid", path);
	if (!was_there)
		unlink(path);
	close(node->lock_fd);
	node->lock_fd = -1;
	rmdir(node->conf.rundir);
	lm_run_dir_tidy();
}

int node_dirs_claim(struct node *node, struct lm_err *err)
{
	char path[PATH_MAX];
	bool was_there;
	int rc = check_length(node, err);

	if (rc == 0)
		rc = check_owner(node, err);
	if (rc == 0)
		rc = make_dirs(node->conf.rundir, err);
	if (rc < 0)
		return rc;
	path_in(node, "slicemgr.pid", path);
	was_there = access(path, F_OK) == 0;
	rc = lock(node, err);
	if (rc < 0)
		return rc;
	rc = claim_socket(node, "slicemgr.sock", err);
	if (rc == 0 && was_there)
		end_old_substrate(node);
	if (rc == 0)
		rc = claim_socket(node, "substrate.sock", err);
	if (rc == 0 && !was_there)
		rc = check_empty(node, err);
	if (rc == 0)
		rc = make_alias(node, err);
	if (rc < 0) {
		unclaim(node, was_there);
		return rc;
	}
	sweep(node);
	if (ftruncate(node->lock_fd, 0) < 0 || dprintf(node->lock_fd, "%d\n", (int)getpid()) < 0) {
		rc = lm_err_errno(err, errno, "%s", path);
		node_dirs_remove(node);
	}
	return rc;
}

void node_dirs_remove(struct node *node)
{
	char path[PATH_MAX];

	if (node->lock_fd < 0)
		return;
	remove_ours(node);
	/* the lock goes last: until then the directory is this process's */
	path_in(node, "slicemgr.pid", path);
	unlink(path);
	rmdir(node->conf.rundir);
	if (node->has_alias)
		unlink(node->alias);
	close(node->lock_fd);
	node->lock_fd = -1;
	lm_run_dir_tidy();
}
