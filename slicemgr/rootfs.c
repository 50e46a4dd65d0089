/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const lm_rootfs_binds[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
	"/libx32", "/etc/alternatives", "/etc/ld.so.cache", "/etc/protocols", "/etc/services",
	"/etc/ethertypes", "/etc/iproute2", "/etc/inputrc", "/etc/localtime", NULL};

static const char *const dirs[] = {"/etc", "/etc/frr", "/etc/pam.d", "/dev", "/home", "/mnt",
	"/opt", "/opt/lamina", "/opt/lamina/bin", "/proc", "/root", "/run", "/sys", "/tmp", "/var",
	"/var/cache", "/var/lib", "/var/log", "/var/spool", NULL};

static const char *const links[][2] = {{"/var/run", "/run"}, {"/var/lock", "/run/lock"},
	{"/var/tmp", "/tmp"}, {"/etc/mtab", "/proc/self/mounts"},
	{"/etc/os-release", "/usr/lib/os-release"}};

/* Accounts copied from the host, where they exist. */
static const char *const users[] = {"root", "daemon", "nobody", "frr", "tcpdump", NULL};
static const char *const groups[] = {
	"root", "daemon", "tty", "nogroup", "frr", "frrvty", "tcpdump", NULL};

static bool listed(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static int join(char path[PATH_MAX], const char *dir, const char *name, struct lm_err *err)
{
	if (snprintf(path, PATH_MAX, "%s%s", dir, name) >= PATH_MAX)
		return lm_err_set(err, ENAMETOOLONG, "%s: the path is too long", dir);
	return 0;
}

/* Modes are set after the fact, so that no umask can hide the tree from the sliver. */
static int make_dir(const char *path, mode_t mode, struct lm_err *err)
{
	if (mkdir(path, mode) < 0 || chmod(path, mode) < 0)
		return lm_err_errno(err, errno, "cannot make %s", path);
	return 0;
}

static FILE *create(const char *dir, const char *name, struct lm_err *err)
{
	char path[PATH_MAX];
	FILE *f;

	if (join(path, dir, name, err) < 0)
		return NULL;
	f = fopen(path, "wxe");
	if (f == NULL)
		lm_err_errno(err, errno, "cannot make %s", path);
	else
		fchmod(fileno(f), 0644);
	return f;
}

/* Closes f; an error of any write before shows here. */
static int finish(FILE *f, const char *dir, const char *name, struct lm_err *err)
{
	bool bad = ferror(f) != 0;

	if (fclose(f) != 0 || bad)
		return lm_err_set(err, EIO, "cannot write %s%s", dir, name);
	return 0;
}

static int write_text(const char *dir, const char *name, const char *text, struct lm_err *err)
{
	FILE *f = create(dir, name, err);

	if (f == NULL)
		return -err->code;
	fputs(text, f);
	return finish(f, dir, name, err);
}

static int write_passwd(const char *dir, struct lm_err *err)
{
	FILE *host = fopen("/etc/passwd", "re");
	FILE *f;

	if (host == NULL)
		return lm_err_errno(err, errno, "cannot read /etc/passwd");
	f = create(dir, "/etc/passwd", err);
	if (f == NULL) {
		fclose(host);
		return -err->code;
	}
	for (struct passwd *p = fgetpwent(host); p != NULL; p = fgetpwent(host))
		if (listed(users, p->pw_name))
			fprintf(f, "%s:x:%u:%u::%s:%s\n", p->pw_name, (unsigned int)p->pw_uid,
				(unsigned int)p->pw_gid, p->pw_uid == 0 ? "/root" : "/nonexistent",
				p->pw_uid == 0 ? "/bin/bash" : "/usr/sbin/nologin");
	fclose(host);
	return finish(f, dir, "/etc/passwd", err);
}

static int write_group(const char *dir, struct lm_err *err)
{
	FILE *host = fopen("/etc/group", "re");
	FILE *f;

	if (host == NULL)
		return lm_err_errno(err, errno, "cannot read /etc/group");
	f = create(dir, "/etc/group", err);
	if (f == NULL) {
		fclose(host);
		return -err->code;
	}
	for (struct group *g = fgetgrent(host); g != NULL; g = fgetgrent(host))
		if (listed(groups, g->gr_name))
			fprintf(f, "%s:x:%u:%s\n", g->gr_name, (unsigned int)g->gr_gid,
				strcmp(g->gr_name, "frrvty") == 0 ? "frr" : "");
	fclose(host);
	return finish(f, dir, "/etc/group", err);
}

static int write_etc(const char *dir, const char *hostname, struct lm_err *err)
{
	char text[512];
	int rc;

	snprintf(text, sizeof(text), "%s\n", hostname);
	rc = write_text(dir, "/etc/hostname", text, err);
	if (rc < 0)
		return rc;
	snprintf(text, sizeof(text), "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost\n",
		hostname);
	rc = write_text(dir, "/etc/hosts", text, err);
	if (rc == 0)
		rc = write_text(dir, "/etc/nsswitch.conf",
			"passwd: files\ngroup: files\nhosts: files\nprotocols: files\n"
			"services: files\n",
			err);
	if (rc == 0)
		rc = write_text(
			dir, "/etc/bash.bashrc", "[ -z \"$PS1\" ] || PS1='\\u@\\h:\\w\\$ '\n", err);
	if (rc == 0) /* vtysh asks PAM about its caller; who may use it is up to its sockets */
		rc = write_text(dir, "/etc/pam.d/frr",
			"auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n", err);
	if (rc == 0)
		rc = write_passwd(dir, err);
	return rc == 0 ? write_group(dir, err) : rc;
}

/* The mount point of what the host has at `path`: a directory, a file, or the same link. */
static int make_like_host(const char *dir, const char *path, struct lm_err *err)
{
	char at[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (lstat(path, &st) < 0)
		return 0;
	if (join(at, dir, path, err) < 0)
		return -err->code;
	if (S_ISDIR(st.st_mode))
		return make_dir(at, 0755, err);
	if (!S_ISLNK(st.st_mode))
		return write_text(dir, path, "", err);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return lm_err_errno(err, errno, "cannot read the link %s", path);
	target[len] = '\0';
	if (symlink(target, at) < 0)
		return lm_err_errno(err, errno, "cannot make %s", at);
	return 0;
}

int lm_rootfs_make(const char *dir, const char *hostname, struct lm_err *err)
{
	char path[PATH_MAX];

	if (make_dir(dir, 0755, err) < 0)
		return -err->code;
	for (size_t i = 0; dirs[i] != NULL; i++) {
		/* runc gives a tmpfs the mode of the directory below it */
		mode_t mode = strcmp(dirs[i], "/tmp") == 0 ? 01777 : 0755;

		if (join(path, dir, dirs[i], err) < 0 || make_dir(path, mode, err) < 0)
			return -err->code;
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (join(path, dir, links[i][0], err) < 0)
			return -err->code;
		if (symlink(links[i][1], path) < 0)
			return lm_err_errno(err, errno, "cannot make %s", path);
	}
	for (size_t i = 0; lm_rootfs_binds[i] != NULL; i++) {
		if (make_like_host(dir, lm_rootfs_binds[i], err) < 0)
			return -err->code;
	}
	return write_etc(dir, hostname, err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? errno : 0;
}

int lm_rootfs_remove(const char *dir, struct lm_err *err)
{
	int rc = nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	if (rc < 0 && errno == ENOENT)
		return 0;
	if (rc != 0)
		return lm_err_errno(err, rc > 0 ? rc : errno, "cannot remove %s", dir);
	return 0;
}
