/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "cp/sliver_conf.h"

static const char good[] =
	"{\"node\":\"n1\",\"slice\":\"a\",\"sliver\":\"r1\",\"slice_id\":7,\"type\":\"vrouter\","
	"\"cp\":{\"daemons\":[\"ospfd\",\"zebra\"],\"config\":\"router ospf\\n\"},"
	"\"interfaces\":[{\"name\":\"eth0\",\"macs\":[\"02:4c:00:00:00:01\",\"02:4C:00:00:00:02\"],"
	"\"mtu\":1592,\"plane\":\"fp\",\"addresses\":[\"10.0.1.1/24\",\"2001:db8:1::1/64\"]},"
	"{\"name\":\"k0\",\"macs\":[\"02:4c:00:00:00:03\"],\"mtu\":1500,\"plane\":\"kernel\"}]}";

START_TEST(reads_everything)
{
	struct sliver_conf c;
	struct lm_err err = {0};
	char name[IFNAMSIZ];

	ck_assert_msg(sliver_conf_parse(&c, good, sizeof(good) - 1, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(c.type, SLIVER_VROUTER);
	ck_assert_str_eq(c.slice, "a");
	ck_assert_uint_eq(c.n_daemons, 3);
	ck_assert_str_eq(c.daemons[0], "zebra");
	ck_assert_str_eq(c.daemons[1], "staticd");
	ck_assert_str_eq(c.daemons[2], "ospfd");
	ck_assert_str_eq(c.config, "router ospf\n");
	ck_assert_uint_eq(c.n_ifs, 2);
	ck_assert_uint_eq(c.ifs[0].n_macs, 2);
	ck_assert_uint_eq(c.ifs[0].macs[1][5], 2);
	ck_assert_uint_eq(c.ifs[0].mtu, 1592);
	ck_assert(!c.ifs[0].kernel_plane);
	ck_assert(c.ifs[1].kernel_plane);
	ck_assert_uint_eq(c.ifs[0].n_addrs, 2);
	ck_assert_int_eq(c.ifs[0].addrs[1].family, AF_INET6);
	ck_assert_uint_eq(c.ifs[0].addrs[1].prefix_len, 64);
	ck_assert_uint_eq(c.ifs[0].addrs[0].octets[3], 1);
	sliver_if_tap_name(&c.ifs[0], 0, name);
	ck_assert_str_eq(name, "eth0");
	sliver_if_tap_name(&c.ifs[0], 1, name);
	ck_assert_str_eq(name, "eth0.1");
	sliver_conf_free(&c);
}
END_TEST

/* `good` with the first `from` replaced by `to` must be refused with `word` in the message. */
static const struct {
	const char *from, *to, *word;
} bad[] = {
	{"\"node\":\"n1\",", "", "'node'"},
	{"\"r1\"", "7", "'sliver'"},
	{"\"vrouter\"", "\"vm\"", "'type'"},
	{"\"vrouter\"", "\"vrouter-raw\"", "'plane'"},
	{"\"ospfd\"", "\"sh\"", "known are"},
	{"\"ospfd\"", "\"zebra staticd\"", "known are"},
	{"\"ospfd\"", "3", "cp.daemons[0]"},
	{"\"router ospf\\n\"", "[]", "cp.config"},
	{"\"eth0\"", "\"lo\"", "no interface name"},
	{"\"eth0\"", "\"a/b\"", "no interface name"},
	{"\"eth0\"", "\"sixteen-octets-x\"", "longer than 15"},
	{"\"eth0\"", "\"fifteen-octetsx\"", "too long for more than one"},
	{"\"k0\"", "\"eth0\"", "twice"},
	{"\"k0\"", "\"eth0.1\"", "also the TAP"},
	{"02:4c:00:00:00:01", "02:4c:00:00:00", "MAC"},
	{"02:4c:00:00:00:01", "02:4c:00:00:00:01:02", "MAC"},
	{"02:4c:00:00:00:01", "03:4c:00:00:00:01", "group"},
	{"1592", "67", "'mtu'"},
	{"1592", "\"1500\"", "'mtu'"},
	{"\"fp\"", "\"dpu\"", "'plane'"},
	{"10.0.1.1/24", "10.0.1.1", "ADDRESS/LENGTH"},
	{"10.0.1.1/24", "10.0.1.1/33", "ADDRESS/LENGTH"},
	{"10.0.1.1/24", "10.0.1.1/-1", "ADDRESS/LENGTH"},
	{"10.0.1.1/24", "10.0.1/24", "ADDRESS/LENGTH"},
	{"2001:db8:1::1/64", "2001:db8:1::1/129", "ADDRESS/LENGTH"},
	{"\"interfaces\":", "\"interfaces\":{}, \"x\":", "'interfaces'"},
	{"{\"node\"", "[\"node\"", "line 1"},
};

START_TEST(refuses)
{
	struct sliver_conf c;
	struct lm_err err = {0};
	char text[2048];
	const char *at = strstr(good, bad[_i].from);

	ck_assert_ptr_nonnull(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, bad[_i].to,
		at + strlen(bad[_i].from));
	ck_assert_int_lt(sliver_conf_parse(&c, text, strlen(text), &err), 0);
	ck_assert_msg(
		strstr(err.msg, bad[_i].word) != NULL, "'%s' lacks '%s'", err.msg, bad[_i].word);
}
END_TEST

START_TEST(raw_has_no_daemons)
{
	static const char raw[] = "{\"node\":\"n\",\"slice\":\"a\",\"sliver\":\"x\",\"type\":"
				  "\"vrouter-raw\",\"interfaces\":[]}";
	struct sliver_conf c;
	struct lm_err err = {0};

	ck_assert_int_eq(sliver_conf_parse(&c, raw, sizeof(raw) - 1, &err), 0);
	ck_assert_uint_eq(c.n_daemons, 0);
	ck_assert_str_eq(c.config, "");
	sliver_conf_free(&c);
	ck_assert_int_lt(sliver_conf_load(&c, "/nonexistent/sliver.json", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent/sliver.json"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sliver_conf");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, reads_everything);
	tcase_add_loop_test(t, refuses, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, raw_has_no_daemons);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
