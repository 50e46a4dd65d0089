/* SPDX-License-Identifier: BSD-3-Clause */
/* The OCI configuration, the system call profile and the root directory of a sliver. */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "slicemgr/container_config.h"
#include "slicemgr/rootfs.h"
#include "slicemgr/seccomp.h"

static struct lm_container_conf conf_of(void)
{
	return (struct lm_container_conf){.id = "lamina-n-s-r",
		.runc_root = "/x/runc",
		.bundle_dir = "/x/bundle",
		.conf_dir = "/x/conf",
		.memif_dir = "/x/memif",
		.ctl_dir = "/x/ctl",
		.log_dir = "/x/log",
		.bin_dir = "/x/bin",
		.hostname = "r",
		.cgroup_parent = "/lamina/n",
		.cgroup_name = "s.r",
		.uid_base = 0x70030000};
}

static const json_t *at(const json_t *j, const char *path)
{
	char copy[128];
	char *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *key = strtok_r(copy, ".", &rest); key != NULL; key = strtok_r(NULL, ".", &rest))
		j = json_is_array(j) ? json_array_get(j, strtoul(key, NULL, 10))
				     : json_object_get(j, key);
	return j;
}

static json_int_t number_at(const json_t *j, const char *path)
{
	ck_assert_msg(json_is_integer(at(j, path)), "%s", path);
	return json_integer_value(at(j, path));
}

static bool has_string(const json_t *array, const char *text)
{
	size_t i;
	json_t *value;

	json_array_foreach (array, i, value)
		if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
			return true;
	return false;
}

static const json_t *mount_on(const json_t *config, const char *where)
{
	size_t i;
	json_t *m;

	json_array_foreach (json_object_get(config, "mounts"), i, m)
		if (strcmp(json_string_value(json_object_get(m, "destination")), where) == 0)
			return m;
	return NULL;
}

START_TEST(limits_and_ids_are_written)
{
	struct lm_container_conf c = conf_of();
	lm_cleanup_json json_t *j = NULL;
	struct lm_err err;

	c.cpus = "1";
	c.cpu_quota_pct = 150;
	c.cpu_shares = 512;
	c.memory_max_bytes = 123 << 20;
	c.pids_max = 77;
	j = lm_container_config(&c, "/proc/1/ns/user", &err);
	ck_assert_ptr_nonnull(j);
	ck_assert_int_eq(number_at(j, "linux.uidMappings.0.hostID"), 0x70030000);
	ck_assert_int_eq(number_at(j, "linux.uidMappings.0.size"), 65536);
	ck_assert_int_eq(number_at(j, "linux.gidMappings.0.hostID"), 0x70030000);
	ck_assert_int_eq(number_at(j, "linux.resources.memory.limit"), 123 << 20);
	ck_assert_int_eq(number_at(j, "linux.resources.pids.limit"), 77);
	ck_assert_int_eq(number_at(j, "linux.resources.cpu.shares"), 512);
	ck_assert_int_eq(number_at(j, "linux.resources.cpu.quota"), 150000);
	ck_assert_str_eq(json_string_value(at(j, "linux.resources.cpu.cpus")), "1");
	ck_assert_str_eq(json_string_value(at(j, "linux.cgroupsPath")), "/lamina/n/s.r");
	ck_assert(json_is_true(at(j, "root.readonly")));
	ck_assert(json_is_true(at(j, "process.noNewPrivileges")));
}
END_TEST

START_TEST(defaults_are_finite)
{
	struct lm_container_conf c = conf_of();
	struct lm_err err;
	lm_cleanup_json json_t *j = lm_container_config(&c, "/proc/1/ns/user", &err);

	ck_assert_ptr_nonnull(j);
	ck_assert_int_eq(number_at(j, "linux.resources.memory.limit"), LM_CONTAINER_MEMORY_MAX);
	ck_assert_int_eq(number_at(j, "linux.resources.pids.limit"), LM_CONTAINER_PIDS_MAX);
	ck_assert_ptr_null(at(j, "linux.resources.cpu.quota"));
	ck_assert_str_eq(json_string_value(at(j, "process.args.0")), "/opt/lamina/bin/lamina-init");
}
END_TEST

START_TEST(only_frr_gets_sys_admin)
{
	struct lm_container_conf c = conf_of();
	struct lm_err err;
	lm_cleanup_json json_t *vrouter = lm_container_config(&c, "/proc/1/ns/user", &err);
	lm_cleanup_json json_t *raw = NULL;

	c.raw = true;
	raw = lm_container_config(&c, "/proc/1/ns/user", &err);
	ck_assert(has_string(at(vrouter, "process.capabilities.bounding"), "CAP_SYS_ADMIN"));
	ck_assert(!has_string(at(raw, "process.capabilities.bounding"), "CAP_SYS_ADMIN"));
	ck_assert(!has_string(at(vrouter, "process.capabilities.bounding"), "CAP_SYS_MODULE"));
	ck_assert_ptr_null(at(vrouter, "process.capabilities.ambient"));
	ck_assert_ptr_null(at(vrouter, "process.capabilities.inheritable"));
}
END_TEST

START_TEST(what_comes_from_the_host_is_read_only)
{
	struct lm_container_conf c = conf_of();
	struct lm_err err;
	lm_cleanup_json json_t *j = lm_container_config(&c, "/proc/1/ns/user", &err);
	const char *const ro[] = {
		"/usr", "/opt/lamina/bin", "/run/lamina/conf", "/run/lamina/memif"};
	size_t i;
	json_t *m;

	for (i = 0; i < sizeof(ro) / sizeof(ro[0]); i++) {
		ck_assert_msg(mount_on(j, ro[i]) != NULL, "%s", ro[i]);
		ck_assert(has_string(json_object_get(mount_on(j, ro[i]), "options"), "rro"));
	}
	/* every tmpfs says how large it may grow */
	json_array_foreach (json_object_get(j, "mounts"), i, m) {
		bool sized = false;
		size_t k;
		json_t *o;

		if (strcmp(json_string_value(json_object_get(m, "type")), "tmpfs") != 0)
			continue;
		json_array_foreach (json_object_get(m, "options"), k, o)
			sized |= strncmp(json_string_value(o), "size=", 5) == 0;
		ck_assert_msg(sized, "%s", json_string_value(json_object_get(m, "destination")));
	}
	ck_assert(has_string(at(j, "linux.readonlyPaths"), "/proc/sys"));
}
END_TEST

START_TEST(a_path_that_is_no_utf8_is_refused)
{
	struct lm_container_conf c = conf_of();
	struct lm_err err = {0};
	json_t *j;

	c.conf_dir = "/x/\xff\xfe";
	j = lm_container_config(&c, "/proc/1/ns/user", &err);
	ck_assert_ptr_null(j);
	ck_assert_int_eq(err.code, EINVAL);
}
END_TEST

/* Whether the profile allows `name`; `*conditional` when only with certain arguments. */
static bool allows(const json_t *profile, const char *name, bool *conditional)
{
	bool found = false;
	size_t i;
	json_t *rule;

	*conditional = true;
	json_array_foreach (json_object_get(profile, "syscalls"), i, rule) {
		const char *action = json_string_value(json_object_get(rule, "action"));

		if (!has_string(json_object_get(rule, "names"), name) ||
			strcmp(action, "SCMP_ACT_ALLOW") != 0)
			continue;
		found = true;
		if (json_object_get(rule, "args") == NULL)
			*conditional = false;
	}
	return found;
}

START_TEST(system_calls)
{
	static const char *const denied[] = {"mount", "umount2", "pivot_root", "move_mount",
		"open_tree", "fsopen", "fsmount", "mount_setattr", "setns", "unshare", "clone3",
		"chroot", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key",
		"request_key", "io_uring_setup", "io_uring_enter", "io_uring_register",
		"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
		"open_by_handle_at", "name_to_handle_at", "fanotify_init", "reboot", "swapon",
		"settimeofday", "clock_settime", "adjtimex", "syslog", "acct", "quotactl", "iopl",
		"ioperm", "modify_ldt", "vmsplice", "memfd_secret"};
	lm_cleanup_json json_t *plain = lm_seccomp_profile(false);
	lm_cleanup_json json_t *huge = lm_seccomp_profile(true);
	bool conditional;

	ck_assert_str_eq(
		json_string_value(json_object_get(plain, "defaultAction")), "SCMP_ACT_ERRNO");
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		ck_assert_msg(!allows(plain, denied[i], &conditional), "%s", denied[i]);
	ck_assert(allows(plain, "read", &conditional) && !conditional);
	ck_assert(allows(plain, "clone", &conditional) && conditional);
	ck_assert(allows(plain, "socket", &conditional) && conditional);
	ck_assert(allows(plain, "mmap", &conditional) && conditional);
	ck_assert(allows(plain, "memfd_create", &conditional) && conditional);
	ck_assert(allows(plain, "shmget", &conditional) && conditional);
	ck_assert(allows(huge, "mmap", &conditional) && !conditional);
}
END_TEST

static char work[] = "/tmp/lamina-rootfs-XXXXXX";

static void setup(void)
{
	snprintf(work, sizeof(work), "/tmp/lamina-rootfs-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(work));
}

static void teardown(void)
{
	struct lm_err err;

	ck_assert_int_eq(lm_rootfs_remove(work, &err), 0);
}

START_TEST(the_root_is_small_and_readable)
{
	char root[PATH_MAX], path[PATH_MAX], line[256];
	struct lm_err err;
	struct stat st;
	bool root_found = false;
	mode_t old = umask(077); /* must not matter */
	FILE *f;

	snprintf(root, sizeof(root), "%s/rootfs", work);
	ck_assert_int_eq(lm_rootfs_make(root, "r1", &err), 0);
	umask(old);
	ck_assert_int_eq(stat(root, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
	snprintf(path, sizeof(path), "%.1000s/etc/passwd", root);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0644);
	while (fgets(line, sizeof(line), f) != NULL)
		root_found |= strcmp(line, "root:x:0:0::/root:/bin/bash\n") == 0;
	fclose(f);
	ck_assert(root_found);
	snprintf(path, sizeof(path), "%.1000s/tmp", root);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 01777);
	/* a second one in the same place is an error, not a mix */
	ck_assert_int_eq(lm_rootfs_make(root, "r1", &err), -EEXIST);
}
END_TEST

START_TEST(removal_follows_no_link)
{
	char dir[PATH_MAX], keep[PATH_MAX], link[PATH_MAX];
	struct lm_err err;

	snprintf(dir, sizeof(dir), "%s/gone", work);
	snprintf(keep, sizeof(keep), "%s/keep", work);
	snprintf(link, sizeof(link), "%.1000s/link", dir);
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	ck_assert_int_eq(mkdir(keep, 0755), 0);
	ck_assert_int_eq(symlink(keep, link), 0);
	ck_assert_int_eq(lm_rootfs_remove(dir, &err), 0);
	ck_assert_int_ne(access(dir, F_OK), 0);
	ck_assert_int_eq(access(keep, F_OK), 0);
	ck_assert_int_eq(lm_rootfs_remove(dir, &err), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("container_config");
	TCase *config = tcase_create("config");
	TCase *root = tcase_create("rootfs");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(config, limits_and_ids_are_written);
	tcase_add_test(config, defaults_are_finite);
	tcase_add_test(config, only_frr_gets_sys_admin);
	tcase_add_test(config, what_comes_from_the_host_is_read_only);
	tcase_add_test(config, a_path_that_is_no_utf8_is_refused);
	tcase_add_test(config, system_calls);
	suite_add_tcase(s, config);
	tcase_add_checked_fixture(root, setup, teardown);
	tcase_add_test(root, the_root_is_small_and_readable);
	tcase_add_test(root, removal_follows_no_link);
	suite_add_tcase(s, root);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
