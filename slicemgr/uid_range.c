/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/uid_range.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "slicemgr/run_dir.h"

/* What a range's file says; one line each: owner, pid, start, pidns, boot. */
struct claim {
	char owner[PATH_MAX];
	long pid;
	unsigned long long start; /* field 22 of /proc/PID/stat: with the pid, one process */
	unsigned long long pidns; /* pids mean nothing in another pid namespace */
	char boot[64];
};

static unsigned long long start_of(long pid)
{
	char path[64], text[1024];
	lm_cleanup_file FILE *f = NULL;
	const char *p;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	p = strrchr(text, ')'); /* the name before may hold anything */
	for (int field = 2; p != NULL && field < 22; field++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	return p != NULL ? strtoull(p, NULL, 10) : 0;
}

static void describe_self(struct claim *c, const char *owner)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	struct stat st;

	memset(c, 0, sizeof(*c));
	snprintf(c->owner, sizeof(c->owner), "%s", owner);
	c->pid = (long)getpid();
	c->start = start_of(c->pid);
	if (stat("/proc/self/ns/pid", &st) == 0)
		c->pidns = st.st_ino;
	if (f == NULL || fscanf(f, "%63s", c->boot) != 1)
		snprintf(c->boot, sizeof(c->boot), "unknown");
	if (f != NULL)
		fclose(f);
}

static bool read_claim(const char *path, struct claim *c)
{
	lm_cleanup_file FILE *f = fopen(path, "re");
	char line[PATH_MAX + 16];

	memset(c, 0, sizeof(*c));
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "owner ", 6) == 0)
			snprintf(c->owner, sizeof(c->owner), "%.*s", PATH_MAX - 1, line + 6);
		else if (strncmp(line, "pid ", 4) == 0)
			c->pid = strtol(line + 4, NULL, 10);
		else if (strncmp(line, "start ", 6) == 0)
			c->start = strtoull(line + 6, NULL, 10);
		else if (strncmp(line, "pidns ", 6) == 0)
			c->pidns = strtoull(line + 6, NULL, 10);
		else if (strncmp(line, "boot ", 5) == 0)
			snprintf(c->boot, sizeof(c->boot), "%.63s", line + 5);
	}
	return c->owner[0] == '/' && c->pid > 0 && c->boot[0] != '\0';
}

static int write_claim(const char *path, const struct claim *c, struct lm_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (f == NULL)
		return lm_err_errno(err, errno, "cannot make %s", path);
	fprintf(f, "owner %s\npid %ld\nstart %llu\npidns %llu\nboot %s\n", c->owner, c->pid,
		c->start, c->pidns, c->boot);
	if (fclose(f) != 0) {
		unlink(path);
		return lm_err_set(err, EIO, "cannot write %s", path);
	}
	return 0;
}

/* Whether any of the ids that a process runs with (real, effective, saved, file) is in the range */
static bool process_uses(const char *pid, uint32_t base)
{
	char path[300], line[256];
	lm_cleanup_file FILE *f = NULL;
	unsigned int id[4];

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "Uid: %u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4 &&
			sscanf(line, "Gid: %u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4)
			continue;
		for (int i = 0; i < 4; i++)
			if (id[i] - base < LM_UID_RANGE_SIZE)
				return true;
	}
	return false;
}

static bool range_has_processes(uint32_t base)
{
	DIR *proc = opendir("/proc");
	bool found = proc == NULL;

	if (proc == NULL)
		return true;
	for (struct dirent *e = readdir(proc); e != NULL && !found; e = readdir(proc))
		if (isdigit((unsigned char)e->d_name[0]))
			found = process_uses(e->d_name, base);
	closedir(proc);
	return found;
}

static bool is_dead(const struct claim *c, const struct claim *self, uint32_t base)
{
	struct stat st;

	if (strcmp(c->boot, self->boot) != 0 && strcmp(self->boot, "unknown") != 0)
		return true;
	if (c->pidns != self->pidns || start_of(c->pid) == c->start)
		return false;
	return lstat(c->owner, &st) < 0 && errno == ENOENT && !range_has_processes(base);
}

int lm_uid_range_take(const char *dir, const char *owner, uint32_t *base, struct lm_err *err)
{
	lm_cleanup_close int held = -1;
	struct claim self, other;
	char path[PATH_MAX];

	if (owner[0] != '/' || strchr(owner, '\n') != NULL)
		return lm_err_set(err, EINVAL, "uid range: the owner must be an absolute path");
	describe_self(&self, owner);
	held = lm_lock_path(dir, true, LOCK_EX, err);
	if (held < 0)
		return held;
	for (uint32_t k = 0; k < LM_UID_RANGE_COUNT; k++) {
		uint32_t first = LM_UID_RANGE_FIRST + k * LM_UID_RANGE_SIZE;

		if (snprintf(path, sizeof(path), "%s/%u", dir, k) >= (int)sizeof(path))
			return lm_err_set(err, ENAMETOOLONG, "%s: the path is too long", dir);
		if (access(path, F_OK) == 0) {
			if (!read_claim(path, &other) || !is_dead(&other, &self, first))
				continue;
			unlink(path);
		}
		*base = first;
		return write_claim(path, &self, err);
	}
	return lm_err_set(err, ENOSPC,
		"all %u uid ranges are taken; %s says by whom: destroy slices or end nodes there",
		LM_UID_RANGE_COUNT, dir);
}

int lm_uid_range_release(const char *dir, const char *owner, uint32_t base, struct lm_err *err)
{
	lm_cleanup_close int held = -1;
	struct claim c;
	char path[PATH_MAX];

	if ((base - LM_UID_RANGE_FIRST) % LM_UID_RANGE_SIZE != 0 ||
		(base - LM_UID_RANGE_FIRST) / LM_UID_RANGE_SIZE >= LM_UID_RANGE_COUNT)
		return lm_err_set(err, EINVAL, "uid range: %u is not the start of one", base);
	snprintf(path, sizeof(path), "%s/%u", dir, (base - LM_UID_RANGE_FIRST) / LM_UID_RANGE_SIZE);
	held = lm_lock_path(dir, true, LOCK_EX, err);
	if (held < 0)
		return held;
	if (access(path, F_OK) < 0)
		return 0;
	if (!read_claim(path, &c) || strcmp(c.owner, owner) != 0)
		return lm_err_set(err, EPERM, "%s: the uid range belongs to %s, not to %s", path,
			c.owner[0] != '\0' ? c.owner : "somebody", owner);
	return unlink(path) == 0 ? 0 : lm_err_errno(err, errno, "cannot remove %s", path);
}
