/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's configuration: values, defaults, every refusal, damage. */
#include "slicemgr/node_config.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "refusals.h"

static struct lm_node_conf conf;
static struct lm_err err;

static void parse_ok(const char *text)
{
	int rc = lm_node_conf_parse("n.xml", text, strlen(text), &conf, &err);

	ck_assert_msg(rc == 0, "%s", err.msg);
}

START_TEST(defaults)
{
	parse_ok("<node xmlns=\"urn:lamina:node:1\" name=\"n1\">\n"
		 "<port name=\"east\" devargs=\"net_tap0\"/></node>");
	ck_assert_str_eq(conf.file, "n.xml");
	ck_assert_str_eq(conf.name, "n1");
	ck_assert_str_eq(conf.netns, "");
	ck_assert_str_eq(conf.rundir, "/run/lamina/n1");
	ck_assert_uint_eq(conf.slice_ethertype, 0x88b5);
	ck_assert_uint_eq(conf.substrate_cores.n, 1);
	ck_assert_uint_eq(conf.substrate_cores.ids[0], 0);
	ck_assert_uint_eq(conf.sliver_cores.n, 1);
	ck_assert(!conf.substrate_poll && !conf.hugepages && !conf.has_legacy);
	ck_assert_uint_eq(conf.substrate_memory_mb, 128);
	ck_assert_uint_eq(conf.sliver_memory_mb, 4096);
	ck_assert_uint_eq(conf.max_slivers, 64);
	ck_assert_uint_eq(conf.n_ports, 1);
	ck_assert(!conf.ports[0].access && !conf.ports[0].poll);
	ck_assert_uint_eq(conf.ports[0].mtu, 1500);
	ck_assert_uint_eq(conf.ports[0].vlan, 0);
	ck_assert_int_eq(conf.ports[0].line, 2);
	lm_node_conf_free(&conf);
	lm_node_conf_free(&conf); /* twice is fine */
}
END_TEST

START_TEST(values_and_cores)
{
	parse_ok("<node xmlns=\"urn:lamina:node:1\" name=\"n1\" netns=\"/run/netns/x\"\n"
		 " rundir=\"/tmp/x\" slice-ethertype=\"0x88b6\">\n"
		 "<substrate cores=\"3,0-1\" mode=\"poll\" memory-mb=\"64\" hugepages=\"yes\"/>\n"
		 "<slivers cores=\"2,1000-1023,2\" max=\"1\" memory-mb=\"100\"/>\n"
		 "<port name=\"a\" devargs=\"net_tap0,iface=x&amp;y\" mode=\"access\" mtu=\"9216\" "
		 "vlan=\"4094\" poll=\"yes\"/></node>");
	ck_assert_str_eq(conf.netns, "/run/netns/x");
	ck_assert_str_eq(conf.rundir, "/tmp/x");
	ck_assert_uint_eq(conf.slice_ethertype, 0x88b6);
	ck_assert(conf.substrate_poll && conf.hugepages);
	ck_assert_uint_eq(conf.substrate_memory_mb, 64);
	ck_assert_int_eq(conf.substrate_line, 3);
	ck_assert_uint_eq(conf.substrate_cores.n, 3);
	ck_assert_uint_eq(conf.substrate_cores.ids[1], 1);
	ck_assert_uint_eq(conf.substrate_cores.ids[2], 3);
	ck_assert_uint_eq(conf.sliver_cores.n, 25);
	ck_assert_uint_eq(conf.sliver_cores.ids[0], 2);
	ck_assert_uint_eq(conf.sliver_cores.ids[24], 1023);
	ck_assert_uint_eq(conf.max_slivers, 1);
	ck_assert_uint_eq(conf.sliver_memory_mb, 100);
	ck_assert_str_eq(conf.ports[0].devargs, "net_tap0,iface=x&y");
	ck_assert(conf.ports[0].access && conf.ports[0].poll);
	ck_assert_uint_eq(conf.ports[0].mtu, 9216);
	ck_assert_uint_eq(conf.ports[0].vlan, 4094);
	ck_assert_ptr_eq(lm_node_conf_port(&conf, "a"), conf.ports);
	ck_assert_ptr_null(lm_node_conf_port(&conf, "b"));
	lm_node_conf_free(&conf);
}
END_TEST

START_TEST(legacy)
{
	const struct lm_spec_node *node = &conf.legacy;
	size_t len;
	char *text = read_file("docs/examples/node.xml", &len);
	int rc = lm_node_conf_parse("docs/examples/node.xml", text, len, &conf, &err);

	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert(conf.has_legacy);
	ck_assert_int_eq(node->type, LM_SLIVER_LEGACY);
	ck_assert_str_eq(node->client_id, "router");
	ck_assert_uint_eq(node->n_daemons, 3);
	ck_assert_str_eq(node->daemons[2], "ospfd");
	ck_assert_ptr_nonnull(strstr(node->config, "ip ospf area 0"));
	ck_assert_uint_eq(node->n_ifaces, 2);
	ck_assert_str_eq(node->ifaces[0].name, "lan");
	ck_assert_str_eq(node->ifaces[0].client_id, "router:lan");
	ck_assert_int_eq(node->ifaces[0].attach.kind, LM_ATTACH_LEGACY);
	ck_assert_str_eq(node->ifaces[0].attach.port, "lan");
	ck_assert_str_eq(node->ifaces[0].addrs[1].text, "2001:db8:a1::1/64");
	ck_assert_uint_eq(node->ifaces[1].attach.mtu, 1500);
	ck_assert_int_eq(node->ifaces[1].link, -1);
	ck_assert_uint_eq(lm_attach_header_octets(&node->ifaces[0].attach), 0);
	lm_node_conf_free(&conf);
	free(text);
}
END_TEST

static void check_refusal(const char *name, const char *body, const char *answer)
{
	int rc = lm_node_conf_parse("t.xml", body, strlen(body), &conf, &err);

	ck_assert_msg(rc != 0, "%s: not refused", name);
	ck_assert_msg(strcmp(err.msg, answer) == 0, "%s:\n got %s\nwant %s", name, err.msg, answer);
	ck_assert_int_eq(rc, -err.code);
	ck_assert_ptr_null(conf.ports);
	ck_assert_ptr_null(conf.file);
}

START_TEST(every_refusal)
{
	ck_assert_int_ge(each_refusal("tests/unit/slicemgr/refusals_node.txt", check_refusal), 60);
}
END_TEST

START_TEST(too_many_ports)
{
	char text[16384], *at;
	int i;

	at = stpcpy(text, "<node xmlns=\"urn:lamina:node:1\" name=\"n1\">\n");
	for (i = 0; i < 65; i++)
		at += sprintf(at, "<port name=\"p%d\" devargs=\"net_tap%d\"/>\n", i, i);
	strcpy(at, "</node>");
	ck_assert_int_eq(lm_node_conf_parse("t.xml", text, strlen(text), &conf, &err), -E2BIG);
	ck_assert_str_eq(err.msg, "t.xml:66: more than 64 ports");
}
END_TEST

START_TEST(damaged_anywhere)
{
	size_t len, cut;
	char *text = read_file("docs/examples/node.xml", &len);

	for (cut = 0; cut < len; cut++) {
		char *exact = malloc(cut + 1);

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, text, cut);
		if (lm_node_conf_parse("t.xml", exact, cut, &conf, &err) == 0)
			lm_node_conf_free(&conf);
		free(exact);
		text[cut] ^= 0x11;
		if (lm_node_conf_parse("t.xml", text, len, &conf, &err) == 0)
			lm_node_conf_free(&conf);
		text[cut] ^= 0x11;
	}
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("node_config");
	Suite *suite = suite_create("node_config");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, values_and_cores);
	tcase_add_test(tc, legacy);
	tcase_add_test(tc, every_refusal);
	tcase_add_test(tc, too_many_ports);
	tcase_add_test(tc, damaged_anywhere);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
