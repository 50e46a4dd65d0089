/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/container_config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cp/sliver.h"
#include "mp/cleanup.h"
#include "slicemgr/rootfs.h"
#include "slicemgr/seccomp.h"
#include "slicemgr/uid_range.h"

#define CPU_PERIOD_US 100000

/* Only what exists for swap accounting on a kernel that has it; cgroup v2 is handled by runc. */
#define V1_MEMSW "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"
#define V2_ROOT	 "/sys/fs/cgroup/cgroup.controllers"

/* Needed by lamina-init (TAPs, accounts, signals), FRR and tcpdump (raw sockets, own accounts) and
 * gdb; all of them count only inside the sliver's user namespace. */
static const char *const capabilities[] = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER",
	"CAP_FSETID", "CAP_KILL", "CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",
	"CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_PTRACE"};

/* zebra, ospfd and bgpd of FRR 8.4 end at start without it; seccomp keeps what it opens small. */
#define FRR_CAPABILITY "CAP_SYS_ADMIN"

static const char *const masked_paths[] = {"/proc/acpi", "/proc/asound", "/proc/config.gz",
	"/proc/kallsyms", "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
	"/sys/fs", "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing"};

static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

/* Of the sliver's own network namespace; /proc/sys is read-only afterwards. */
static const char *const sysctls[][2] = {
	/* The sliver's kernel is the slow path of a router. */
	{"net.ipv4.ip_forward", "1"},
	{"net.ipv6.conf.all.forwarding", "1"},
	{"net.ipv6.conf.default.forwarding", "1"},
	{"net.ipv6.conf.all.disable_ipv6", "0"},
	{"net.ipv6.conf.default.disable_ipv6", "0"},
	{"net.ipv6.conf.all.accept_ra", "0"},
	{"net.ipv6.conf.default.accept_ra", "0"},
	/* Addresses are the spec's: usable at once, and kept when a link goes down. */
	{"net.ipv6.conf.all.accept_dad", "0"},
	{"net.ipv6.conf.default.accept_dad", "0"},
	{"net.ipv6.conf.all.keep_addr_on_down", "1"},
	{"net.ipv6.conf.default.keep_addr_on_down", "1"},
	/* Punted frames may come in on paths that are not the best one back. */
	{"net.ipv4.conf.all.rp_filter", "0"},
	{"net.ipv4.conf.default.rp_filter", "0"},
	/* Redirects would draw traffic from the fast path's routes. */
	{"net.ipv4.conf.all.send_redirects", "0"},
	{"net.ipv4.conf.default.send_redirects", "0"},
	{"net.ipv4.conf.all.accept_redirects", "0"},
	{"net.ipv4.conf.default.accept_redirects", "0"},
	{"net.ipv6.conf.all.accept_redirects", "0"},
	{"net.ipv6.conf.default.accept_redirects", "0"},
	/* Neighbours learn a vMAC that moved. */
	{"net.ipv4.conf.all.arp_notify", "1"},
	{"net.ipv4.conf.default.arp_notify", "1"},
	{"net.ipv6.conf.all.ndisc_notify", "1"},
	{"net.ipv6.conf.default.ndisc_notify", "1"},
	/* As FRR asks: routes of dead links are not used, many interfaces may join a group. */
	{"net.ipv4.conf.all.ignore_routes_with_linkdown", "1"},
	{"net.ipv4.conf.default.ignore_routes_with_linkdown", "1"},
	{"net.ipv6.conf.all.ignore_routes_with_linkdown", "1"},
	{"net.ipv6.conf.default.ignore_routes_with_linkdown", "1"},
	{"net.ipv4.igmp_max_memberships", "1000"},
	{"net.ipv4.fib_multipath_hash_policy", "1"},
	{"net.ipv6.fib_multipath_hash_policy", "1"},
	/* ping by everyone inside, without a raw socket */
	{"net.ipv4.ping_group_range", "0 65535"},
};

static json_t *strings(const char *const *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

#define STRINGS(list) strings(list, sizeof(list) / sizeof((list)[0]))

static json_t *capability_sets(bool raw)
{
	json_t *set = STRINGS(capabilities);

	if (!raw)
		json_array_append_new(set, json_string(FRR_CAPABILITY));
	/* No ambient and inheritable ones: an account that is not root gets none by exec. */
	return json_pack("{s:O, s:O, s:o}", "bounding", set, "effective", set, "permitted", set);
}

static json_t *process(const struct lm_container_conf *conf)
{
	static const char *const init[] = {LM_SLIVER_BIN_DIR "/lamina-init", NULL};
	const char *const *argv = conf->argv != NULL ? conf->argv : init;
	size_t argc = 0;

	while (argv[argc] != NULL)
		argc++;
	/* No "rlimits": container.c says why. Under memory pressure of the whole machine slivers
	 * go before the node's own processes. */
	return json_pack("{s:b, s:{s:i, s:i}, s:o, s:[sss], s:s, s:o, s:b, s:i}", "terminal", 0,
		"user", "uid", 0, "gid", 0, "args", strings(argv, argc), "env",
		"PATH=" LM_SLIVER_BIN_DIR
		":/usr/lib/frr:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LANG=C.UTF-8", "cwd", "/", "capabilities",
		capability_sets(conf->raw), "noNewPrivileges", 1, "oomScoreAdj", 300);
}

static int add_mount(
	json_t *mounts, const char *type, const char *source, const char *where, json_t *options)
{
	return json_array_append_new(
		mounts, json_pack("{s:s, s:s, s:s, s:o}", "destination", where, "type", type,
				"source", source, "options", options));
}

static int add_bind(json_t *mounts, const char *source, const char *where, const char *mode)
{
	/* The recursive forms (rro...) reach what the host may have mounted below as well. */
	return add_mount(mounts, "bind", source, where,
		json_pack("[sssss]", "rbind", "rprivate", mode, "rnosuid", "rnodev"));
}

static int add_tmpfs(json_t *mounts, const char *where, uint64_t bytes, const char *mode)
{
	char size[64];

	snprintf(size, sizeof(size), "size=%lluk", (unsigned long long)(bytes + 1023) / 1024);
	return add_mount(mounts, "tmpfs", "tmpfs", where,
		json_pack("[ssss]", "nosuid", "nodev", size, mode));
}

/* FRR's daemons run as its own account and read and write /etc/frr. */
static int add_frr_dir(json_t *mounts)
{
	const struct passwd *frr = getpwnam("frr");
	char uid[32], gid[32];

	if (frr == NULL)
		return add_tmpfs(mounts, "/etc/frr", 1 << 20, "mode=0755");
	snprintf(uid, sizeof(uid), "uid=%u", (unsigned int)frr->pw_uid);
	snprintf(gid, sizeof(gid), "gid=%u", (unsigned int)frr->pw_gid);
	return add_mount(mounts, "tmpfs", "tmpfs", "/etc/frr",
		json_pack("[ssssss]", "nosuid", "nodev", "size=1024k", "mode=0755", uid, gid));
}

static int add_host_binds(json_t *mounts)
{
	struct stat st;
	int rc = 0;

	for (size_t i = 0; lm_rootfs_binds[i] != NULL; i++)
		if (lstat(lm_rootfs_binds[i], &st) == 0 && !S_ISLNK(st.st_mode))
			rc |= add_bind(mounts, lm_rootfs_binds[i], lm_rootfs_binds[i], "rro");
	return rc;
}

static json_t *mounts_of(const struct lm_container_conf *conf)
{
	uint64_t disk = conf->disk_bytes != 0 ? conf->disk_bytes : LM_CONTAINER_DISK_BYTES;
	lm_cleanup_json json_t *m = json_array();
	int rc = add_host_binds(m);

	rc |= add_mount(
		m, "proc", "proc", "/proc", json_pack("[sss]", "nosuid", "noexec", "nodev"));
	rc |= add_mount(m, "sysfs", "sysfs", "/sys",
		json_pack("[ssss]", "nosuid", "noexec", "nodev", "ro"));
	rc |= add_mount(m, "tmpfs", "tmpfs", "/dev",
		json_pack("[sssss]", "nosuid", "noexec", "mode=755", "size=64k", "ro"));
	rc |= add_mount(m, "devpts", "devpts", "/dev/pts",
		json_pack("[sssss]", "nosuid", "noexec", "newinstance", "ptmxmode=0666",
			"mode=0620"));
	rc |= add_mount(m, "mqueue", "mqueue", "/dev/mqueue",
		json_pack("[sss]", "nosuid", "noexec", "nodev"));
	rc |= add_tmpfs(m, "/dev/shm", disk, "mode=1777");
	rc |= add_tmpfs(m, "/run", 16 << 20, "mode=0755");
	rc |= add_tmpfs(m, LM_SLIVER_INT_DIR, 1 << 20, "mode=0700");
	rc |= add_tmpfs(m, "/tmp", disk, "mode=1777");
	rc |= add_tmpfs(m, "/root", disk, "mode=0700");
	rc |= add_tmpfs(m, "/var/log", disk, "mode=0755");
	rc |= add_frr_dir(m);
	rc |= add_bind(m, conf->bin_dir, LM_SLIVER_BIN_DIR, "rro");
	rc |= add_bind(m, conf->conf_dir, "/run/lamina/conf", "rro");
	rc |= add_bind(m, conf->ctl_dir, LM_SLIVER_CTL_DIR, "rw");
	if (conf->memif_dir != NULL)
		rc |= add_bind(m, conf->memif_dir, LM_SLIVER_MEMIF_DIR, "rro");
	return rc == 0 ? json_incref(m) : NULL;
}

static json_t *memory(const struct lm_container_conf *conf)
{
	json_int_t max = (json_int_t)(conf->memory_max_bytes != 0 ? conf->memory_max_bytes
								  : LM_CONTAINER_MEMORY_MAX);
	json_t *memory = json_pack("{s:I}", "limit", max);

	if (access(V1_MEMSW, F_OK) == 0 || access(V2_ROOT, F_OK) == 0)
		json_object_set_new(memory, "swap", json_integer(max));
	return memory;
}

static json_t *cpu(const struct lm_container_conf *conf)
{
	json_int_t shares = conf->cpu_shares != 0 ? conf->cpu_shares : LM_CONTAINER_CPU_SHARES;
	json_t *cpu = json_pack("{s:I}", "shares", shares);

	if (conf->cpus != NULL)
		json_object_set_new(cpu, "cpus", json_string(conf->cpus));
	if (conf->cpu_quota_pct != 0) {
		json_object_set_new(cpu, "period", json_integer(CPU_PERIOD_US));
		json_object_set_new(cpu, "quota",
			json_integer((json_int_t)conf->cpu_quota_pct * CPU_PERIOD_US / 100));
	}
	return cpu;
}

static json_t *resources(const struct lm_container_conf *conf)
{
	json_int_t pids = conf->pids_max != 0 ? conf->pids_max : LM_CONTAINER_PIDS_MAX;

	/* runc adds null, zero, full, random, urandom, tty and pseudo-terminals. */
	return json_pack("{s:[{s:b, s:s}, {s:b, s:s, s:i, s:i, s:s}], s:o, s:o, s:{s:I}}",
		"devices", "allow", 0, "access", "rwm", "allow", 1, "type", "c", "major", 10,
		"minor", 200, "access", "rw", "memory", memory(conf), "cpu", cpu(conf), "pids",
		"limit", pids);
}

static json_t *id_map(uint32_t base)
{
	return json_pack("[{s:i, s:I, s:I}]", "containerID", 0, "hostID", (json_int_t)base, "size",
		(json_int_t)LM_UID_RANGE_SIZE);
}

static json_t *namespaces(const char *userns)
{
	return json_pack("[{s:s, s:s}, {s:s}, {s:s}, {s:s}, {s:s}, {s:s}, {s:s}]", "type", "user",
		"path", userns, "type", "network", "type", "mount", "type", "pid", "type", "ipc",
		"type", "uts", "type", "cgroup");
}

static json_t *linux_part(const struct lm_container_conf *conf, const char *userns)
{
	json_t *ctl = json_object();
	char cgroup[512];

	snprintf(cgroup, sizeof(cgroup), "%s/%s", conf->cgroup_parent, conf->cgroup_name);
	for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++)
		json_object_set_new(ctl, sysctls[i][0], json_string(sysctls[i][1]));
	return json_pack("{s:o, s:o, s:o, s:[{s:s, s:s, s:i, s:i, s:i}], s:s, s:o, s:o, s:o, s:o, "
			 "s:o, s:s}",
		"namespaces", namespaces(userns), "uidMappings", id_map(conf->uid_base),
		"gidMappings", id_map(conf->uid_base), "devices", "path", "/dev/net/tun", "type",
		"c", "major", 10, "minor", 200, "fileMode", 0666, "cgroupsPath", cgroup,
		"resources", resources(conf), "sysctl", ctl, "maskedPaths", STRINGS(masked_paths),
		"readonlyPaths", STRINGS(readonly_paths), "seccomp",
		lm_seccomp_profile(conf->hugepages), "rootfsPropagation", "private");
}

json_t *lm_container_config(
	const struct lm_container_conf *conf, const char *userns, struct lm_err *err)
{
	json_t *config = json_pack("{s:s, s:s, s:{s:s, s:b}, s:o, s:o, s:o}", "ociVersion", "1.0.2",
		"hostname", conf->hostname, "root", "path", "rootfs", "readonly", 1, "process",
		process(conf), "mounts", mounts_of(conf), "linux", linux_part(conf, userns));

	if (config == NULL)
		lm_err_set(err, EINVAL,
			"container %s: its configuration cannot be written as JSON (a path or name "
			"that is not UTF-8?)",
			conf->id);
	return config;
}
