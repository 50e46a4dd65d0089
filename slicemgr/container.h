/* SPDX-License-Identifier: BSD-3-Clause */
/* One sliver as a runc container: made, looked up, entered, ended. Blocking (some 10 ms each). */
#ifndef LM_SLICEMGR_CONTAINER_H
#define LM_SLICEMGR_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mp/err.h"

/* Defaults that lm_container_conf fields of 0 stand for. */
#define LM_CONTAINER_CPU_SHARES 1024
#define LM_CONTAINER_MEMORY_MAX (256ULL << 20)
#define LM_CONTAINER_PIDS_MAX	512
#define LM_CONTAINER_NOFILE	4096
#define LM_CONTAINER_DISK_BYTES (64ULL << 20)
#define LM_CONTAINER_LOG_BYTES	(4ULL << 20)

/* argv that lm_container_exec_argv() puts in front of the command, and its size in all. */
#define LM_CONTAINER_EXEC_ARGS_MAX 64

/** What a container is made of. All strings are borrowed; paths are absolute, on the host. */
struct lm_container_conf {
	const char *id;		   /* unique on the machine: "lamina-NODE-SLICE-SLIVER" */
	const char *runc_root;	   /* runc's state: RUNDIR/runc; made when missing */
	const char *bundle_dir;	   /* made by us: config.json, rootfs/; must be new or empty */
	const char *conf_dir;	   /* -> /run/lamina/conf, read-only */
	const char *memif_dir;	   /* -> /run/lamina/memif, read-only; NULL: none */
	const char *ctl_dir;	   /* -> /run/lamina/ctl; made when missing, a small tmpfs is
				      mounted on it and given to the sliver's root uid, 0700 */
	const char *log_dir;	   /* made when missing, a tmpfs (log_bytes) is mounted on it;
				      standard output and error go to console.log in it */
	const char *bin_dir;	   /* -> /opt/lamina/bin, read-only: lamina-init, -fp, -agent */
	const char *hostname;	   /* host name inside */
	const char *cgroup_parent; /* "/lamina/NODE": made when missing, removed when empty */
	const char *cgroup_name;   /* "SLICE.SLIVER" below it */
	uint32_t uid_base;	   /* host id of the sliver's uid and gid 0; 65,536 ids */
	const char *cpus;	   /* cpuset list such as "0-1,3"; NULL: all */
	uint32_t cpu_shares;	   /* weight against others on shared cores, 2..262144; 0: 1024 */
	uint32_t cpu_quota_pct;	   /* hard limit in per cent of one core; 0: none */
	uint64_t memory_max_bytes; /* all memory: processes, tmpfs, kernel memory; 0: default */
	uint32_t pids_max;	   /* processes and threads; 0: default */
	uint32_t nofile;	   /* open files a process; 0: default */
	uint64_t disk_bytes;	   /* size of each of /tmp, /root, /var/log (tmpfs); 0: default */
	uint64_t log_bytes;	   /* size of the console log's tmpfs; 0: default */
	bool raw;		   /* vrouter-raw: no FRR, hence no CAP_SYS_ADMIN inside */
	bool hugepages;		   /* a reservation allows huge-page allocations */
	const char *const *argv;   /* pid 1, NULL-terminated; NULL: lamina-init */
};

/**
 * Write the bundle, make the container and start it. On success `*pid` is its pid 1 as seen from
 * here and the container is running. On failure nothing of it is left but the empty directories
 * (see lm_container_delete()) and a negative errno is returned: EEXIST (the id is in use), ENOENT
 * (a directory, program or device is missing), EPERM (not root), EIO (runc refused; its own words
 * are in the message).
 */
int lm_container_create_start(const struct lm_container_conf *conf, pid_t *pid, struct lm_err *err);

/**
 * The host pid of container `id`'s pid 1. -ENOENT when there is no such container, -ESRCH when it
 * is there but its pid 1 has ended.
 */
int lm_container_pid(const char *runc_root, const char *id, pid_t *pid, struct lm_err *err);

/** What lm_container_delete() takes away; fields as in struct lm_container_conf. */
struct lm_container_place {
	const char *id;
	const char *runc_root;
	const char *bundle_dir;
	const char *ctl_dir;
	const char *log_dir;
	const char *cgroup_parent;
	const char *cgroup_name;
};

/** The place of `conf`, for lm_container_delete(). */
struct lm_container_place lm_container_place(const struct lm_container_conf *conf);

/**
 * End the container: SIGTERM to its pid 1, at most `grace_ms` of waiting, SIGKILL to everything in
 * it. Then remove what was made for it: runc's state, the bundle, the mounts on ctl_dir and
 * log_dir with what they hold (and the two directories), the cgroup and its parents where empty. A
 * container or part that does not exist is no error, so this also clears up after a crash. Returns
 * 0 or the negative errno of the first thing that could not be done (the rest is still tried).
 */
int lm_container_delete(const struct lm_container_place *place, int grace_ms, struct lm_err *err);

/**
 * Fill `out` with the argv that runs `argv` (NULL-terminated) inside container `id`: for execvp(),
 * after lm_core_limit_set().
 * With `terminal` the command gets a pseudo-terminal of the sliver's own. Strings are borrowed.
 * -E2BIG when argv does not fit.
 */
int lm_container_exec_argv(const char *runc_root, const char *id, bool terminal,
	const char *const *argv, const char *out[LM_CONTAINER_EXEC_ARGS_MAX], struct lm_err *err);

/**
 * The last lines (at most `size` - 1 octets) of the console log below `log_dir`, as a terminated
 * string with control characters made spaces except newline; "" when there is none.
 */
void lm_container_log_tail(const char *log_dir, char *buf, size_t size);

#endif
