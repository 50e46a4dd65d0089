/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/seccomp.h"

#include <errno.h>
#include <linux/memfd.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "mp/cleanup.h"

/*
 * What a router and an experimenter's tools (DPDK, FRR, Python, gdb, tcpdump, shells) use. Left out
 * on purpose: the mount family, setns, unshare, chroot, keys, bpf, perf events, userfaultfd,
 * io_uring and kernel aio, kexec, modules, open_by_handle_at, fanotify, clocks that can be set,
 * swap, quota, reboot, port i/o, the kernel log, vmsplice. Names unknown to an architecture are
 * skipped by runc. Names newer than this list fail with ENOSYS (runc sees to that).
 */
/* clang-format off */
static const char *const allowed[] = {
	/* files */
	"access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat",
	"dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir",
	"fchmod", "fchmodat", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr",
	"flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat",
	"getcwd", "getdents", "getdents64", "getxattr", "inotify_add_watch", "inotify_init",
	"inotify_init1", "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link", "linkat",
	"listxattr", "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat",
	"mknod", "mknodat", "newfstatat", "open", "openat", "openat2", "pread64", "preadv", "preadv2",
	"pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv",
	"removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr", "splice",
	"stat", "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "tee",
	"truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write", "writev",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"eventfd", "eventfd2", "pause", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select",
	"signalfd", "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime",
	/* memory */
	"brk", "get_mempolicy", "madvise", "mbind", "membarrier", "mincore", "mlock", "mlock2",
	"mlockall", "move_pages", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap",
	"pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise", "set_mempolicy",
	/* processes and signals */
	"alarm", "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork",
	"futex", "futex_waitv", "get_robust_list", "get_thread_area", "getcpu", "getegid", "geteuid",
	"getgid", "getgroups", "getitimer", "getpgid", "getpgrp", "getpid", "getppid", "getpriority",
	"getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid",
	"ioprio_get", "ioprio_set", "kcmp", "kill", "landlock_add_rule", "landlock_create_ruleset",
	"landlock_restrict_self", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "prctl",
	"prlimit64", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
	"sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity",
	"sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
	"set_robust_list", "set_thread_area", "set_tid_address", "setdomainname", "setfsgid",
	"setfsuid", "setgid", "setgroups", "sethostname", "setitimer", "setpgid", "setpriority",
	"setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid", "setuid",
	"sigaltstack", "tgkill", "tkill", "vfork", "wait4", "waitid",
	/* System V and POSIX inter-process communication (the sliver has its own namespace) */
	"mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink",
	"msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat",
	"shmctl", "shmdt",
	/* sockets; socket() itself is below */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
	"recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
	/* time and the system */
	"clock_getres", "clock_gettime", "clock_nanosleep", "getrandom", "gettimeofday", "nanosleep",
	"sysinfo", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
	"timer_settime", "times", "uname",
};
/* clang-format on */

/* Families a router needs. Not AF_VSOCK (leads to the hypervisor and is in no namespace), AF_ALG,
 * AF_XDP, AF_KEY and the many rarely tested ones. AF_NETLINK is below. */
static const int socket_families[] = {AF_UNIX, AF_INET, AF_INET6, AF_PACKET};

/* Not NETLINK_NETFILTER, NETLINK_XFRM, NETLINK_CRYPTO, NETLINK_AUDIT...: large, young code of the
 * kernel that a user namespace's root would otherwise reach. */
static const int netlink_protocols[] = {
	NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_KOBJECT_UEVENT, NETLINK_GENERIC};

static const unsigned long personalities[] = {PER_LINUX, ADDR_NO_RANDOMIZE, 0xffffffffUL};

#define NAMESPACE_FLAGS                                                                \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		CLONE_NEWPID | CLONE_NEWNET)

/* Argument number `index` must be `value`, or with a mask: argument & mask == value. */
static json_t *arg_equals(unsigned int index, uint64_t value)
{
	return json_pack("{s:i, s:I, s:s}", "index", (int)index, "value", (json_int_t)value, "op",
		"SCMP_CMP_EQ");
}

static json_t *arg_lacks(unsigned int index, uint64_t mask)
{
	return json_pack("{s:i, s:I, s:I, s:s}", "index", (int)index, "value", (json_int_t)mask,
		"valueTwo", (json_int_t)0, "op", "SCMP_CMP_MASKED_EQ");
}

static int allow(json_t *rules, const char *name)
{
	return json_array_append_new(
		rules, json_pack("{s:[s], s:s}", "names", name, "action", "SCMP_ACT_ALLOW"));
}

/* Allow when all conditions of the array `args` (stolen) hold. */
static int allow_if(json_t *rules, const char *name, json_t *args)
{
	return json_array_append_new(rules, json_pack("{s:[s], s:s, s:o}", "names", name, "action",
						    "SCMP_ACT_ALLOW", "args", args));
}

/* Fail with `error` when all conditions of the array `args` (stolen) hold. */
static int refuse_if(json_t *rules, const char *name, int error, json_t *args)
{
	return json_array_append_new(
		rules, json_pack("{s:[s], s:s, s:i, s:o}", "names", name, "action",
			       "SCMP_ACT_ERRNO", "errnoRet", error, "args", args));
}

static bool listed(const int *list, size_t count, int value)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == value)
			return true;
	return false;
}

#define LISTED(list, value) listed(list, sizeof(list) / sizeof((list)[0]), value)

/* What is refused answers like a kernel without it (libpcap, for one, tries many families). */
static int allow_sockets(json_t *rules)
{
	int rc = 0;

	for (int family = 0; family < AF_MAX; family++) {
		json_t *args = json_pack("[o]", arg_equals(0, (uint64_t)family));

		if (family == AF_NETLINK)
			json_decref(args);
		else if (LISTED(socket_families, family))
			rc |= allow_if(rules, "socket", args);
		else
			rc |= refuse_if(rules, "socket", EAFNOSUPPORT, args);
	}
	for (int protocol = 0; protocol < MAX_LINKS; protocol++) {
		json_t *args = json_pack(
			"[oo]", arg_equals(0, AF_NETLINK), arg_equals(2, (uint64_t)protocol));

		if (LISTED(netlink_protocols, protocol))
			rc |= allow_if(rules, "socket", args);
		else
			rc |= refuse_if(rules, "socket", EPROTONOSUPPORT, args);
	}
	return rc | allow_if(rules, "socketpair", json_pack("[o]", arg_equals(0, AF_UNIX)));
}

static int allow_memory(json_t *rules, bool hugepages)
{
	int rc;

	if (hugepages) {
		rc = allow(rules, "mmap");
		rc |= allow(rules, "shmget");
		return rc | allow(rules, "memfd_create");
	}
	rc = allow_if(rules, "mmap", json_pack("[o]", arg_lacks(3, MAP_HUGETLB)));
	rc |= allow_if(rules, "shmget", json_pack("[o]", arg_lacks(2, SHM_HUGETLB)));
	return rc | allow_if(rules, "memfd_create", json_pack("[o]", arg_lacks(1, MFD_HUGETLB)));
}

json_t *lm_seccomp_profile(bool hugepages)
{
	lm_cleanup_json json_t *rules = json_array();
	json_t *names = json_array();
	int rc = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc |= json_array_append_new(names, json_string(allowed[i]));
	rc |= json_array_append_new(
		rules, json_pack("{s:o, s:s}", "names", names, "action", "SCMP_ACT_ALLOW"));
	rc |= allow_if(rules, "clone", json_pack("[o]", arg_lacks(0, NAMESPACE_FLAGS)));
	rc |= json_array_append_new(rules, json_pack("{s:[s], s:s, s:i}", "names", "clone3",
						   "action", "SCMP_ACT_ERRNO", "errnoRet", ENOSYS));
	for (size_t i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++)
		rc |= allow_if(
			rules, "personality", json_pack("[o]", arg_equals(0, personalities[i])));
	rc |= allow_sockets(rules);
	rc |= allow_memory(rules, hugepages);
	if (rc != 0)
		return NULL;
	/* No "architectures": the native one alone, so 32-bit and x32 calls have no way around. */
	return json_pack("{s:s, s:i, s:O}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet",
		EPERM, "syscalls", rules);
}
