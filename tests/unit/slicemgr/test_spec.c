/* SPDX-License-Identifier: BSD-3-Clause */
/* What requests become: names, addresses, attachments, links, warnings, and the examples. */
#include "slicemgr/spec.h"

#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "refusals.h"
#include "slicemgr/node_config.h"

#define HEAD                                                                       \
	"<rspec type=\"request\" xmlns=\"http://www.geni.net/resources/rspec/3\" " \
	"xmlns:lm=\"urn:lamina:rspec:vrouter:1\">\n"
#define TAIL "</rspec>\n"
#define NODE(id, inner) \
	"<node client_id=\"" id "\">\n<sliver_type name=\"vrouter\"/>\n" inner "</node>\n"
#define IFACE(id, inner) "<interface client_id=\"" id "\">\n" inner "</interface>\n"
#define AT(attrs)	 "<lm:attach " attrs "/>\n"

static struct lm_spec spec;
static struct lm_err err;

static void parse_ok(const char *text)
{
	int rc = lm_spec_parse("t.xml", text, strlen(text), "n1", &spec, &err);

	ck_assert_msg(rc == 0, "%s", err.msg);
}

static void parse_refused(const char *text, size_t len, int code, const char *want)
{
	int rc = lm_spec_parse("t.xml", text, len, "n1", &spec, &err);

	ck_assert_str_eq(err.msg, want);
	ck_assert_int_eq(rc, -code);
	ck_assert_int_eq(err.code, code);
	ck_assert_uint_eq(spec.n_nodes, 0);
	ck_assert_ptr_null(spec.nodes);
	ck_assert_ptr_null(spec.file);
}

START_TEST(slice_and_node)
{
	parse_ok(HEAD "<lm:slice id=\"4294967295\" urn=\"urn:publicid:IDN+x+slice+lab-1\"/>\n" NODE(
		"r1", "<lm:fp cores=\"2\" mode=\"dedicated\" memory_mb=\"128\"/>\n"
		      "<lm:cp daemons=\"bgpd, ospfd\"><lm:config><![CDATA[router bgp 1 <&>]]>"
		      "</lm:config></lm:cp><lm:mp/>\n") NODE("r2", "<lm:node name=\"n2\"/>\n")
			TAIL);
	ck_assert_uint_eq(spec.slice_id, UINT32_MAX);
	ck_assert_int_eq(spec.slice_line, 2);
	ck_assert_str_eq(spec.slice_name, "lab-1");
	ck_assert_str_eq(spec.slice_urn, "urn:publicid:IDN+x+slice+lab-1");
	ck_assert_str_eq(spec.file, "t.xml");
	ck_assert_uint_eq(spec.n_nodes, 2);
	ck_assert_str_eq(spec.nodes[0].client_id, "r1");
	ck_assert_int_eq(spec.nodes[0].line, 3);
	ck_assert_int_eq(spec.nodes[0].fp_line, 5);
	ck_assert_int_eq(spec.nodes[0].cp_line, 6);
	ck_assert_uint_eq(spec.nodes[0].cores, 2);
	ck_assert_int_eq(spec.nodes[0].mode, LM_FP_DEDICATED);
	ck_assert_uint_eq(spec.nodes[0].memory_mb, 128);
	ck_assert_uint_eq(spec.nodes[0].n_daemons, 4);
	ck_assert_str_eq(spec.nodes[0].daemons[0], "zebra");
	ck_assert_str_eq(spec.nodes[0].daemons[1], "staticd");
	ck_assert_str_eq(spec.nodes[0].daemons[2], "ospfd");
	ck_assert_str_eq(spec.nodes[0].daemons[3], "bgpd");
	ck_assert_str_eq(spec.nodes[0].config, "router bgp 1 <&>");
	ck_assert(spec.nodes[0].here);
	ck_assert_str_eq(spec.nodes[0].lamina_node, "");
	ck_assert_uint_eq(spec.nodes[1].n_daemons, 2);
	ck_assert_uint_eq(spec.nodes[1].cores, 1);
	ck_assert_uint_eq(spec.nodes[1].memory_mb, 64);
	ck_assert_ptr_null(spec.nodes[1].config);
	ck_assert(!spec.nodes[1].here);
	ck_assert_str_eq(spec.nodes[1].lamina_node, "n2");
	lm_spec_free(&spec);
	lm_spec_free(&spec); /* twice is fine */
}
END_TEST

START_TEST(no_slice_raw_node)
{
	parse_ok(HEAD "<node client_id=\"x\" component_id=\"urn:publicid:IDN+a+node+n1\">"
		      "<sliver_type name=\"vrouter-raw\"/></node>" TAIL);
	ck_assert_uint_eq(spec.slice_id, 0);
	ck_assert_str_eq(spec.slice_name, "");
	ck_assert_int_eq(spec.slice_line, 0);
	ck_assert_int_eq(spec.nodes[0].type, LM_SLIVER_VROUTER_RAW);
	ck_assert_uint_eq(spec.nodes[0].n_daemons, 0);
	ck_assert(spec.nodes[0].here);
	lm_spec_free(&spec);
}
END_TEST

START_TEST(addresses)
{
	static const char *const want[] = {"10.0.0.1/24", "10.1.0.1/16", "10.2.0.1/31",
		"10.3.0.1/32", "2001:db8::1/64", "2001:db8:1::1/48", "fe80::1/64"};
	const struct lm_spec_iface *iface;
	unsigned i;

	parse_ok(HEAD NODE("r",
		IFACE("a", "<ip address=\"10.0.0.1\" netmask=\"255.255.255.0\" "
			   "type=\"ipv4\"/>\n"
			   "<ip address=\"10.1.0.1\" prefix=\"16\"/>"
			   "<ip address=\"10.2.0.1\" netmask=\"/31\"/>"
			   "<ip address=\"10.3.0.1\" netmask=\"32\"/>"
			   "<ip address=\"2001:DB8:0::1\" netmask=\"64\" "
			   "type=\"ipv6\"/>"
			   "<ip address=\"2001:db8:1::1\" netmask=\"ffff:ffff:ffff::\"/>"
			   "<ip address=\"fe80::1\" prefix=\"64\"/>" AT("port=\"p\"")) IFACE("b",
			"<ip address=\"fe80::1\" prefix=\"64\"/>" AT("port=\"q\" mtu=\"1280\"")))
			TAIL);
	iface = &spec.nodes[0].ifaces[0];
	ck_assert_uint_eq(iface->n_addrs, 7);
	for (i = 0; i < 7; i++) {
		ck_assert_str_eq(iface->addrs[i].text, want[i]);
		ck_assert_uint_eq(iface->addrs[i].family, i < 4 ? 4 : 6);
	}
	ck_assert_uint_eq(iface->addrs[1].prefix_len, 16);
	ck_assert_int_eq(iface->addrs[0].line, 5);
	ck_assert_uint_eq(iface->addrs[0].bytes[0], 10);
	lm_spec_free(&spec);
}
END_TEST

START_TEST(macs)
{
	static const uint8_t want[3][6] = {
		{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0xab, 0xcd}, {2, 0, 0, 0, 0, 3}};
	const struct lm_spec_iface *iface;

	parse_ok(HEAD NODE("r",
		"<interface client_id=\"a\" mac_address=\"020000000001\">"
		"<lm:mac address=\"02:00:00:00:aB:Cd\"/>"
		"<lm:mac address=\"02-00-00-00-00-03\"/>" AT("port=\"p\"") "</interface>") TAIL);
	iface = &spec.nodes[0].ifaces[0];
	ck_assert_uint_eq(iface->n_macs, 3);
	ck_assert_mem_eq(iface->macs, want, sizeof(want));
	lm_spec_free(&spec);
}
END_TEST

static void check_attach(const char *attrs, enum lm_attach_kind kind, uint8_t type, uint32_t vif,
	bool inline_header, unsigned octets)
{
	const struct lm_spec_attach *attach;
	char text[1024];

	snprintf(text, sizeof(text), HEAD NODE("r", IFACE("a", "<lm:attach %s/>\n")) TAIL, attrs);
	parse_ok(text);
	attach = &spec.nodes[0].ifaces[0].attach;
	ck_assert_int_eq(attach->kind, kind);
	ck_assert_uint_eq(attach->type, type);
	ck_assert_uint_eq(attach->vif_id, vif);
	ck_assert_int_eq(attach->inline_header, inline_header);
	ck_assert_uint_eq(lm_attach_header_octets(attach), octets);
	ck_assert_str_eq(attach->port, "p");
	ck_assert_int_eq(attach->line, 5);
	lm_spec_free(&spec);
}

START_TEST(attachments)
{
	check_attach("port='p'", LM_ATTACH_TRUNK, 1, 0, false, 8);
	check_attach("port='p' mode='trunk' header='strip' type='slice'", LM_ATTACH_TRUNK, 1, 0,
		false, 8);
	check_attach("port='p' vif='4294967295'", LM_ATTACH_TRUNK, 2, UINT32_MAX, false, 12);
	check_attach("port='p' type='vif' vif='0'", LM_ATTACH_TRUNK, 2, 0, false, 12);
	check_attach("port='p' type='locator' vif='9'", LM_ATTACH_TRUNK, 3, 9, true, 20);
	check_attach(
		"port='p' type='locator' vif='9' header='inline'", LM_ATTACH_TRUNK, 3, 9, true, 20);
	check_attach("port='p' type='128' max_words='3'", LM_ATTACH_TRUNK, 128, 0, true, 16);
	check_attach("port='p' type='255' max_words='255' header='inline'", LM_ATTACH_TRUNK, 255, 0,
		true, 1024);
	check_attach("port='p' mode='access'", LM_ATTACH_ACCESS, 0, 0, false, 0);
	parse_ok(HEAD NODE("r", IFACE("a", AT("port=\"p\" promisc=\"true\" mtu=\"1400\""))) TAIL);
	ck_assert(spec.nodes[0].ifaces[0].attach.promisc);
	ck_assert_uint_eq(spec.nodes[0].ifaces[0].attach.mtu, 1400);
	lm_spec_free(&spec);
}
END_TEST

START_TEST(keys_that_differ)
{
	/* the same slice and vif is fine on another port, in another vif, on another Lamina node */
	parse_ok(HEAD NODE("r1",
		IFACE("a", AT("port=\"p\" vif=\"1\"")) IFACE("b", AT("port=\"p\" vif=\"2\""))
			IFACE("c", AT("port=\"q\" vif=\"1\"")) IFACE("d", AT("port=\"p\"")))
			NODE("r2", "<lm:node name=\"n2\"/>" IFACE("e", AT("port=\"p\" vif=\"1\"")))
				TAIL);
	ck_assert_uint_eq(spec.nodes[0].n_ifaces, 4);
	lm_spec_free(&spec);
}
END_TEST

START_TEST(interface_names)
{
	static const char *const want[] = {
		"if0", "eth1", "eth0", "eth2", "eth3", "eth4", "uplink", "eth5", "eth6"};
	unsigned i;

	/* taken: two of one text, "lo", too long, bad characters, no room for NAME.1 */
	parse_ok(HEAD NODE("r",
		IFACE("r:if0", AT("port=\"a\"")) IFACE("r:x:dup", AT("port=\"b\"")) IFACE(
			"r:eth0", AT("port=\"c\"")) IFACE("r:y:dup", AT("port=\"d\"")) IFACE("r:lo",
			AT("port=\"e\"")) IFACE("r:abcdefghijklmnop", AT("port=\"f\""))
			IFACE("uplink", AT("port=\"g\"")) IFACE("r:a b", AT("port=\"h\"")) IFACE(
				"r:abcdefghijklmn",
				"<lm:mac address=\"02:00:00:00:00:01\"/>"
				"<lm:mac address=\"02:00:00:00:00:02\"/>" AT("port=\"i\""))) TAIL);
	ck_assert_uint_eq(spec.nodes[0].n_ifaces, 9);
	for (i = 0; i < 9; i++)
		ck_assert_str_eq(spec.nodes[0].ifaces[i].name, want[i]);
	lm_spec_free(&spec);
}
END_TEST

START_TEST(links)
{
	const char *text = HEAD NODE(
		"r1", IFACE("r1:a", AT("mtu=\"1400\"")) IFACE("r1:b", AT("port=\"p\" vif=\"3\"")))
		NODE("r2", "<lm:node name=\"n1\"/>" IFACE("r2:a", "")) NODE("r3",
			"<lm:node name=\"n2\"/>" IFACE("r3:a", AT("port=\"q\" vif=\"3\""))
				IFACE("r3:b", "")) NODE("r4",
			"<lm:node name=\"n2\"/>" IFACE("r4:b",
				"")) "<link client_id=\"l1\"><interface_ref client_id=\"r1:a\"/>"
				     "<interface_ref client_id=\"r2:a\"/></link>"
				     "<link client_id=\"l2\"><interface_ref client_id=\"r1:b\"/>"
				     "<interface_ref client_id=\"r3:a\"/></link>"
				     "<link client_id=\"l3\"><interface_ref client_id=\"r3:b\"/>"
				     "<interface_ref client_id=\"r4:b\"/></link>" TAIL;

	parse_ok(text);
	ck_assert_uint_eq(spec.n_links, 3);
	ck_assert_str_eq(spec.links[0].client_id, "l1");
	ck_assert(spec.links[0].patch && spec.links[0].here);
	ck_assert(!spec.links[1].patch && spec.links[1].here);
	ck_assert(spec.links[2].patch && !spec.links[2].here);
	ck_assert_uint_eq(spec.links[1].n_ends, 2);
	ck_assert_uint_eq(spec.links[1].ends[1].node, 2);
	ck_assert_uint_eq(spec.links[1].ends[1].iface, 0);
	ck_assert_int_eq(spec.nodes[0].ifaces[0].link, 0);
	ck_assert_int_eq(spec.nodes[0].ifaces[1].link, 1);
	ck_assert_int_eq(spec.nodes[0].ifaces[0].attach.kind, LM_ATTACH_PATCH);
	ck_assert_uint_eq(spec.nodes[0].ifaces[0].attach.mtu, 1400);
	lm_spec_free(&spec);
	/* "n1" is not our name there: the unbound r1 and r2 are at different places */
	ck_assert_int_ne(lm_spec_parse("t.xml", text, strlen(text), "n9", &spec, &err), 0);
	ck_assert_int_ne(lm_spec_parse("t.xml", text, strlen(text), NULL, &spec, &err), 0);
}
END_TEST

START_TEST(warnings)
{
	static const char *const want[] = {
		"t.xml:1: <rspec> expires has no effect: destroy the slice yourself",
		/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text */
		"t.xml:2: node 'r': exclusive has no effect: slivers share the machine, ask for "
		"cores with <lm:fp mode=\"dedicated\"/>",
		"t.xml:2: node 'r': component_name has no effect",
		"t.xml:2: node 'r': component_manager_id has no effect",
		"t.xml:4: <site>: elements of namespace 'urn:v' have no effect here",
		"t.xml:5: <location> has no effect",
		"t.xml:10: <other>: elements of namespace 'urn:w' have no effect here",
		"t.xml:12: link 'l': <link_type name=\"lan\"> has no effect: vlinks are Ethernet "
		"already",
		"t.xml:13: link 'l': an empty <property> has no effect",
		"t.xml:14: <component_manager> has no effect",
	};
	unsigned i;

	parse_ok("<rspec type=\"request\" expires=\"2030-01-01T00:00:00Z\" "
		 "generated_by=\"hand\" xmlns=\"http://www.geni.net/resources/rspec/3\" "
		 "xmlns:v=\"urn:v\" v:note=\"x\">\n"
		 "<node client_id=\"r\" exclusive=\"true\" component_name=\"x\" "
		 "component_manager_id=\"y\">\n"
		 "<sliver_type name=\"vrouter\"/>\n"
		 "<v:site id=\"1\"/>\n"
		 "<location country=\"CH\"/>\n"
		 "<services/>\n"
		 "<interface client_id=\"r:a\"/><interface client_id=\"r:b\"/>\n"
		 "</node>\n"
		 "<v:tour/>\n"
		 "<other xmlns=\"urn:w\"/>\n"
		 "<link client_id=\"l\">\n"
		 "<link_type name=\"lan\"/>\n"
		 "<property source_id=\"r:a\" dest_id=\"r:b\"/>\n"
		 "<component_manager name=\"x\"/>\n"
		 "<interface_ref client_id=\"r:a\"/><interface_ref client_id=\"r:b\"/></link>\n"
		 "</rspec>\n");
	ck_assert_uint_eq(spec.n_warnings, sizeof(want) / sizeof(want[0]));
	for (i = 0; i < spec.n_warnings; i++)
		ck_assert_str_eq(spec.warnings[i], want[i]);
	lm_spec_free(&spec);
}
END_TEST

static void check_refusal(const char *name, const char *body, const char *answer)
{
	size_t size = strlen(body) + sizeof(HEAD) + sizeof(TAIL) + 1;
	char *text = malloc(size);

	ck_assert_ptr_nonnull(text);
	snprintf(text, size, HEAD "%s\n" TAIL, body);
	ck_assert_msg(lm_spec_parse("t.xml", text, strlen(text), "n1", &spec, &err) != 0,
		"%s: not refused", name);
	ck_assert_msg(strcmp(err.msg, answer) == 0, "%s:\n got %s\nwant %s", name, err.msg, answer);
	ck_assert(err.code == EINVAL || err.code == E2BIG);
	ck_assert_ptr_null(spec.nodes);
	free(text);
}

START_TEST(every_refusal)
{
	ck_assert_int_ge(each_refusal("tests/unit/slicemgr/refusals_spec.txt", check_refusal), 120);
}
END_TEST

START_TEST(wrong_documents)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "t.xml:1: the file is empty"},
		{"hello\n", "t.xml:1: not well-formed XML: Start tag expected, '<' not found"},
		{"<a>\n\n<b></a>",
			"t.xml:3: not well-formed XML: Opening and ending tag mismatch: b line 3 "
			"and a"},
		{"<html/>", "t.xml:1: <html> is no RSpec: a request starts with <rspec "
			    "type=\"request\">"},
		{"<rspec type=\"request\" xmlns=\"http://www.protogeni.net/resources/rspec/2\"/>",
			"t.xml:1: <rspec> is of namespace "
			"'http://www.protogeni.net/resources/rspec/2': give RSpec version 3, "
			"xmlns=\"http://www.geni.net/resources/rspec/3\""},
		{"\n<rspec type=\"manifest\" xmlns=\"http://www.geni.net/resources/rspec/3\"/>",
			"t.xml:2: <rspec type=\"manifest\">: give a request (type=\"request\")"},
		{"<rspec xmlns=\"http://www.geni.net/resources/rspec/3\"/>",
			"t.xml:1: element 'rspec': The attribute 'type' is required but missing "
			"(see docs/spec.md)"},
		{"<!DOCTYPE rspec [\n<!ENTITY a \"b\">\n]>\n<rspec/>",
			"t.xml:1: DOCTYPE is not allowed (no DTDs, no entities): remove it"},
		{"<?xml version=\"1.0\"?>\n<!DOCTYPE rspec SYSTEM "
		 "\"file:///etc/passwd\">\n<rspec/>",
			"t.xml:2: DOCTYPE is not allowed (no DTDs, no entities): remove it"},
		{"<!DOCTYPE lolz [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">"
		 "<!ENTITY c \"&b;&b;&b;&b;\">]><lolz>&c;</lolz>",
			"t.xml:1: DOCTYPE is not allowed (no DTDs, no entities): remove it"},
		{"<rspec>&passwd;</rspec>",
			"t.xml:1: not well-formed XML: Entity 'passwd' not defined"},
		{"<x:rspec/>",
			"t.xml:1: not well-formed XML: Namespace prefix x on rspec is not defined"},
		{"<rspec>\n<a b=\"1\" b=\"2\"/></rspec>",
			"t.xml:2: not well-formed XML: Attribute b redefined"},
		{HEAD "<!-- latin 1: \xe9 -->\n" TAIL, "t.xml:2: not well-formed XML: Input is not "
						       "proper UTF-8, indicate encoding "
						       "!"},
		{"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<rspec a=\"\xe9\"/>",
			"t.xml:2: not well-formed XML: Input is not proper UTF-8, indicate "
			"encoding "
			"!"},
	};
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		parse_refused(cases[i].text, strlen(cases[i].text), EINVAL, cases[i].want);
	parse_refused(
		"<a>\n\0</a>", 9, EINVAL, "t.xml:2: a NUL octet: the file must be UTF-8 text");
	/* UTF-16 is full of NULs */
	parse_refused("\xff\xfe<\0a\0/\0>\0", 10, EINVAL,
		"t.xml:1: a NUL octet: the file must be UTF-8 text");
}
END_TEST

/* `n` times `unit` between `before` and `after`. */
static char *repeat(const char *before, const char *unit, unsigned n, const char *after)
{
	size_t size = strlen(before) + n * strlen(unit) + strlen(after) + 1;
	char *text = malloc(size), *at;

	ck_assert_ptr_nonnull(text);
	at = stpcpy(text, before);
	while (n-- > 0)
		at = stpcpy(at, unit);
	strcpy(at, after);
	return text;
}

static void refuse_repeat(
	const char *before, const char *unit, unsigned n, const char *after, const char *want)
{
	char *text = repeat(before, unit, n, after);

	parse_refused(text, strlen(text), E2BIG, want);
	free(text);
}

START_TEST(bombs)
{
	char *text;

	refuse_repeat(HEAD, "<a>", 100000, "", "t.xml:2: elements nest deeper than 32 levels");
	refuse_repeat(HEAD, "<a/>\n", 30000, TAIL, "t.xml:20001: more than 20000 elements");
	refuse_repeat(HEAD "<!--", "0123456789abcdef", 65536, "-->" TAIL,
		"t.xml: the file has 1048699 octets, more than 1048576");
	refuse_repeat(HEAD "<node client_id=\"r\">\n<sliver_type name=\"vrouter\"/>\n<lm:cp>"
			   "<lm:config>\n",
		"! 0123456789abc\n", 16385, "</lm:config></lm:cp></node>" TAIL,
		"t.xml:4: the configuration has 262161 octets, more than 262144");
	/* one attribute of half a megabyte is cut, not copied, in the answer */
	text = repeat(HEAD "<node client_id=\"", "0123456789abcdef", 32768, "\"/>" TAIL);
	ck_assert_int_eq(lm_spec_parse("t.xml", text, strlen(text), NULL, &spec, &err), -EINVAL);
	ck_assert_uint_lt(strlen(err.msg), 256);
	free(text);
}
END_TEST

START_TEST(counts)
{
	char text[65536], *at;
	int i;

	at = stpcpy(text, HEAD);
	for (i = 0; i < 65; i++)
		at += sprintf(
			at, "<node client_id=\"r%d\"><sliver_type name=\"vrouter\"/></node>\n", i);
	strcpy(at, TAIL);
	parse_refused(text, strlen(text), E2BIG, "t.xml:66: more than 64 nodes in one request");

	at = stpcpy(text, HEAD "<node client_id=\"r\"><sliver_type name=\"vrouter\"/>\n");
	for (i = 0; i < 33; i++)
		at += sprintf(at,
			"<interface client_id=\"%d\"><lm:attach port=\"p\" vif=\"%d\"/>"
			"</interface>\n",
			i, i);
	strcpy(at, "</node>" TAIL);
	parse_refused(text, strlen(text), E2BIG, "t.xml:35: node 'r' has more than 32 interfaces");
}
END_TEST

START_TEST(long_line_numbers)
{
	char *text = repeat(HEAD, "\n", 100000, "<lm:slice id=\"1\"/><lm:slice/>" TAIL);

	ck_assert_int_eq(lm_spec_parse("t.xml", text, strlen(text), NULL, &spec, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "a second <lm:slice>"));
	free(text);
}
END_TEST

START_TEST(examples)
{
	struct lm_node_conf conf;
	unsigned i;
	glob_t found;
	size_t len;
	char *text;

	ck_assert_int_eq(glob("docs/examples/*.xml", 0, NULL, &found), 0);
	ck_assert_uint_ge(found.gl_pathc, 4);
	for (i = 0; i < found.gl_pathc; i++) {
		text = read_file(found.gl_pathv[i], &len);
		if (strstr(text, "urn:lamina:node:1") != NULL) {
			ck_assert_msg(
				lm_node_conf_parse(found.gl_pathv[i], text, len, &conf, &err) == 0,
				"%s", err.msg);
			lm_node_conf_free(&conf);
			free(text);
			continue;
		}
		ck_assert_msg(lm_spec_parse(found.gl_pathv[i], text, len, "n1", &spec, &err) == 0,
			"%s", err.msg);
		ck_assert_msg(
			spec.n_warnings == 0, "%s", spec.n_warnings != 0 ? spec.warnings[0] : "");
		lm_spec_free(&spec);
		free(text);
	}
	globfree(&found);
}
END_TEST

/* Also with an octet less, and with each octet another: nothing may crash, leak or hang. */
START_TEST(damaged_anywhere)
{
	size_t len, cut;
	char *text = read_file("docs/examples/two-routers.xml", &len);
	char keep;

	for (cut = 0; cut < len; cut++) {
		char *exact = malloc(cut + 1); /* so that ASan sees a read behind the end */

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, text, cut);
		if (lm_spec_parse("t.xml", exact, cut, "n1", &spec, &err) == 0)
			lm_spec_free(&spec);
		else
			ck_assert_str_ne(err.msg, "");
		free(exact);
		keep = text[cut];
		text[cut] = (char)(keep ^ 0x11);
		if (lm_spec_parse("t.xml", text, len, "n1", &spec, &err) == 0)
			lm_spec_free(&spec);
		text[cut] = keep;
	}
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("spec");
	Suite *suite = suite_create("spec");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, slice_and_node);
	tcase_add_test(tc, no_slice_raw_node);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, macs);
	tcase_add_test(tc, attachments);
	tcase_add_test(tc, keys_that_differ);
	tcase_add_test(tc, interface_names);
	tcase_add_test(tc, links);
	tcase_add_test(tc, warnings);
	tcase_add_test(tc, every_refusal);
	tcase_add_test(tc, wrong_documents);
	tcase_add_test(tc, bombs);
	tcase_add_test(tc, counts);
	tcase_add_test(tc, long_line_numbers);
	tcase_add_test(tc, examples);
	tcase_add_test(tc, damaged_anywhere);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
