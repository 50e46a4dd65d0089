/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slicemgr/rootfs.h"
#include "slicemgr/uid_range.h"

static char work[] = "/tmp/lamina-uids-XXXXXX";
static char dir[PATH_MAX], owner[2][PATH_MAX];
static struct lm_err err;

static void setup(void)
{
	snprintf(work, sizeof(work), "/tmp/lamina-uids-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(work));
	snprintf(dir, sizeof(dir), "%s/run/.uids", work);
	for (int i = 0; i < 2; i++) {
		snprintf(owner[i], sizeof(owner[i]), "%s/sliver%d", work, i);
		ck_assert_int_eq(mkdir(owner[i], 0755), 0);
	}
}

static void teardown(void)
{
	ck_assert_int_eq(lm_rootfs_remove(work, &err), 0);
}

START_TEST(ranges_differ_and_come_back)
{
	uint32_t a, b, c;

	ck_assert_int_eq(lm_uid_range_take(dir, owner[0], &a, &err), 0);
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &b, &err), 0);
	ck_assert_uint_eq(a, LM_UID_RANGE_FIRST);
	ck_assert_uint_eq(b, LM_UID_RANGE_FIRST + LM_UID_RANGE_SIZE);
	ck_assert_int_eq(lm_uid_range_release(dir, owner[0], a, &err), 0);
	ck_assert_int_eq(lm_uid_range_release(dir, owner[0], a, &err), 0);
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &c, &err), 0);
	ck_assert_uint_eq(c, a);
}
END_TEST

START_TEST(only_the_owner_releases)
{
	uint32_t a;

	ck_assert_int_eq(lm_uid_range_take(dir, owner[0], &a, &err), 0);
	ck_assert_int_eq(lm_uid_range_release(dir, owner[1], a, &err), -EPERM);
	ck_assert_int_eq(lm_uid_range_release(dir, owner[0], a + 1, &err), -EINVAL);
	ck_assert_int_eq(lm_uid_range_release(dir, owner[0], 0, &err), -EINVAL);
}
END_TEST

/* Takes a range in a process that has ended when this returns. */
static void take_and_die(const char *who)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint32_t base;

		_exit(lm_uid_range_take(dir, who, &base, &err) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* Leaves the last two ranges: real slivers of this machine run with ids of the first ones. */
static uint32_t leave_two(void)
{
	char path[PATH_MAX];
	uint32_t a;

	ck_assert_int_eq(lm_uid_range_take(dir, owner[0], &a, &err), 0);
	for (unsigned int k = 0; k < LM_UID_RANGE_COUNT - 2; k++) {
		FILE *f;

		snprintf(path, sizeof(path), "%.1000s/%u", dir, k);
		f = fopen(path, "we");
		ck_assert_ptr_nonnull(f);
		fclose(f);
	}
	return LM_UID_RANGE_FIRST + (LM_UID_RANGE_COUNT - 2) * LM_UID_RANGE_SIZE;
}

START_TEST(a_dead_owner_is_taken_over_only_when_its_directory_is_gone)
{
	uint32_t first = leave_two(), a;

	take_and_die(owner[0]);
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &a, &err), 0);
	ck_assert_uint_eq(a, first + LM_UID_RANGE_SIZE);
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &a, &err), -ENOSPC);
	ck_assert_int_eq(rmdir(owner[0]), 0);
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &a, &err), 0);
	ck_assert_uint_eq(a, first);
}
END_TEST

START_TEST(a_live_owner_keeps_its_range_without_a_directory)
{
	uint32_t a, b;

	ck_assert_int_eq(lm_uid_range_take(dir, owner[0], &a, &err), 0);
	ck_assert_int_eq(rmdir(owner[0]), 0);
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &b, &err), 0);
	ck_assert_uint_ne(a, b);
}
END_TEST

static void claim_by_hand(const char *text)
{
	char path[PATH_MAX];
	uint32_t a;
	FILE *f;

	ck_assert_int_eq(lm_uid_range_take(dir, owner[0], &a, &err), 0);
	snprintf(path, sizeof(path), "%.1000s/0", dir);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(another_boot_proves_death)
{
	uint32_t a;

	claim_by_hand("owner /tmp\npid 1\nstart 1\npidns 1\nboot of-another-day\n");
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &a, &err), 0);
	ck_assert_uint_eq(a, LM_UID_RANGE_FIRST);
}
END_TEST

START_TEST(what_cannot_be_read_is_left_alone)
{
	uint32_t a;

	claim_by_hand("nonsense\n");
	ck_assert_int_eq(lm_uid_range_take(dir, owner[1], &a, &err), 0);
	ck_assert_uint_eq(a, LM_UID_RANGE_FIRST + LM_UID_RANGE_SIZE);
}
END_TEST

START_TEST(many_at_once_get_different_ones)
{
	char path[PATH_MAX + 16];
	int found = 0, status;

	for (int i = 0; i < 16; i++)
		if (fork() == 0) {
			uint32_t base;

			_exit(lm_uid_range_take(dir, owner[0], &base, &err) == 0 ? 0 : 1);
		}
	for (int i = 0; i < 16; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	for (unsigned int k = 0; k < 16; k++) {
		snprintf(path, sizeof(path), "%s/%u", dir, k);
		found += access(path, F_OK) == 0;
	}
	ck_assert_int_eq(found, 16);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("uid_range");
	TCase *t = tcase_create("uid_range");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, ranges_differ_and_come_back);
	tcase_add_test(t, only_the_owner_releases);
	tcase_add_test(t, a_dead_owner_is_taken_over_only_when_its_directory_is_gone);
	tcase_add_test(t, a_live_owner_keeps_its_range_without_a_directory);
	tcase_add_test(t, another_boot_proves_death);
	tcase_add_test(t, what_cannot_be_read_is_left_alone);
	tcase_add_test(t, many_at_once_get_different_ones);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
