/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors as values: one line, whatever they quote and however long it is; socket paths. */
#include "mp/err.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "mp/unix_path.h"

START_TEST(set_and_context)
{
	struct lm_err err = {0};

	ck_assert_int_eq(lm_err_set(&err, EINVAL, "port %s: no mode", "east"), -EINVAL);
	ck_assert_int_eq(err.code, EINVAL);
	ck_assert_str_eq(err.msg, "port east: no mode");
	ck_assert_int_eq(lm_err_context(&err, "node.xml:%d", 7), -EINVAL);
	ck_assert_str_eq(err.msg, "node.xml:7: port east: no mode");
	ck_assert_int_eq(lm_err_errno(&err, ENOENT, "cannot open %s", "x"), -ENOENT);
	ck_assert_str_eq(err.msg, "cannot open x: No such file or directory");
}
END_TEST

START_TEST(one_line_that_steers_no_terminal)
{
	struct lm_err err = {0};

	lm_err_set(&err, EIO, "%s", "a\nb\tc\r\x1b[31md\x7f");
	ck_assert_str_eq(err.msg, "a b c  [31md ");
	/* C1 controls in UTF-8 too, but not the letters beside them */
	lm_err_set(&err, EIO, "%s", "x\xc2\x9by \xc3\x9b \xc2\xa0z\xc2");
	ck_assert_str_eq(err.msg, "x  y \xc3\x9b \xc2\xa0z\xc2");
	lm_err_context(&err, "%s", "p\nq");
	ck_assert_int_eq(strncmp(err.msg, "p q: x", 6), 0);
}
END_TEST

START_TEST(long_text_is_cut)
{
	char text[2 * LM_ERR_MSG_MAX];
	struct lm_err err = {0};

	memset(text, 'm', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	lm_err_set(&err, EIO, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), LM_ERR_MSG_MAX - 1);
	lm_err_context(&err, "where");
	ck_assert_uint_eq(strlen(err.msg), LM_ERR_MSG_MAX - 1);
	ck_assert_int_eq(strncmp(err.msg, "where: mmm", 10), 0);
	lm_err_errno(&err, EPERM, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), LM_ERR_MSG_MAX - 1);
	lm_err_context(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), LM_ERR_MSG_MAX - 1);
}
END_TEST

START_TEST(socket_paths)
{
	struct sockaddr_un sa;
	struct lm_err err = {0};
	char path[109];

	memset(path, 'a', sizeof(path));
	path[107] = '\0';
	ck_assert_int_eq(lm_unix_addr(&sa, path, &err), 0);
	ck_assert_str_eq(sa.sun_path, path);
	path[107] = 'a';
	path[108] = '\0';
	ck_assert_int_eq(lm_unix_addr(&sa, path, &err), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(err.msg, "108 octets, at most 107 are allowed"));
	ck_assert_int_eq(lm_unix_claim("/nonexistent/x.sock", &err), 0);
	ck_assert_int_eq(lm_unix_claim("/etc/passwd", &err), -EEXIST);
	ck_assert_int_eq(lm_unix_claim("/etc/passwd/x.sock", &err), -ENOTDIR);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("err");
	TCase *tc = tcase_create("err");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, set_and_context);
	tcase_add_test(tc, one_line_that_steers_no_terminal);
	tcase_add_test(tc, long_text_is_cut);
	tcase_add_test(tc, socket_paths);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
