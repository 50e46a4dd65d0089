/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of FRR's supervision that need no FRR: back-off, command lines, complaints. */
#include <check.h>
#include <string.h>

#include "cp/frr_daemons.h"
#include "cp/frr_files.h"
#include "cp/proc.h"
#include "cp/vtysh_run.h"

START_TEST(backoff_grows_to_its_cap)
{
	static const unsigned int want[] = {0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};

	for (unsigned int i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		ck_assert_uint_eq(proc_backoff_ms(i), want[i]);
	ck_assert_uint_eq(proc_backoff_ms(1000000), 5000);
}
END_TEST

START_TEST(known_daemons)
{
	ck_assert(frr_daemon_known("zebra"));
	ck_assert(frr_daemon_known("vrrpd"));
	ck_assert(!frr_daemon_known(""));
	ck_assert(!frr_daemon_known("zebra "));
	ck_assert(!frr_daemon_known("ebra"));
	ck_assert(!frr_daemon_known("watchfrr"));
	ck_assert(!frr_daemon_known("../../bin/sh"));
}
END_TEST

static int has(const char *const *argv, const char *word)
{
	for (; *argv != NULL; argv++)
		if (strcmp(*argv, word) == 0)
			return 1;
	return 0;
}

START_TEST(command_lines)
{
	const char *argv[FRR_ARGS_MAX];
	char buf[96];

	frr_daemon_argv("zebra", NULL, "/run/z.api", argv, buf, sizeof(buf));
	ck_assert_str_eq(argv[0], "/usr/lib/frr/zebra");
	ck_assert(has(argv, "/etc/frr/start/zebra.conf"));
	ck_assert(has(argv, "dplane_fpm_nl"));
	ck_assert(!has(argv, "-d"));
	ck_assert(has(argv, "/run/z.api"));
	frr_daemon_argv("bgpd", "datacenter", "/run/z.api", argv, buf, sizeof(buf));
	ck_assert(!has(argv, "dplane_fpm_nl"));
	ck_assert(has(argv, "datacenter"));
	ck_assert(!has(argv, "/run/z.api"));
	ck_assert_ptr_nonnull(strstr(frr_daemon_start_config("staticd"), "feff:"));
	ck_assert_str_eq(frr_daemon_start_config("ospfd"), "");
}
END_TEST

START_TEST(profile)
{
	ck_assert_ptr_null(frr_config_profile(""));
	ck_assert_ptr_null(frr_config_profile("frr defaults evil\n"));
	ck_assert_str_eq(
		frr_config_profile("frr version 8\nfrr defaults datacenter\n"), "datacenter");
	ck_assert_ptr_null(frr_config_profile("! frr defaults datacenter"));
}
END_TEST

START_TEST(complaints)
{
	static const char out[] = " \n\n"
				  "Warning: connecting to zebra...failed!\n"
				  "line 6: % Unknown command[17]:  bogus line here\n"
				  "% Malformed address\n"
				  "Configuration file[/etc/frr/frr.conf] processing failure: 2\n"
				  "line 9: \xff\n"
				  "line 10: last";
	json_t *e = vtysh_errors(out, sizeof(out) - 1);

	ck_assert_uint_eq(json_array_size(e), 4);
	ck_assert_str_eq(json_string_value(json_array_get(e, 0)),
		"line 6: % Unknown command[17]:  bogus line here");
	ck_assert_str_eq(json_string_value(json_array_get(e, 3)), "line 10: last");
	json_decref(e);
	e = vtysh_errors("", 0);
	ck_assert_uint_eq(json_array_size(e), 0);
	json_decref(e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("frr_parts");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, backoff_grows_to_its_cap);
	tcase_add_test(t, known_daemons);
	tcase_add_test(t, command_lines);
	tcase_add_test(t, profile);
	tcase_add_test(t, complaints);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
