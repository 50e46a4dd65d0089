/* SPDX-License-Identifier: BSD-3-Clause */
/* The FPM parser: frames recorded from zebra 8.4.4, any split of the stream, malformed frames. */
#include "fp/fpm_parser.h"

#include <check.h>
#include <errno.h>

#include "tests/unit/fp/fpm_build.h"

/* Events as text, one a line, so that a failure shows what differs. */
struct seen {
	char text[16384];
	size_t len;
	unsigned int n;
	int fail;
};

static void hop_text(struct seen *s, const struct lm_nexthop *nh)
{
	char gw[INET6_ADDRSTRLEN] = "link";

	if (nh->family != 0)
		inet_ntop(nh->family, nh->gateway, gw, sizeof(gw));
	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, " %s%%%u*%u%s", gw,
		nh->ifindex, nh->weight, nh->onlink ? "!" : "");
}

static int on_event(void *ctx, const struct lm_rtmsg *m)
{
	static const char *const types[] = {"unicast", "blackhole", "unreachable", "prohibit"};
	struct seen *s = ctx;
	char addr[INET6_ADDRSTRLEN];

	s->n++;
	if (m->type == LM_RTMSG_NEXTHOP_REPLACE || m->type == LM_RTMSG_NEXTHOP_DELETE) {
		s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s %u",
			m->type == LM_RTMSG_NEXTHOP_REPLACE ? "object" : "object-del",
			m->nexthop.id);
		if (m->type == LM_RTMSG_NEXTHOP_REPLACE && m->nexthop.n_members == 0)
			hop_text(s, &m->nexthop.nexthop);
		else if (m->type == LM_RTMSG_NEXTHOP_REPLACE)
			for (unsigned int i = 0; i < m->nexthop.n_members; i++)
				s->len += (size_t)snprintf(s->text + s->len,
					sizeof(s->text) - s->len, " #%u*%u",
					m->nexthop.members[i].id, m->nexthop.members[i].weight);
	} else {
		inet_ntop(m->route.prefix.family, m->route.prefix.addr, addr, sizeof(addr));
		s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s %s/%u",
			m->type == LM_RTMSG_ROUTE_REPLACE ? "new" : "del", addr,
			m->route.prefix.len);
		if (m->type == LM_RTMSG_ROUTE_REPLACE) {
			s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
				" %s", types[m->route.type]);
			if (m->nh_id != 0)
				s->len += (size_t)snprintf(s->text + s->len,
					sizeof(s->text) - s->len, " #%u", m->nh_id);
			for (unsigned int i = 0; i < m->route.n_nexthops; i++)
				hop_text(s, &m->route.nexthops[i]);
		}
	}
	s->text[s->len++] = '\n';
	s->text[s->len] = '\0';
	return s->fail;
}

/* Frames of docs/fpm.md, as zebra 8.4.4 sent them. */
static const char recorded[] =
	/* add 192.0.2.0/24 via 10.0.0.2 dev 3 */
	"010100403c0000001800010500000000cd0aadf902180000fec400010000000008000100c00002000800060014"
	"00"
	"0000080005000a0000020800040003000000"
	/* a second next hop: DELROUTE and NEWROUTE in one frame */
	"010100802c0000001900010400000000cd0aadf902180000fec400000000000008000100c00002000800060014"
	"00"
	"0000500000001800010500000000cd0aadf902180000fec400010000000008000100c000020008000600140000"
	"00"
	"240009801000000003000000080005000a0000021000000005000000080005000a000102"
	/* delete */
	"010100302c0000001900010400000000cd0aadf902180000fec400000000000008000100c00002000800060014"
	"00"
	"0000"
	/* blackhole 192.0.4.0/24 */
	"010100302c0000001800010500000000cd0aadf902180000fec400060000000008000100c00004000800060014"
	"00"
	"0000"
	/* 2001:db8:11::/48 via 2001:db8::2 dev 3 */
	"01010058540000001800010400000000cd0aadf90a300000fec40001000000001400010020010db80011000000"
	"00"
	"00000000000008000600140000001400050020010db80000000000000000000000020800040003000000";

static const char recorded_events[] = "new 192.0.2.0/24 unicast 10.0.0.2%3*1\n"
				      "new 192.0.2.0/24 unicast 10.0.0.2%3*1 10.0.1.2%5*1\n"
				      "del 192.0.2.0/24\n"
				      "new 192.0.4.0/24 blackhole\n"
				      "new 2001:db8:11::/48 unicast 2001:db8::2%3*1\n";

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

/* Feed exactly `len` octets from their own allocation, so that ASan sees any read past them. */
static int feed(struct lm_fpm_parser *p, const uint8_t *data, size_t len, struct lm_err *err)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	int rc;

	memcpy(copy, data, len);
	rc = lm_fpm_parser_feed(p, copy, len, err);
	free(copy);
	return rc;
}

static void expect(const uint8_t *data, size_t len, const char *events)
{
	struct seen s = {0};
	struct lm_err err = {0};
	struct lm_fpm_parser *p = lm_fpm_parser_new(on_event, &s);

	ck_assert_msg(feed(p, data, len, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(s.text, events);
	lm_fpm_parser_free(p);
}

static void expect_build(struct fpm_build *b, const char *events)
{
	expect(b->data, b->len, events);
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

static void expect_error(const uint8_t *data, size_t len, const char *text)
{
	struct seen s = {0};
	struct lm_err err = {0};
	struct lm_fpm_parser *p = lm_fpm_parser_new(on_event, &s);

	ck_assert_int_eq(feed(p, data, len, &err), -EBADMSG);
	ck_assert_msg(strstr(err.msg, text) != NULL, "'%s' lacks '%s'", err.msg, text);
	lm_fpm_parser_free(p);
}

START_TEST(recorded_frames)
{
	uint8_t data[sizeof(recorded) / 2];
	size_t len = unhex(recorded, data);

	expect(data, len, recorded_events);
}
END_TEST

START_TEST(split_at_every_octet)
{
	uint8_t data[sizeof(recorded) / 2];
	size_t len = unhex(recorded, data);
	struct lm_err err = {0};

	for (size_t cut = 0; cut <= len; cut++) {
		struct seen s = {0};
		struct lm_fpm_parser *p = lm_fpm_parser_new(on_event, &s);

		ck_assert_int_eq(feed(p, data, cut, &err), 0);
		ck_assert_int_eq(feed(p, data + cut, len - cut, &err), 0);
		ck_assert_str_eq(s.text, recorded_events);
		lm_fpm_parser_free(p);
	}
	for (size_t piece = 1; piece < 40; piece++) {
		struct seen s = {0};
		struct lm_fpm_parser *p = lm_fpm_parser_new(on_event, &s);

		for (size_t at = 0; at < len; at += piece)
			ck_assert_int_eq(
				feed(p, data + at, len - at < piece ? len - at : piece, &err), 0);
		ck_assert_str_eq(s.text, recorded_events);
		lm_fpm_parser_free(p);
	}
}
END_TEST

/* Every prefix of the recorded frames, with its length field made to fit, is refused or taken, but
 * never read past (ASan), and every octet may have any of a few evil values. */
START_TEST(truncations_and_mutations)
{
	uint8_t data[sizeof(recorded) / 2];
	size_t len = unhex(recorded, data);
	static const uint8_t evil[] = {0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xfe, 0xff};
	struct lm_err err = {0};

	for (size_t cut = 0; cut < len; cut++) {
		for (size_t e = 0; e < sizeof(evil); e++) {
			struct seen s = {0};
			struct lm_fpm_parser *p = lm_fpm_parser_new(on_event, &s);
			uint8_t saved = data[cut];

			data[cut] = evil[e];
			feed(p, data, len, &err);
			data[cut] = saved;
			lm_fpm_parser_free(p);
		}
	}
	for (size_t size = 20; size < 128; size++) {
		struct seen s = {0};
		struct lm_fpm_parser *p = lm_fpm_parser_new(on_event, &s);
		uint8_t frame[128];

		memcpy(frame, data + 64, size);
		frame[2] = 0;
		frame[3] = (uint8_t)size;
		feed(p, frame, size, &err);
		lm_fpm_parser_free(p);
	}
}
END_TEST

START_TEST(malformed_frames)
{
	static const struct {
		uint8_t octets[64];
		size_t len;
		const char *text;
	} cases[] = {
		{{2, 1, 0, 64}, 4, "octet 0: frame version is not 1"},
		{{1, 2, 0, 64}, 4, "octet 1: frame type is not 1 (netlink)"},
		{{1, 1, 0, 0}, 4, "octet 2: frame length is too short"},
		{{1, 1, 0, 19}, 4, "octet 2: frame length is too short"},
		{{1, 1, 0, 20, 21, 0, 0, 0, 24}, 20, "octet 4: netlink message length is out of"},
		{{1, 1, 0, 20, 15, 0, 0, 0, 24}, 20, "octet 4: netlink message length is out of"},
		{{1, 1, 0, 24, 16, 0, 0, 0, 99}, 24, "octet 20: less is left than a netlink"},
		{{1, 1, 0, 24, 20, 0, 0, 0, 24}, 24, "shorter than a route message"},
		{{1, 1, 0, 24, 20, 0, 0, 0, 104}, 24, "shorter than a next-hop message"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_error(cases[i].octets, cases[i].len, cases[i].text);
}
END_TEST

/* A route message of family `family` and length `plen`, then one attribute of any size. */
static void bad_route(struct fpm_build *b, uint8_t family, uint8_t plen, uint16_t attr, size_t size)
{
	static const uint8_t zero[64];
	struct rtmsg *rtm;

	b->len = 0;
	fpm_build_open(b);
	rtm = fpm_build_message(b, RTM_NEWROUTE, sizeof(*rtm));
	rtm->rtm_family = family;
	rtm->rtm_dst_len = plen;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put(b->nlh, attr, size, zero);
	fpm_build_message_end(b);
	fpm_build_close(b);
}

START_TEST(malformed_attributes)
{
	struct fpm_build b = {0};

	bad_route(&b, AF_INET, 33, RTA_DST, 4);
	expect_error(b.data, b.len, "octet 17 of netlink message type 24: prefix length is over");
	bad_route(&b, AF_INET6, 129, RTA_DST, 16);
	expect_error(b.data, b.len, "prefix length is over");
	bad_route(&b, AF_INET, 24, RTA_DST, 3);
	expect_error(b.data, b.len, "destination is not an address");
	bad_route(&b, AF_INET, 24, RTA_DST, 16);
	expect_error(b.data, b.len, "destination is not an address");
	bad_route(&b, AF_INET, 24, RTA_OIF, 4);
	expect_error(b.data, b.len, "no destination");
	bad_route(&b, AF_INET, 0, RTA_OIF, 2);
	expect_error(b.data, b.len, "attribute is not 4 octets");
	bad_route(&b, AF_INET, 0, RTA_TABLE, 8);
	expect_error(b.data, b.len, "attribute is not 4 octets");
	bad_route(&b, AF_INET, 0, RTA_NH_ID, 0);
	expect_error(b.data, b.len, "attribute is not 4 octets");
	bad_route(&b, AF_INET, 0, RTA_GATEWAY, 16);
	expect_error(b.data, b.len, "gateway is not an address");
	bad_route(&b, AF_INET, 0, RTA_VIA, 1);
	expect_error(b.data, b.len, "via is not");
	bad_route(&b, AF_INET, 0, RTA_VIA, 6);
	expect_error(b.data, b.len, "via is not");
	bad_route(&b, AF_INET, 0, RTA_MULTIPATH, 7);
	expect_error(b.data, b.len, "less is left than a next hop");
	bad_route(&b, AF_INET, 0, RTA_MULTIPATH, 8);
	expect_error(b.data, b.len, "next hop length is out");
	free(b.data);
}
END_TEST

START_TEST(replace_in_one_frame)
{
	struct lm_prefix p = fpm_build_prefix("10.1.0.0/16"), q = fpm_build_prefix("10.2.0.0/16");
	struct lm_nexthop nh = fpm_build_hop("10.0.0.2", 3);
	struct fpm_build b = {0};

	fpm_build_open(&b);
	fpm_build_del(&b, &p);
	fpm_build_new(&b, &p, &nh, 1, 0);
	fpm_build_del(&b, &q);
	fpm_build_close(&b);
	expect_build(&b, "new 10.1.0.0/16 unicast 10.0.0.2%3*1\ndel 10.2.0.0/16\n");

	/* another prefix in between, or another frame: both are told */
	fpm_build_open(&b);
	fpm_build_del(&b, &p);
	fpm_build_new(&b, &q, &nh, 1, 0);
	fpm_build_close(&b);
	fpm_build_frame_del(&b, "10.2.0.0/16");
	fpm_build_frame(&b, "10.2.0.0/16", false, &nh, 1, 0);
	expect_build(&b, "del 10.1.0.0/16\nnew 10.2.0.0/16 unicast 10.0.0.2%3*1\n"
			 "del 10.2.0.0/16\nnew 10.2.0.0/16 unicast 10.0.0.2%3*1\n");
}
END_TEST

START_TEST(what_is_not_ours)
{
	struct lm_prefix p = fpm_build_prefix("10.1.0.0/16");
	struct fpm_build b = {0};
	uint64_t ignored, unsupported;
	struct seen s = {0};
	struct lm_err err = {0};
	struct lm_fpm_parser *parser = lm_fpm_parser_new(on_event, &s);

	fpm_build_open(&b); /* another table, by octet and by attribute */
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_BLACKHOLE)->rtm_table = 10;
	fpm_build_message_end(&b);
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_BLACKHOLE)->rtm_table = 0;
	mnl_attr_put_u32(b.nlh, RTA_TABLE, 300);
	fpm_build_message_end(&b);
	fpm_build_close(&b);
	fpm_build_frame(&b, "fe80::/64", false, NULL, 0, 0);
	fpm_build_frame(&b, "febf:1::/32", false, NULL, 0, 0);
	fpm_build_open(&b); /* MPLS */
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_UNICAST)->rtm_family = AF_MPLS;
	fpm_build_message_end(&b);
	fpm_build_message(&b, RTM_NEWNEIGH, 12); /* EVPN */
	fpm_build_message_end(&b);
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_LOCAL);
	fpm_build_message_end(&b);
	fpm_build_close(&b);
	ck_assert_int_eq(feed(parser, b.data, b.len, &err), 0);
	ck_assert_uint_eq(s.n, 0);
	lm_fpm_parser_counts(parser, &ignored, &unsupported);
	ck_assert_uint_eq(ignored, 7);
	ck_assert_uint_eq(unsupported, 0);
	lm_fpm_parser_free(parser);
	free(b.data);
}
END_TEST

START_TEST(kinds_of_routes)
{
	struct lm_prefix p = fpm_build_prefix("10.1.2.3/16"), v6 = fpm_build_prefix("::/0");
	struct lm_nexthop nh = fpm_build_hop("2001:db8::1", 4);
	struct fpm_build b = {0};
	struct rtmsg *rtm;

	fpm_build_open(&b);
	rtm = fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_UNREACHABLE);
	rtm->rtm_table = 0; /* the attribute decides, as zebra writes tables over 255 */
	mnl_attr_put_u32(b.nlh, RTA_TABLE, RT_TABLE_MAIN);
	fpm_build_message_end(&b);
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_PROHIBIT);
	fpm_build_message_end(&b);
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_UNICAST); /* zebra: no useful next hop */
	fpm_build_message_end(&b);
	fpm_build_new(&b, &v6, &nh, 1, 0);
	fpm_build_close(&b);
	expect_build(&b, "new 10.1.0.0/16 unreachable\nnew 10.1.0.0/16 prohibit\n"
			 "new 10.1.0.0/16 unreachable\nnew ::/0 unicast 2001:db8::1%4*1\n");
}
END_TEST

START_TEST(next_hops)
{
	struct lm_prefix p = fpm_build_prefix("10.1.0.0/16");
	struct lm_nexthop many[300],
		nh[3] = {fpm_build_hop("10.0.0.2", 3), fpm_build_hop("169.254.0.1", 4),
			fpm_build_hop("10.0.0.4", 5)};
	struct fpm_build b = {0};
	struct {
		uint16_t family;
		uint8_t addr[16];
	} via = {.family = AF_INET6, .addr = {0x20, 1, 0xd, 0xb8}};
	struct seen s = {0};
	struct lm_err err = {0};
	struct lm_fpm_parser *parser = lm_fpm_parser_new(on_event, &s);
	uint64_t ignored, unsupported;

	nh[0].weight = 10;
	nh[1].onlink = 1;
	nh[2].weight = 256;
	fpm_build_frame(&b, "10.1.0.0/16", false, nh, 3, 0);
	fpm_build_open(&b);
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_UNICAST)->rtm_flags = RTNH_F_ONLINK;
	mnl_attr_put(b.nlh, RTA_VIA, 18, &via);
	mnl_attr_put_u32(b.nlh, RTA_OIF, 7);
	fpm_build_message_end(&b);
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_UNICAST); /* connected */
	mnl_attr_put_u32(b.nlh, RTA_OIF, 7);
	fpm_build_message_end(&b);
	fpm_build_close(&b);
	expect_build(&b, "new 10.1.0.0/16 unicast 10.0.0.2%3*10 169.254.0.1%4*1! 10.0.0.4%5*256\n"
			 "new 10.1.0.0/16 unicast 2001:db8::%7*1!\n"
			 "new 10.1.0.0/16 unicast link%7*1\n");

	/* more than we keep: the first 64, and counted; an encapsulation: the kernel's */
	for (unsigned int i = 0; i < 300; i++)
		many[i] = nh[0];
	fpm_build_frame(&b, "10.1.0.0/16", false, many, 300, 0);
	fpm_build_open(&b);
	fpm_build_route(&b, RTM_NEWROUTE, &p, RTN_UNICAST);
	mnl_attr_put_u32(b.nlh, RTA_OIF, 7);
	mnl_attr_put_u32(b.nlh, RTA_ENCAP, 7);
	fpm_build_message_end(&b);
	fpm_build_close(&b);
	ck_assert_int_eq(feed(parser, b.data, b.len, &err), 0);
	ck_assert_uint_eq(s.n, 2);
	ck_assert_ptr_nonnull(strstr(s.text, "new 10.1.0.0/16 unreachable\n"));
	lm_fpm_parser_counts(parser, &ignored, &unsupported);
	ck_assert_uint_eq(unsupported, 2);
	lm_fpm_parser_free(parser);
	free(b.data);
}
END_TEST

START_TEST(next_hop_objects)
{
	struct lm_nexthop nh = fpm_build_hop("10.0.0.2", 3);
	uint32_t members[2] = {28, 29};
	struct fpm_build b = {0};

	fpm_build_group(&b, 30, members, 2);
	fpm_build_object(&b, 28, &nh);
	fpm_build_frame(&b, "10.1.0.0/16", false, NULL, 0, 30);
	fpm_build_object_del(&b, 30);
	expect_build(&b, "object 30 #28*1 #29*1\nobject 28 10.0.0.2%3*1\n"
			 "new 10.1.0.0/16 unicast #30\nobject-del 30\n");

	fpm_build_object(&b, 0, &nh);
	expect_error(b.data, b.len, "a next-hop message without an id");
	b.len = 0;
	fpm_build_open(&b);
	fpm_build_message(&b, RTM_NEWNEXTHOP, sizeof(struct nhmsg));
	mnl_attr_put_u32(b.nlh, NHA_ID, 4);
	mnl_attr_put(b.nlh, NHA_GROUP, 7, "1234567");
	fpm_build_message_end(&b);
	fpm_build_close(&b);
	expect_error(b.data, b.len, "group is empty or no multiple of 8");
	free(b.data);
}
END_TEST

START_TEST(the_callback_may_stop)
{
	uint8_t data[sizeof(recorded) / 2];
	size_t len = unhex(recorded, data);
	struct seen s = {.fail = -ENOMEM};
	struct lm_err err = {0};
	struct lm_fpm_parser *p = lm_fpm_parser_new(on_event, &s);

	ck_assert_int_eq(feed(p, data, len, &err), -ENOMEM);
	ck_assert_uint_eq(s.n, 1);
	lm_fpm_parser_free(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fpm_parser");
	TCase *tc = tcase_create("fpm_parser");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, recorded_frames);
	tcase_add_test(tc, split_at_every_octet);
	tcase_add_test(tc, truncations_and_mutations);
	tcase_add_test(tc, malformed_frames);
	tcase_add_test(tc, malformed_attributes);
	tcase_add_test(tc, replace_in_one_frame);
	tcase_add_test(tc, what_is_not_ours);
	tcase_add_test(tc, kinds_of_routes);
	tcase_add_test(tc, next_hops);
	tcase_add_test(tc, next_hop_objects);
	tcase_add_test(tc, the_callback_may_stop);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
