/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/frr_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cp/frr_daemons.h"
#include "cp/proc.h"
#include "mp/cleanup.h"
#include "mp/log.h"
#include "mp/unix_path.h"

/* vtysh asks PAM for a user that is not named here, and a sliver has no PAM */
static const char vtysh_conf[] = "service integrated-vtysh-config\nusername root nopassword\n";

static int make_dir(const char *path, const struct passwd *frr, mode_t mode, struct lm_err *err)
{
	if ((mkdir(path, mode) < 0 && errno != EEXIST) ||
		chown(path, frr->pw_uid, frr->pw_gid) < 0 || chmod(path, mode) < 0)
		return lm_err_errno(err, errno, "%s", path);
	return 0;
}

static int write_file(
	const char *path, const char *text, const struct passwd *frr, struct lm_err *err)
{
	lm_cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	size_t len = strlen(text);
	const char *end = len > 0 && text[len - 1] != '\n' ? "\n" : "";

	if (fd < 0 || fchown(fd, frr->pw_uid, frr->pw_gid) < 0 ||
		dprintf(fd, "%s%s", text, end) < 0)
		return lm_err_errno(err, errno, "%s", path);
	return 0;
}

/* FRR has /var/run/frr compiled in. */
static int check_var_run(struct lm_err *err)
{
	struct stat a, b;

	if (stat(FRR_RUN_DIR, &a) < 0 || stat("/var/run/frr", &b) < 0 || a.st_dev != b.st_dev ||
		a.st_ino != b.st_ino)
		return lm_err_set(err, ENOENT,
			"/var/run/frr is not " FRR_RUN_DIR ": /var/run must be a link to /run");
	return 0;
}

int frr_files_make(const struct sliver_conf *conf, struct lm_err *err)
{
	const struct passwd *frr = getpwnam("frr");
	char path[64];
	int rc;

	if (frr == NULL)
		return lm_err_set(err, ENOENT, "there is no user 'frr' in /etc/passwd");
	if ((rc = make_dir(FRR_ETC_DIR, frr, 0750, err)) < 0 ||
		(rc = make_dir(FRR_START_DIR, frr, 0750, err)) < 0 ||
		(rc = make_dir(FRR_RUN_DIR, frr, 0755, err)) < 0 || (rc = check_var_run(err)) < 0 ||
		(rc = write_file(FRR_ETC_DIR "/vtysh.conf", vtysh_conf, frr, err)) < 0 ||
		(rc = write_file(FRR_CONF, conf->config, frr, err)) < 0)
		return rc;
	for (unsigned int i = 0; i < conf->n_daemons; i++) {
		const char *name = conf->daemons[i];

		snprintf(path, sizeof(path), FRR_START_DIR "/%s.conf", name);
		rc = write_file(path, frr_daemon_start_config(name), frr, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A flat directory of log buffers; one a life would fill the tmpfs of a daemon that dies often. */
static void remove_crash_buffers(const char *daemon, pid_t pid)
{
	char path[64];
	const struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/var/tmp/frr/%s.%d", daemon, (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		/* a crash log is for a human to read; it stays, and then so does the directory */
		if (strncmp(e->d_name, "logbuf.", 7) == 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	if (rmdir(path) < 0)
		lm_info("%s: see %s", daemon, path);
}

void frr_files_clean(const char *daemon, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), FRR_RUN_DIR "/%s.vty", daemon);
	unlink(path);
	if (pid > 0)
		remove_crash_buffers(daemon, pid);
}

bool frr_vty_listens(const char *daemon)
{
	lm_cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	struct lm_err err = {0};
	char path[64];

	snprintf(path, sizeof(path), FRR_RUN_DIR "/%s.vty", daemon);
	return fd >= 0 && lm_unix_addr(&sa, path, &err) == 0 &&
	       connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
}

bool frr_version_is(const char *version)
{
	const char *const argv[] = {FRR_BIN_DIR "/zebra", "--version", NULL};
	char text[128] = "", word[32] = "";
	ssize_t n;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pid = proc_spawn(argv, false, -1, ends[1]);
	close(ends[1]);
	n = pid > 0 ? read(ends[0], text, sizeof(text) - 1) : 0;
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return n > 0 && sscanf(text, "zebra version %31s", word) == 1 &&
	       strncmp(word, version, strlen(version)) == 0;
}

const char *frr_config_profile(const char *config)
{
	static const char *const profiles[] = {"datacenter", "traditional"};
	const char *line = config;

	while (line != NULL && *line != '\0') {
		char name[16];

		if (sscanf(line, "frr defaults %15s", name) == 1)
			for (unsigned int i = 0; i < 2; i++)
				if (strcmp(name, profiles[i]) == 0)
					return profiles[i];
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return NULL;
}
