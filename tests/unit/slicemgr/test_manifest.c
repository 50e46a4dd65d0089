/* SPDX-License-Identifier: BSD-3-Clause */
/* Manifests: the exact text, every client_id back, valid by our schema, usable as a request. */
#include "slicemgr/manifest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "refusals.h"

static const char request[] =
	"<rspec type=\"request\" xmlns=\"http://www.geni.net/resources/rspec/3\" "
	"xmlns:lm=\"urn:lamina:rspec:vrouter:1\">\n"
	"<node client_id=\"r1\"><sliver_type name=\"vrouter\"/><lm:fp cores=\"2\"/>\n"
	"<interface client_id=\"r1:a\"><ip address=\"10.0.0.1\" prefix=\"25\"/>"
	"<ip address=\"10.9.9.9\" prefix=\"32\"/>"
	"<ip address=\"2001:db8::1\" prefix=\"64\"/></interface>\n"
	"<interface client_id=\"r1:b\"><lm:attach port=\"p\" type=\"200\" max_words=\"2\" "
	"promisc=\"true\"/></interface>\n"
	"</node>\n"
	"<node client_id=\"x\"><sliver_type name=\"vrouter-raw\"/>\n"
	"<interface client_id=\"x:a\"/>\n"
	"<interface client_id=\"x:b\"><lm:attach port=\"h\" mode=\"access\"/></interface>\n"
	"</node>\n"
	"<node client_id=\"far\"><sliver_type name=\"vrouter\"/><lm:node name=\"n2\"/>\n"
	"<interface client_id=\"far:a\"><lm:attach port=\"p\" vif=\"7\"/></interface>\n"
	"</node>\n"
	"<link client_id=\"l1\"><interface_ref client_id=\"r1:a\"/>"
	"<interface_ref client_id=\"x:a\"/></link>\n"
	"</rspec>\n";

static const char manifest[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<rspec type=\"manifest\" xmlns=\"http://www.geni.net/resources/rspec/3\" "
	"xmlns:lm=\"urn:lamina:rspec:vrouter:1\">\n"
	"  <lm:slice id=\"7\" name=\"a\" urn=\"urn:publicid:IDN+x+slice+a\"/>\n"
	"  <node client_id=\"r1\" exclusive=\"false\" sliver_id=\"urn:publicid:IDN+n1+sliver+1\">\n"
	"    <sliver_type name=\"vrouter\"/>\n"
	"    <lm:node name=\"n1\"/>\n"
	"    <lm:fp cores=\"2\" mode=\"shared\" memory_mb=\"64\"/>\n"
	"    <interface client_id=\"r1:a\" mac_address=\"02:00:00:00:00:01\">\n"
	"      <ip address=\"10.0.0.1\" netmask=\"255.255.255.128\" type=\"ipv4\"/>\n"
	"      <ip address=\"10.9.9.9\" netmask=\"255.255.255.255\" type=\"ipv4\"/>\n"
	"      <ip address=\"2001:db8::1\" netmask=\"64\" type=\"ipv6\"/>\n"
	"      <lm:vif name=\"a\" mtu=\"1592\" vlink=\"a/l1\"/>\n"
	"    </interface>\n"
	"    <interface client_id=\"r1:b\" mac_address=\"02:00:00:00:00:02\">\n"
	"      <lm:vif name=\"b\" mtu=\"1500\">\n"
	"        <lm:mac address=\"02:00:00:00:00:ff\"/>\n"
	"      </lm:vif>\n"
	"      <lm:attach port=\"p\" mode=\"trunk\" header=\"inline\" type=\"200\" "
	"max_words=\"2\" promisc=\"true\"/>\n"
	"    </interface>\n"
	"  </node>\n"
	"  <node client_id=\"x\" exclusive=\"false\" sliver_id=\"urn:publicid:IDN+n1+sliver+2\">\n"
	"    <sliver_type name=\"vrouter-raw\"/>\n"
	"    <lm:node name=\"n1\"/>\n"
	"    <interface client_id=\"x:a\" mac_address=\"02:00:00:00:00:01\">\n"
	"      <lm:vif name=\"a\" mtu=\"1592\" vlink=\"a/l1\"/>\n"
	"    </interface>\n"
	"    <interface client_id=\"x:b\" mac_address=\"02:00:00:00:00:02\">\n"
	"      <lm:vif name=\"b\" mtu=\"1500\">\n"
	"        <lm:mac address=\"02:00:00:00:00:ff\"/>\n"
	"      </lm:vif>\n"
	"      <lm:attach port=\"h\" mode=\"access\"/>\n"
	"    </interface>\n"
	"  </node>\n"
	"  <node client_id=\"far\" exclusive=\"false\">\n"
	"    <sliver_type name=\"vrouter\"/>\n"
	"    <lm:node name=\"n2\"/>\n"
	"    <interface client_id=\"far:a\">\n"
	"      <lm:attach port=\"p\" mode=\"trunk\" header=\"strip\" type=\"vif\" vif=\"7\"/>\n"
	"    </interface>\n"
	"  </node>\n"
	"  <link client_id=\"l1\">\n"
	"    <interface_ref client_id=\"r1:a\"/>\n"
	"    <interface_ref client_id=\"x:a\"/>\n"
	"  </link>\n"
	"</rspec>\n";

static const struct lm_given_iface ifaces[] = {
	{.n_macs = 1, .macs = {{2, 0, 0, 0, 0, 1}}, .mtu = 1592},
	{.n_macs = 2, .macs = {{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 255}}, .mtu = 1500},
};
static const struct lm_given_sliver slivers[] = {
	{"urn:publicid:IDN+n1+sliver+1", ifaces},
	{"urn:publicid:IDN+n1+sliver+2", ifaces},
	{NULL, NULL},
};
static const struct lm_given given = {
	.node = "n1",
	.slice_name = "a",
	.slice_urn = "urn:publicid:IDN+x+slice+a",
	.slice_id = 7,
	.slivers = slivers,
};

START_TEST(exact_text)
{
	struct lm_spec spec;
	struct lm_err err;
	char *text;

	ck_assert_int_eq(lm_spec_parse("t.xml", request, strlen(request), "n1", &spec, &err), 0);
	ck_assert_int_eq(lm_manifest_write(&spec, &given, &text, &err), 0);
	ck_assert_str_eq(text, manifest);
	ck_assert_msg(lm_manifest_check("m.xml", text, strlen(text), &err) == 0, "%s", err.msg);
	free(text);
	lm_spec_free(&spec);
}
END_TEST

START_TEST(examples_are_valid)
{
	static const char *const paths[] = {"docs/examples/ospf-triangle.xml",
		"docs/examples/two-routers.xml", "docs/examples/raw.xml"};
	struct lm_given_sliver own[3];
	struct lm_given_iface vifs[3] = {
		{.n_macs = 1, .mtu = 1592}, {.n_macs = 1, .mtu = 1592}, {.n_macs = 1, .mtu = 1500}};
	struct lm_given all = {
		.node = "n1", .slice_name = "a", .slice_id = UINT32_MAX, .slivers = own};
	struct lm_spec spec;
	struct lm_err err;
	char *text, *out;
	unsigned i, j;
	size_t len;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		text = read_file(paths[i], &len);
		ck_assert_int_eq(lm_spec_parse(paths[i], text, len, "n1", &spec, &err), 0);
		for (j = 0; j < spec.n_nodes; j++)
			own[j] = (struct lm_given_sliver){
				spec.nodes[j].here ? "urn:publicid:IDN+n1+sliver+a" : NULL, vifs};
		ck_assert_int_eq(lm_manifest_write(&spec, &all, &out, &err), 0);
		ck_assert_msg(
			lm_manifest_check("m.xml", out, strlen(out), &err) == 0, "%s", err.msg);
		free(out);
		free(text);
		lm_spec_free(&spec);
	}
}
END_TEST

START_TEST(wrong_manifest)
{
	static const char wrong[] =
		"<rspec type=\"manifest\" xmlns=\"http://www.geni.net/resources/rspec/3\">\n"
		"<node client_id=\"a\" exclusive=\"false\"/></rspec>";
	struct lm_err err;

	ck_assert_int_ne(lm_manifest_check("m.xml", wrong, strlen(wrong), &err), 0);
	ck_assert_str_eq(err.msg, "m.xml:2: element 'node': Missing child element(s). Expected is "
				  "( sliver_type ) (see docs/spec.md)");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("manifest");
	Suite *suite = suite_create("manifest");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, exact_text);
	tcase_add_test(tc, examples_are_valid);
	tcase_add_test(tc, wrong_manifest);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
