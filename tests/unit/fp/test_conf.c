/* SPDX-License-Identifier: BSD-3-Clause */
/* sliver.json as the FP reads it: what it takes, and the one line it says of what it does not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fp/conf.h"

#define FP "\"fp\":{\"cpus\":[0,3],\"mode\":\"shared\",\"memory_mb\":64}"
#define CP "\"cp\":{\"daemons\":[\"zebra\",\"ospfd\"],\"config\":\"\"}"
#define IF(name, mtu, macs)                                       \
	"{\"name\":\"" name "\",\"macs\":[" macs "],\"mtu\":" mtu \
	",\"plane\":\"fp\",\"memif_id\":2,\"promisc\":true}"
#define MAC "\"02:4c:00:00:00:01\""

static struct lm_ports ports;
static struct lm_fp_conf conf;
static struct lm_err err;

static int load(const char *text)
{
	char path[] = "/tmp/lm-conf-XXXXXX";
	int fd = mkstemp(path);
	int rc;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	memset(&ports, 0, sizeof(ports));
	memset(&err, 0, sizeof(err));
	rc = lm_fp_conf_load(&conf, &ports, path, &err);
	unlink(path);
	return rc;
}

static void refused(const char *text, const char *words)
{
	ck_assert_int_lt(load(text), 0);
	ck_assert_msg(strstr(err.msg, words) != NULL, "'%s' lacks '%s'", err.msg, words);
	ck_assert_ptr_null(strchr(err.msg, '\n'));
}

START_TEST(whole)
{
	ck_assert_int_eq(load("{" FP "," CP ",\"interfaces\":[" IF(
				 "eth0", "1592", MAC ",\"02:4c:00:00:00:02\"") "," IF("wan", "9000",
				 MAC) ",{\"name\":\"k\",\"plane\":\"kernel\"}]}"),
		0);
	ck_assert(conf.has_zebra && !conf.dedicated);
	ck_assert_int_eq(CPU_COUNT(&conf.cpus), 2);
	ck_assert_uint_ge(conf.frame_max, 9000 + 14);
	ck_assert_uint_eq(ports.n_vifs, 2);
	ck_assert_uint_eq(ports.n_taps, 3);
	ck_assert_str_eq(ports.taps[1].name, "eth0.1");
	ck_assert_uint_eq(ports.taps[1].mac[5], 2);
	ck_assert_uint_eq(ports.vifs[1].memif_id, 2);
	ck_assert(ports.vifs[0].promisc);
	ck_assert_uint_eq(lm_ports_by_name(&ports, "wan"), 2);
	/* two rings a vif at the largest frame stay within a quarter of 64 MB */
	ck_assert_uint_le(((uint64_t)4 * conf.frame_max) << conf.ring_size_log2, 16 << 20);
}
END_TEST

START_TEST(no_zebra)
{
	ck_assert_int_eq(load("{" FP ",\"cp\":{\"daemons\":[]},\"interfaces\":[]}"), 0);
	ck_assert(!conf.has_zebra);
	ck_assert_uint_eq(conf.ring_size_log2, 10);
}
END_TEST

START_TEST(refusals)
{
	refused("{", ":1:");
	refused("{}", "fp.mode");
	refused("{\"fp\":{\"mode\":\"shared\",\"memory_mb\":1}}", "fp.memory_mb");
	refused("{\"fp\":{\"mode\":\"shared\",\"memory_mb\":64,\"cpus\":[-1]}}", "fp.cpus");
	refused("{" FP ",\"interfaces\":[" IF("", "1500", MAC) "]}", "interfaces[0]");
	refused("{" FP ",\"interfaces\":[" IF("sixteen-octets-x", "1500", MAC) "]}", "name");
	refused("{" FP ",\"interfaces\":[" IF("eth0", "67", MAC) "]}", "eth0: mtu");
	refused("{" FP ",\"interfaces\":[" IF("eth0", "16001", MAC) "]}", "eth0: mtu");
	refused("{" FP ",\"interfaces\":[" IF("eth0", "1500", "") "]}", "eth0: macs");
	refused("{" FP ",\"interfaces\":[" IF("eth0", "1500", "\"02:4c:00:00:00:0g\"") "]}",
		"macs");
	refused("{" FP ",\"interfaces\":[" IF("eth0", "1500", MAC) "," IF("eth0", "1500", MAC) "]}",
		"interfaces[1]");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_test(t, whole);
	tcase_add_test(t, no_zebra);
	tcase_add_test(t, refusals);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
