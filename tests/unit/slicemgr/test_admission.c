/* SPDX-License-Identifier: BSD-3-Clause */
/* What a node takes and what it refuses, and what it gives: vMACs, MTUs, cores. */
#include "slicemgr/admission.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "slicemgr/plan.h"
#include "slicemgr/sliver_json.h"

static struct node node;
static struct lm_err err;

#define RSPEC(id, body)                                                            \
	"<rspec type=\"request\" xmlns=\"http://www.geni.net/resources/rspec/3\" " \
	"xmlns:lm=\"urn:lamina:rspec:vrouter:1\">\n<lm:slice id=\"" id "\"/>\n" body "</rspec>\n"
#define NODE(name, fp, body) \
	"<node client_id=\"" name "\"><sliver_type name=\"vrouter\"/>" fp "\n" body "</node>\n"
#define ATTACHED(name, attach) \
	"<interface client_id=\"" name "\"><lm:attach " attach "/></interface>\n"

static void setup(void)
{
	static const char text[] =
		"<node xmlns=\"urn:lamina:node:1\" name=\"n1\">\n"
		"<substrate cores=\"0\"/><slivers cores=\"0-3\" max=\"3\" memory-mb=\"800\"/>\n"
		"<port name=\"east\" devargs=\"net_tap0\" mtu=\"1600\"/>\n"
		"<port name=\"west\" devargs=\"net_tap1\" mtu=\"580\"/>\n"
		"<port name=\"south\" devargs=\"net_tap3\" mtu=\"1400\"/>\n"
		"<port name=\"h1\" devargs=\"net_tap2\" mode=\"access\"/>\n"
		"<legacy><cp daemons=\"ospfd\"/><interface name=\"wan\" port=\"east\"/>"
		"</legacy></node>";

	memset(&node, 0, sizeof(node));
	memset(&err, 0, sizeof(err));
	TAILQ_INIT(&node.slices);
	ck_assert_msg(lm_node_conf_parse("n.xml", text, strlen(text), &node.conf, &err) == 0, "%s",
		err.msg);
}

static void teardown(void)
{
	struct slice *slice;

	while ((slice = TAILQ_FIRST(&node.slices)) != NULL) {
		TAILQ_REMOVE(&node.slices, slice, next);
		slice_free(slice);
	}
	lm_node_conf_free(&node.conf);
}

static struct slice *plan(const char *name, const char *text)
{
	struct lm_spec spec = {0};

	memset(&err, 0, sizeof(err));
	ck_assert_msg(
		lm_spec_parse("r.xml", text, strlen(text), "n1", &spec, &err) == 0, "%s", err.msg);
	return plan_slice(&node, &spec, name, &err);
}

static struct slice *admit(const char *name, const char *text)
{
	struct slice *slice = plan(name, text);

	ck_assert_msg(slice != NULL, "%s", err.msg);
	ck_assert_msg(admission_check(slice, &err) == 0, "%s", err.msg);
	TAILQ_INSERT_TAIL(&node.slices, slice, next);
	return slice;
}

/* The request is refused, at plan or at admission, with these words. */
static void refuse(const char *name, const char *text, int code, const char *words)
{
	struct slice *slice = plan(name, text);

	if (slice != NULL)
		ck_assert_int_lt(admission_check(slice, &err), 0);
	slice_free(slice);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.msg, words) != NULL, "'%s' has no '%s'", err.msg, words);
	ck_assert_ptr_null(strchr(err.msg, '\n'));
}

static const char plain[] = RSPEC("7", NODE("r1", "", ATTACHED("r1:a", "port=\"east\"")));

START_TEST(gives_mtu_and_vmac)
{
	struct slice *slice = admit(
		"a", RSPEC("7", NODE("r1", "",
					ATTACHED("r1:a", "port=\"east\"") ATTACHED(
						"r1:b", "port=\"east\" vif=\"3\"") ATTACHED("r1:c",
						"port=\"h1\" mode=\"access\" mtu=\"1400\""))));
	struct slice *other = plan("b", plain);
	const struct iface *i = slice->slivers[0].ifaces;

	ck_assert_str_eq(i[0].vif, "a/r1/a");
	ck_assert_uint_eq(i[0].mtu, 1592);
	ck_assert_uint_eq(i[1].mtu, 1588);
	ck_assert_uint_eq(i[2].mtu, 1400);
	ck_assert_uint_eq(i[0].n_macs, 1);
	ck_assert_uint_eq(i[0].macs[0][0], 0x02);
	ck_assert_mem_ne(i[0].macs[0], i[1].macs[0], 6);
	/* the same request, the same address: wherever it is applied */
	ck_assert_mem_eq(other->slivers[0].ifaces[0].macs[0], i[0].macs[0], 6);
	slice_free(other);
}
END_TEST

START_TEST(evens_out_a_vlink)
{
	struct slice *slice = admit("a",
		RSPEC("7",
			NODE("r1", "", ATTACHED("r1:a", "port=\"east\"")) NODE("r2", "",
				ATTACHED("r2:a",
					"port=\"south\"")) "<link client_id=\"l\"><interface_ref "
							   "client_id=\"r1:a\"/>"
							   "<interface_ref "
							   "client_id=\"r2:a\"/></link>"));

	ck_assert_uint_eq(slice->slivers[0].ifaces[0].mtu, 1392);
	ck_assert_uint_eq(slice->slivers[1].ifaces[0].mtu, 1392);
}
END_TEST

START_TEST(refuses_names_and_ids)
{
	admit("a", plain);
	refuse("a", plain, EEXIST, "slice a is on this node already");
	refuse("b", plain, EEXIST, "r.xml:2: slice id 7 is held by slice a");
	refuse("legacy", plain, EINVAL, "legacy");
	refuse("a b", plain, EINVAL, "slice name");
	refuse(NULL, plain, EINVAL, "names no slice");
}
END_TEST

START_TEST(refuses_ports)
{
	refuse("a", RSPEC("7", NODE("r1", "", ATTACHED("r1:a", "port=\"north\""))), ENOENT,
		"r.xml:4: r1:a: node n1 has no port 'north' (it has: east, west, south, h1)");
	refuse("a", RSPEC("7", NODE("r1", "", ATTACHED("r1:a", "port=\"h1\""))), EINVAL,
		"access port");
	refuse("a", RSPEC("7", NODE("r1", "", ATTACHED("r1:a", "port=\"east\" mode=\"access\""))),
		EINVAL, "is a trunk");
	refuse("a", RSPEC("7", NODE("r1", "", ATTACHED("r1:a", "port=\"west\""))), EINVAL,
		"leaves 572 octets");
	refuse("a", RSPEC("7", NODE("r1", "", ATTACHED("r1:a", "port=\"east\" mtu=\"1600\""))),
		EINVAL, "mtu 1600 is more than the 1592");
}
END_TEST

START_TEST(refuses_what_is_taken)
{
	admit("a", RSPEC("7", NODE("r1", "", ATTACHED("r1:a", "port=\"h1\" mode=\"access\""))));
	refuse("b", RSPEC("8", NODE("r1", "", ATTACHED("r1:a", "port=\"h1\" mode=\"access\""))),
		EEXIST, "access port h1 is taken by a/r1/a");
}
END_TEST

START_TEST(refuses_amounts)
{
	refuse("a",
		RSPEC("7", NODE("r1", "", "") NODE("r2", "", "") NODE("r3", "", "")
				   NODE("r4", "", "")),
		ENOSPC, "has room for 3 more");
	refuse("a", RSPEC("7", NODE("r1", "<lm:fp memory_mb=\"700\"/>", "")), ENOSPC,
		"r.xml:3: r1: memory_mb=\"700\"");
	refuse("a", RSPEC("7", NODE("r1", "<lm:fp cores=\"4\" mode=\"dedicated\"/>", "")), ENOSPC,
		"r.xml:3: r1: 4 dedicated cores asked for, node n1 has 3 left");
	refuse("a", RSPEC("7", NODE("r1", "<lm:fp cores=\"5\"/>", "")), ENOSPC,
		"5 shared cores asked for, node n1 has 4");
}
END_TEST

START_TEST(gives_cores)
{
	struct slice *a =
		admit("a", RSPEC("7", NODE("r1", "<lm:fp cores=\"2\" mode=\"dedicated\"/>", "")));
	struct slice *b;
	struct lm_cores shared = admission_shared_cores(&node);

	ck_assert_uint_eq(a->slivers[0].own_cores.n, 2);
	ck_assert_uint_eq(a->slivers[0].own_cores.ids[0], 2);
	ck_assert_uint_eq(a->slivers[0].own_cores.ids[1], 3);
	ck_assert_uint_eq(shared.n, 2);
	refuse("b", RSPEC("8", NODE("r1", "<lm:fp cores=\"2\" mode=\"dedicated\"/>", "")), ENOSPC,
		"1 left to give");
	b = admit("b", RSPEC("8", NODE("r1", "<lm:fp cores=\"1\" mode=\"dedicated\"/>", "")));
	ck_assert_uint_eq(b->slivers[0].own_cores.ids[0], 1);
	TAILQ_REMOVE(&node.slices, a, next);
	slice_free(a);
	ck_assert_uint_eq(admission_shared_cores(&node).n, 3);
}
END_TEST

START_TEST(local_ids_do_not_repeat)
{
	static const char no_id[] =
		"<rspec type=\"request\" xmlns=\"http://www.geni.net/resources/rspec/3\">"
		"<node client_id=\"r\"><sliver_type name=\"vrouter\"/></node></rspec>";

	ck_assert_uint_eq(admit("a", no_id)->id, 0x80000000U);
	ck_assert_uint_eq(admit("b", no_id)->id, 0x80000001U);
}
END_TEST

START_TEST(writes_sliver_json)
{
	struct slice *slice = admit("a", plain);
	struct lm_cores cores = {.n = 2, .ids = {0, 1}};
	json_t *j = sliver_to_json(&slice->slivers[0], &cores);
	const char *node_name, *type, *mode, *plane;
	int memif_id, mtu, slice_id;

	ck_assert_int_eq(
		json_unpack(j, "{s:s, s:s, s:i, s:{s:s}, s:[{s:s, s:i, s:i}]}", "node", &node_name,
			"type", &type, "slice_id", &slice_id, "fp", "mode", &mode, "interfaces",
			"plane", &plane, "memif_id", &memif_id, "mtu", &mtu),
		0);
	ck_assert_str_eq(node_name, "n1");
	ck_assert_str_eq(type, "vrouter");
	ck_assert_str_eq(mode, "shared");
	ck_assert_str_eq(plane, "fp");
	ck_assert_int_eq(slice_id, 7);
	ck_assert_int_eq(memif_id, 0);
	ck_assert_int_eq(mtu, 1592);
	json_decref(j);
}
END_TEST

START_TEST(plans_the_legacy_router)
{
	struct slice *slice = plan_legacy(&node, &err);

	ck_assert_msg(slice != NULL, "%s", err.msg);
	ck_assert_str_eq(slice->slivers[0].path, "legacy/router");
	ck_assert_str_eq(slice->slivers[0].ifaces[0].vif, "legacy/router/wan");
	ck_assert_uint_eq(slice->slivers[0].ifaces[0].mtu, 1600);
	ck_assert_uint_eq(slice->id, 0);
	slice_free(slice);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admission");
	TCase *tcase = tcase_create("admission");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, gives_mtu_and_vmac);
	tcase_add_test(tcase, evens_out_a_vlink);
	tcase_add_test(tcase, refuses_names_and_ids);
	tcase_add_test(tcase, refuses_ports);
	tcase_add_test(tcase, refuses_what_is_taken);
	tcase_add_test(tcase, refuses_amounts);
	tcase_add_test(tcase, gives_cores);
	tcase_add_test(tcase, local_ids_do_not_repeat);
	tcase_add_test(tcase, writes_sliver_json);
	tcase_add_test(tcase, plans_the_legacy_router);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
