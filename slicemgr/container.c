/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include <jansson.h>
#include <linux/magic.h>

#include "mp/cleanup.h"
#include "mp/core_limit.h"
#include "slicemgr/container_cgroup.h"
#include "slicemgr/container_config.h"
#include "slicemgr/container_run.h"
#include "slicemgr/container_userns.h"
#include "slicemgr/rootfs.h"

#define RUNC_TIMEOUT_MS 60000
#define CTL_MOUNT	"size=256k,nr_inodes=64,mode=0700,uid=%u,gid=%u"
#define LOG_MOUNT	"size=%llu,nr_inodes=16,mode=0755"
#define LOG_NAME	"console.log"

static int make_dir(const char *path, mode_t mode, struct lm_err *err)
{
	if (mkdir(path, mode) == 0 ? chmod(path, mode) < 0 : errno != EEXIST)
		return lm_err_errno(err, errno, "cannot make %s", path);
	return 0;
}

static bool is_tmpfs_mount(const char *path)
{
	char up[PATH_MAX];
	struct stat here, above;
	struct statfs fs;

	if (snprintf(up, sizeof(up), "%s/..", path) >= (int)sizeof(up))
		return false;
	return lstat(path, &here) == 0 && S_ISDIR(here.st_mode) && stat(up, &above) == 0 &&
	       here.st_dev != above.st_dev && statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* What a sliver can write into on the host is a small file system of its own. */
static int mount_small(const char *path, const char *options, struct lm_err *err)
{
	int rc = make_dir(path, 0755, err);

	if (rc < 0 || is_tmpfs_mount(path))
		return rc;
	if (mount("lamina", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return lm_err_errno(err, errno, "cannot mount a tmpfs on %s", path);
	return 0;
}

static int unmount_small(const char *path, struct lm_err *err)
{
	if (is_tmpfs_mount(path) && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return lm_err_errno(err, errno, "cannot unmount %s", path);
	if (rmdir(path) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return lm_err_errno(err, errno, "cannot remove %s", path);
	return 0;
}

static int join(char path[PATH_MAX], const char *dir, const char *name, struct lm_err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return lm_err_set(err, ENAMETOOLONG, "%s: the path is too long", dir);
	return 0;
}

static int write_bundle(
	const struct lm_container_conf *conf, const char *userns, struct lm_err *err)
{
	lm_cleanup_json json_t *config = NULL;
	char path[PATH_MAX];
	int rc = make_dir(conf->bundle_dir, 0710, err);

	/* other users of the host stay out: rootfs/tmp is open to all (see rootfs.c) */
	if (rc == 0 && chown(conf->bundle_dir, 0, conf->uid_base) < 0)
		rc = lm_err_errno(err, errno, "%s", conf->bundle_dir);
	if (rc < 0 || join(path, conf->bundle_dir, "rootfs", err) < 0)
		return -err->code;
	rc = lm_rootfs_make(path, conf->hostname, err);
	if (rc < 0)
		return rc;
	config = lm_container_config(conf, userns, err);
	if (config == NULL || join(path, conf->bundle_dir, "config.json", err) < 0)
		return -err->code;
	if (json_dump_file(config, path, JSON_INDENT(1)) < 0)
		return lm_err_set(err, EIO, "cannot write %s", path);
	return 0;
}

/* The last line that runc (or prlimit before it) left in its log or else on the console. */
static int runc_failed(const struct lm_container_conf *conf, const char *log, struct lm_err *err)
{
	lm_cleanup_file FILE *f = fopen(log, "re");
	char line[LM_ERR_MSG_MAX] = "", last[LM_ERR_MSG_MAX] = "";
	const char *msg = NULL;
	json_t *entry;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		memcpy(last, line, sizeof(last));
	entry = json_loads(last, 0, NULL);
	msg = json_string_value(json_object_get(entry, "msg"));
	if (msg == NULL && last[0] == '\0') {
		lm_container_log_tail(conf->log_dir, last, sizeof(last));
		last[strcspn(last, "\n")] = '\0';
	}
	if (msg == NULL)
		msg = last[0] != '\0' ? last : "no reason given";
	lm_err_set(err, EIO, "runc could not start container %s: %.300s", conf->id, msg);
	json_decref(entry);
	return -EIO;
}

static int open_log(const char *log_dir, struct lm_err *err)
{
	char path[PATH_MAX];
	int fd;

	if (join(path, log_dir, LOG_NAME, err) < 0)
		return -err->code;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return lm_err_errno(err, errno, "cannot open %s", path);
	return fd;
}

static int read_pid(const char *path, pid_t *pid, struct lm_err *err)
{
	FILE *f = fopen(path, "re");
	int n = 0;

	if (f != NULL && fscanf(f, "%d", &n) != 1)
		n = 0;
	if (f != NULL)
		fclose(f);
	if (n <= 0)
		return lm_err_set(err, EIO, "%s: runc left no pid there", path);
	*pid = n;
	return 0;
}

/* A hard limit above ours cannot be asked for by everybody who is root. */
static unsigned long nofile_limit(uint32_t want)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max < want)
		return now.rlim_max;
	return want;
}

/*
 * Limits are inherited through runc and not in its configuration: it would set them from outside,
 * which takes CAP_SYS_RESOURCE over a namespace that root does not own.
 */
static int run(const struct lm_container_conf *conf, pid_t *pid, struct lm_err *err)
{
	char pid_file[PATH_MAX], runc_log[PATH_MAX], nofile[64], core[64];
	unsigned long files = nofile_limit(conf->nofile != 0 ? conf->nofile : LM_CONTAINER_NOFILE);
	const char *argv[] = {"prlimit", core, nofile, "runc", "--root", conf->runc_root, "--log",
		runc_log, "--log-format", "json", "run", "--detach", "--bundle", conf->bundle_dir,
		"--pid-file", pid_file, conf->id, NULL};
	lm_cleanup_close int log_fd = -1;
	lm_cleanup_close int held = -1;
	int rc;

	snprintf(nofile, sizeof(nofile), "--nofile=%lu:%lu", files, files);
	snprintf(core, sizeof(core), "--core=%lu:%lu", lm_core_limit(), lm_core_limit());
	if (join(pid_file, conf->bundle_dir, "pid", err) < 0 ||
		join(runc_log, conf->bundle_dir, "runc.log", err) < 0)
		return -err->code;
	log_fd = open_log(conf->log_dir, err);
	if (log_fd < 0)
		return log_fd;
	held = lm_cgroup_hold(err);
	if (held < 0)
		return held;
	rc = lm_container_run(argv, log_fd, NULL, 0, RUNC_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	return rc == 0 ? read_pid(pid_file, pid, err) : runc_failed(conf, runc_log, err);
}

static int check(const struct lm_container_conf *conf, struct lm_err *err)
{
	const char *needed[] = {conf->conf_dir, conf->bin_dir, "/dev/net/tun",
		conf->memif_dir != NULL ? conf->memif_dir : conf->conf_dir};
	pid_t pid;
	int rc;

	if (geteuid() != 0)
		return lm_err_set(err, EPERM, "containers can be made by root only");
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (access(needed[i], F_OK) < 0)
			return lm_err_errno(
				err, errno, "container %s needs %s", conf->id, needed[i]);
	rc = lm_container_pid(conf->runc_root, conf->id, &pid, err);
	if (rc == 0 || rc == -ESRCH)
		return lm_err_set(err, EEXIST,
			"container %s exists already; destroy its slice first", conf->id);
	return rc == -ENOENT ? 0 : rc;
}

struct lm_container_place lm_container_place(const struct lm_container_conf *conf)
{
	return (struct lm_container_place){.id = conf->id,
		.runc_root = conf->runc_root,
		.bundle_dir = conf->bundle_dir,
		.ctl_dir = conf->ctl_dir,
		.log_dir = conf->log_dir,
		.cgroup_parent = conf->cgroup_parent,
		.cgroup_name = conf->cgroup_name};
}

static int create_start(const struct lm_container_conf *conf, pid_t *pid, struct lm_err *err)
{
	unsigned long long log_bytes =
		conf->log_bytes != 0 ? conf->log_bytes : LM_CONTAINER_LOG_BYTES;
	struct lm_userns userns;
	char options[128];
	int rc;

	snprintf(options, sizeof(options), CTL_MOUNT, conf->uid_base, conf->uid_base);
	rc = mount_small(conf->ctl_dir, options, err);
	if (rc < 0)
		return rc;
	snprintf(options, sizeof(options), LOG_MOUNT, log_bytes);
	rc = mount_small(conf->log_dir, options, err);
	if (rc < 0)
		return rc;
	rc = lm_userns_make(conf->uid_base, &userns, err);
	if (rc < 0)
		return rc;
	rc = write_bundle(conf, userns.path, err);
	if (rc == 0)
		rc = run(conf, pid, err);
	lm_userns_release(&userns);
	return rc;
}

int lm_container_create_start(const struct lm_container_conf *conf, pid_t *pid, struct lm_err *err)
{
	struct lm_container_place place = lm_container_place(conf);
	struct lm_err ignored;
	int rc = make_dir(conf->runc_root, 0700, err);

	if (rc == 0)
		rc = check(conf, err);
	if (rc < 0)
		return rc;
	rc = create_start(conf, pid, err);
	if (rc < 0)
		lm_container_delete(&place, 0, &ignored);
	return rc;
}

int lm_container_pid(const char *runc_root, const char *id, pid_t *pid, struct lm_err *err)
{
	const char *argv[] = {"runc", "--root", runc_root, "state", id, NULL};
	lm_cleanup_json json_t *state = NULL;
	char path[PATH_MAX], text[16384];
	const char *status;
	int rc;

	if (join(path, runc_root, id, err) < 0)
		return -err->code;
	if (access(path, F_OK) < 0)
		return lm_err_set(err, ENOENT, "there is no container %s", id);
	rc = lm_container_run(argv, -1, text, sizeof(text), RUNC_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	state = json_loads(text, 0, NULL);
	status = json_string_value(json_object_get(state, "status"));
	*pid = (pid_t)json_integer_value(json_object_get(state, "pid"));
	if (rc != 0 || status == NULL)
		return lm_err_set(err, ESRCH, "container %s is broken; destroy its slice", id);
	if (strcmp(status, "stopped") == 0 || *pid <= 0)
		return lm_err_set(err, ESRCH, "container %s has ended", id);
	return 0;
}

/* Asks pid 1 to end and waits; runc's delete kills what is left. */
static void end_gently(const struct lm_container_place *place, int grace_ms)
{
	struct pollfd p = {.events = POLLIN};
	struct lm_err ignored;
	pid_t pid, again;

	if (grace_ms <= 0 || lm_container_pid(place->runc_root, place->id, &pid, &ignored) < 0)
		return;
	p.fd = pidfd_open(pid, 0);
	if (p.fd < 0)
		return;
	/* The number is still the container's after the descriptor was opened: so is that. */
	if (lm_container_pid(place->runc_root, place->id, &again, &ignored) == 0 && again == pid &&
		pidfd_send_signal(p.fd, SIGTERM, NULL, 0) == 0)
		poll(&p, 1, grace_ms);
	close(p.fd);
}

static int runc_delete(const struct lm_container_place *place, struct lm_err *err)
{
	const char *argv[] = {
		"runc", "--root", place->runc_root, "delete", "--force", place->id, NULL};
	char path[PATH_MAX];
	int rc;

	if (join(path, place->runc_root, place->id, err) < 0)
		return -err->code;
	if (access(path, F_OK) < 0)
		return 0;
	rc = lm_container_run(argv, -1, NULL, 0, RUNC_TIMEOUT_MS, err);
	if (rc > 0)
		return lm_err_set(err, EIO,
			"runc could not delete container %s; see: runc --root %s delete --force %s",
			place->id, place->runc_root, place->id);
	return rc;
}

/* Keeps the first error of several steps. */
static void note(int rc, const struct lm_err *step, int *first, struct lm_err *err)
{
	if (rc < 0 && *first == 0) {
		*first = rc;
		*err = *step;
	}
}

int lm_container_delete(const struct lm_container_place *place, int grace_ms, struct lm_err *err)
{
	struct lm_err step = {0};
	int first = 0;

	end_gently(place, grace_ms);
	note(runc_delete(place, &step), &step, &first, err);
	note(lm_cgroup_remove(place->cgroup_parent, place->cgroup_name, &step), &step, &first, err);
	note(lm_rootfs_remove(place->bundle_dir, &step), &step, &first, err);
	note(unmount_small(place->ctl_dir, &step), &step, &first, err);
	note(unmount_small(place->log_dir, &step), &step, &first, err);
	return first;
}

int lm_container_exec_argv(const char *runc_root, const char *id, bool terminal,
	const char *const *argv, const char *out[LM_CONTAINER_EXEC_ARGS_MAX], struct lm_err *err)
{
	size_t n = 0;

	out[n++] = "runc";
	out[n++] = "--root";
	out[n++] = runc_root;
	out[n++] = "exec";
	if (terminal)
		out[n++] = "--tty";
	out[n++] = "--cwd";
	out[n++] = "/root";
	out[n++] = "--env";
	out[n++] = "TERM=xterm-256color";
	out[n++] = id;
	for (; *argv != NULL; argv++) {
		if (n + 1 >= LM_CONTAINER_EXEC_ARGS_MAX)
			return lm_err_set(err, E2BIG,
				"the command has too many words (at most %d); use: sh -c '...'",
				LM_CONTAINER_EXEC_ARGS_MAX - 12);
		out[n++] = *argv;
	}
	out[n] = NULL;
	return 0;
}

void lm_container_log_tail(const char *log_dir, char *buf, size_t size)
{
	lm_cleanup_close int fd = -1;
	struct lm_err ignored;
	char path[PATH_MAX];
	struct stat st;
	ssize_t len;

	buf[0] = '\0';
	if (join(path, log_dir, LOG_NAME, &ignored) < 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	len = pread(
		fd, buf, size - 1, st.st_size >= (off_t)size ? st.st_size - (off_t)size + 1 : 0);
	buf[len > 0 ? len : 0] = '\0';
	/* What a sliver wrote must not drive the reader's terminal. */
	for (char *c = buf; *c != '\0'; c++)
		if (*c != '\n' && ((unsigned char)*c < 0x20 || *c == 0x7f || (*c & 0x80) != 0))
			*c = ' ';
}
