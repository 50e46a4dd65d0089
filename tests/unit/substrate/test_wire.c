/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec: every type, every length, every truncation, with and without a VLAN tag. */
#include "substrate/wire.h"

#include <check.h>
#include <stdlib.h>

#define ET	  LM_WIRE_ETHERTYPE_DEFAULT
#define VLAN	  100
#define FRAME_MAX (LM_WIRE_ETH_LEN + LM_WIRE_VLAN_LEN + 4 + 4 * 255 + 2 + 32)

static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

/* Writes a frame octet by octet, apart from the code under test. Returns its length. */
static size_t make(
	uint8_t *f, uint16_t vlan, uint8_t type, uint8_t len, uint32_t slice, size_t payload)
{
	size_t n = sizeof(macs);

	memcpy(f, macs, n);
	if (vlan != 0) {
		f[n++] = 0x81;
		f[n++] = 0x00;
		f[n++] = (uint8_t)(0xA0 | vlan >> 8); /* priority bits set: must be ignored */
		f[n++] = (uint8_t)vlan;
	}
	f[n++] = ET >> 8;
	f[n++] = ET & 0xFF;
	f[n++] = type;
	f[n++] = len;
	for (unsigned int w = 0; w < len; w++) {
		uint32_t v = w == 0 ? slice : 0x01010101U * w;

		f[n++] = (uint8_t)(v >> 24);
		f[n++] = (uint8_t)(v >> 16);
		f[n++] = (uint8_t)(v >> 8);
		f[n++] = (uint8_t)v;
	}
	f[n++] = 0x08;
	f[n++] = 0x00;
	memset(f + n, 0x5A, payload);
	return n + payload;
}

/* What DESIGN's table says, written down a second time as data. */
static enum lm_wire_verdict want(unsigned int type, unsigned int len)
{
	if (type == 0)
		return LM_WIRE_TYPE_ZERO;
	if (type >= 16 && type <= 31)
		return LM_WIRE_TYPE_RESERVED;
	if (type >= 4 && type < 128)
		return LM_WIRE_TYPE_UNKNOWN;
	if (type >= 128)
		return len == 0 ? LM_WIRE_BAD_LEN : LM_WIRE_OK;
	return len == (unsigned int[]){0, 1, 2, 4}[type] ? LM_WIRE_OK : LM_WIRE_BAD_LEN;
}

/* _i: 0 untagged, 1 tagged */
START_TEST(every_type_and_len)
{
	uint16_t vlan = _i ? VLAN : 0;
	uint8_t f[FRAME_MAX];
	struct lm_wire_hdr h;

	for (unsigned int type = 0; type < 256; type++)
		for (unsigned int len = 0; len < 256; len++) {
			size_t n = make(f, vlan, (uint8_t)type, (uint8_t)len, 7, 30);

			ck_assert_int_eq(lm_wire_parse(f, n, ET, vlan, &h), want(type, len));
			if (want(type, len) != LM_WIRE_OK)
				continue;
			ck_assert_uint_eq(h.type, type);
			ck_assert_uint_eq(h.words, len);
			ck_assert_uint_eq(h.slice_id, 7);
			ck_assert_uint_eq(h.inner_type, 0x0800);
			ck_assert_uint_eq(h.info_off, 12 + (vlan ? 4 : 0) + 4);
			ck_assert_uint_eq(h.hdr_len, (vlan ? 4 : 0) + 4 + 4 * len);
			ck_assert_uint_eq(h.vif_id, type == 2 || type == 3 ? 0x01010101 : 0);
			ck_assert_uint_eq(h.src_locator, type == 3 ? 0x02020202 : 0);
			ck_assert_uint_eq(h.dst_locator, type == 3 ? 0x03030303 : 0);
		}
}
END_TEST

/* Every prefix of every valid header: exactly the whole header is accepted, never read past it. */
START_TEST(every_truncation)
{
	uint16_t vlan = _i ? VLAN : 0;
	uint8_t f[FRAME_MAX];
	struct lm_wire_hdr h;

	for (unsigned int type = 1; type < 256; type++)
		for (unsigned int len = 1; len < 256; len++) {
			size_t whole;

			if (want(type, len) != LM_WIRE_OK ||
				(len > 8 && len % 37 != 0 && len != 255))
				continue;
			whole = make(f, vlan, (uint8_t)type, (uint8_t)len, 7, 0);
			for (size_t n = 0; n <= whole; n++) {
				uint8_t *cut =
					malloc(n ? n : 1); /* ASan sees a read past the end */
				enum lm_wire_verdict v;

				memcpy(cut, f, n);
				v = lm_wire_parse(cut, n, ET, vlan, &h);
				free(cut);
				if (n == whole)
					ck_assert_int_eq(v, LM_WIRE_OK);
				else if (n < 14)
					ck_assert_int_eq(v, LM_WIRE_RUNT);
				else
					ck_assert_int_eq(v, LM_WIRE_TRUNCATED);
			}
		}
}
END_TEST

START_TEST(slice_id_zero)
{
	static const uint8_t types[][2] = {{1, 1}, {2, 2}, {3, 4}, {128, 1}, {255, 255}};
	uint16_t vlan = _i ? VLAN : 0;
	uint8_t f[FRAME_MAX];
	struct lm_wire_hdr h;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = make(f, vlan, types[i][0], types[i][1], 0, 10);

		ck_assert_int_eq(lm_wire_parse(f, n, ET, vlan, &h), LM_WIRE_SLICE_ID_ZERO);
		n = make(f, vlan, types[i][0], types[i][1], UINT32_MAX, 10);
		ck_assert_int_eq(lm_wire_parse(f, n, ET, vlan, &h), LM_WIRE_OK);
		ck_assert_uint_eq(h.slice_id, UINT32_MAX);
	}
}
END_TEST

START_TEST(tags_and_ports)
{
	uint8_t f[FRAME_MAX];
	struct lm_wire_hdr h;
	size_t n;

	/* a tagged frame on an untagged port is legacy, whatever is behind the tag */
	n = make(f, VLAN, 1, 1, 7, 10);
	ck_assert_int_eq(lm_wire_parse(f, n, ET, 0, &h), LM_WIRE_PLAIN);
	/* another tag on a tagged port too */
	ck_assert_int_eq(lm_wire_parse(f, n, ET, VLAN + 1, &h), LM_WIRE_PLAIN);
	/* an untagged slice frame on a tagged port is an error of its own */
	n = make(f, 0, 1, 1, 7, 10);
	ck_assert_int_eq(lm_wire_parse(f, n, ET, VLAN, &h), LM_WIRE_WRONG_VLAN);
	/* 802.1ad is not the port's tag */
	n = make(f, VLAN, 1, 1, 7, 10);
	f[12] = 0x88;
	f[13] = 0xA8;
	ck_assert_int_eq(lm_wire_parse(f, n, ET, VLAN, &h), LM_WIRE_PLAIN);
	/* the port's tag with an ordinary frame behind it */
	n = make(f, VLAN, 1, 1, 7, 10);
	f[16] = 0x08;
	f[17] = 0x00;
	ck_assert_int_eq(lm_wire_parse(f, n, ET, VLAN, &h), LM_WIRE_PLAIN);
	/* the node's own EtherType */
	n = make(f, 0, 1, 1, 7, 10);
	ck_assert_int_eq(lm_wire_parse(f, n, 0x88B6, 0, &h), LM_WIRE_PLAIN);
	f[13] = 0xB6;
	ck_assert_int_eq(lm_wire_parse(f, n, 0x88B6, 0, &h), LM_WIRE_OK);
}
END_TEST

/* What push writes, parse reads; pop gives the plain frame back. */
START_TEST(build_and_back)
{
	uint16_t vlan = _i ? VLAN : 0;
	uint8_t buf[128], plain[64], f[FRAME_MAX];

	for (uint8_t type = 1; type <= 2; type++) {
		struct lm_wire_template t;
		struct lm_wire_hdr h;
		uint8_t *frame;
		size_t n;

		memset(&t, 0, sizeof(t));
		memset(plain, 0x5A, sizeof(plain));
		memcpy(plain, macs, sizeof(macs));
		lm_wire_put16(plain + 12, 0x0800);
		memcpy(buf + 32, plain, sizeof(plain));
		lm_wire_template_set(&t, ET, vlan, type, 0xDEADBEEF, 0x01010101);
		ck_assert_uint_eq(t.len, (vlan ? 4 : 0) + 4 + 4 * type);
		frame = lm_wire_push(buf + 32, &t);
		ck_assert_ptr_eq(frame, buf + 32 - t.len);
		n = make(f, vlan, type, type, 0xDEADBEEF, 50);
		if (vlan)
			f[14] &= 0x0F; /* we send priority 0 */
		ck_assert_uint_eq(n, sizeof(plain) + t.len);
		ck_assert_mem_eq(frame, f, n);
		ck_assert_int_eq(lm_wire_parse(frame, n, ET, vlan, &h), LM_WIRE_OK);
		ck_assert_uint_eq(h.slice_id, 0xDEADBEEF);
		ck_assert_uint_eq(h.hdr_len, t.len);
		frame = lm_wire_pop(frame, h.hdr_len);
		ck_assert_ptr_eq(frame, buf + 32);
		ck_assert_mem_eq(frame, plain, sizeof(plain));
	}
}
END_TEST

START_TEST(tag_alone)
{
	uint8_t f[FRAME_MAX], room[128];
	struct lm_wire_template t;
	size_t n = make(f, 0, 1, 1, 7, 10);

	memset(room, 0xEE, sizeof(room));
	memcpy(room + 16, f, n);
	lm_wire_template_tag(&t, 0);
	ck_assert_uint_eq(t.len, 0);
	ck_assert_ptr_eq(lm_wire_push(room + 16, &t), room + 16);
	ck_assert_mem_eq(room + 16, f, n);
	lm_wire_template_tag(&t, VLAN);
	ck_assert_ptr_eq(lm_wire_push(room + 16, &t), room + 12);
	ck_assert_uint_eq(room[11], 0xEE);
	n = make(f, VLAN, 1, 1, 7, 10);
	f[14] &= 0x0F;
	ck_assert_mem_eq(room + 12, f, n);
}
END_TEST

START_TEST(hopping_is_seen)
{
	uint8_t f[64] = {0};

	ck_assert(!lm_wire_hops(f, sizeof(f), ET));
	lm_wire_put16(f + 12, ET);
	ck_assert(lm_wire_hops(f, sizeof(f), ET));
	ck_assert(lm_wire_hops(f, 14, ET));
	for (size_t tags = 1; tags < 12; tags++) {
		memset(f, 0, sizeof(f));
		for (size_t i = 0; i < tags; i++)
			lm_wire_put16(f + 12 + 4 * i, i % 2 ? 0x8100 : 0x88A8);
		ck_assert(!lm_wire_hops(f, sizeof(f), ET));
		lm_wire_put16(f + 12 + 4 * tags, ET);
		ck_assert(lm_wire_hops(f, sizeof(f), ET));
		ck_assert(!lm_wire_hops(f, 13 + 4 * tags, ET));
	}
	/* an 802.3 length is no EtherType */
	lm_wire_put16(f + 12, 0x0040);
	ck_assert(!lm_wire_hops(f, sizeof(f), ET));
}
END_TEST

START_TEST(verdicts_have_names)
{
	for (int a = 0; a < LM_WIRE_VERDICTS; a++)
		for (int b = 0; b < a; b++)
			ck_assert_str_ne(lm_wire_verdict_name(a), lm_wire_verdict_name(b));
	ck_assert_str_eq(lm_wire_verdict_name(LM_WIRE_VERDICTS), "?");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *tc = tcase_create("codec");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, every_type_and_len, 0, 2);
	tcase_add_loop_test(tc, every_truncation, 0, 2);
	tcase_add_loop_test(tc, slice_id_zero, 0, 2);
	tcase_add_test(tc, tags_and_ports);
	tcase_add_loop_test(tc, build_and_back, 0, 2);
	tcase_add_test(tc, tag_alone);
	tcase_add_test(tc, hopping_is_seen);
	tcase_add_test(tc, verdicts_have_names);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
