/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "cp/zapi.h"
#include "cp/zapi_journal.h"

/* A message of `command` in the default VRF. Returns its length. */
static size_t message(uint8_t *out, unsigned int command, const void *body, size_t len)
{
	size_t total = ZAPI_HEADER_BYTES + len;
	const uint8_t header[ZAPI_HEADER_BYTES] = {(uint8_t)(total >> 8), (uint8_t)total, 254, 6, 0,
		0, 0, 0, (uint8_t)(command >> 8), (uint8_t)command};

	memcpy(out, header, sizeof(header));
	memcpy(out + sizeof(header), body, len);
	return total;
}

/* An IPv4 /24 route of protocol `type` with `fields` and four octets at its end. */
static size_t route(uint8_t *out, unsigned int command, uint8_t type, uint8_t third,
	uint16_t fields, uint32_t last)
{
	const uint8_t body[] = {type, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)(fields >> 8),
		(uint8_t)fields, 1, 2, 24, 192, 0, third, (uint8_t)(last >> 24),
		(uint8_t)(last >> 16), (uint8_t)(last >> 8), (uint8_t)last};

	return message(out, command, body, sizeof(body));
}

static void apply(struct zapi_journal *j, unsigned int command, const char *body, size_t len)
{
	uint8_t m[256];

	zapi_journal_apply(j, m, message(m, command, body, len), false);
}

START_TEST(lengths)
{
	uint8_t m[64];
	size_t len = message(m, 18, "\x06", 1);

	for (size_t n = 0; n < len; n++)
		ck_assert_int_eq(zapi_message_len(m, n), 0);
	ck_assert_int_eq(zapi_message_len(m, len), (ssize_t)len);
	ck_assert_int_eq(zapi_message_len(m, sizeof(m)), (ssize_t)len);
	ck_assert_uint_eq(zapi_command(m), 18);
	m[1] = 9;
	ck_assert_int_eq(zapi_message_len(m, len), -EPROTO);
	m[0] = 0x40, m[1] = 1;
	ck_assert_int_eq(zapi_message_len(m, len), -EPROTO);
	message(m, 18, "\x06", 1);
	m[3] = 5;
	ck_assert_int_eq(zapi_message_len(m, len), -EPROTO);
}
END_TEST

START_TEST(routes_replace_and_end)
{
	struct zapi_journal j;
	uint8_t m[64];

	zapi_journal_init(&j);
	zapi_journal_apply(&j, m, route(m, 8, 6, 1, 0, 1), false);
	zapi_journal_apply(&j, m, route(m, 8, 6, 2, 0, 1), false);
	zapi_journal_apply(&j, m, route(m, 8, 6, 1, 0, 7), false);
	ck_assert_uint_eq(j.n, 2);
	/* the new version is last, as it was said last */
	ck_assert_uint_eq(TAILQ_LAST(&j.records, zapi_records)->message[ZAPI_HEADER_BYTES + 20], 7);
	/* another protocol's, another table's: other routes */
	zapi_journal_apply(&j, m, route(m, 8, 9, 1, 0, 1), false);
	zapi_journal_apply(&j, m, route(m, 8, 6, 1, 0x100, 10), false);
	zapi_journal_apply(&j, m, route(m, 8, 6, 1, 0x100, 11), false);
	ck_assert_uint_eq(j.n, 5);
	zapi_journal_apply(&j, m, route(m, 9, 6, 1, 0x100, 11), false);
	zapi_journal_apply(&j, m, route(m, 9, 6, 1, 0, 0), false);
	zapi_journal_apply(&j, m, route(m, 9, 6, 9, 0, 0), false);
	ck_assert_uint_eq(j.n, 3);
	ck_assert(!j.incomplete);
	/* while zebra is away the end of a route is kept until it has been told */
	zapi_journal_apply(&j, m, route(m, 9, 6, 2, 0, 0), true);
	ck_assert_uint_eq(j.n, 3);
	zapi_journal_apply(&j, m, route(m, 9, 6, 77, 0, 0), true);
	ck_assert_uint_eq(j.n, 4);
	zapi_journal_apply(&j, m, route(m, 8, 6, 77, 0, 0), true);
	ck_assert_uint_eq(j.n, 4);
	zapi_journal_drop_ends(&j);
	ck_assert_uint_eq(j.n, 3);
	zapi_journal_clear(&j);
	ck_assert_uint_eq(j.n, 0);
}
END_TEST

START_TEST(registrations)
{
	struct zapi_journal j;

	zapi_journal_init(&j);
	apply(&j, 18, "\x09\0\0\0\0\0\0\0\0", 9);
	/* flags differ, next hop is the same */
	apply(&j, 20, "\0\0\0\1\0\2\x20\x0a\0\0\1", 11);
	apply(&j, 20, "\1\0\0\1\0\2\x20\x0a\0\0\1", 11);
	apply(&j, 20, "\1\0\0\1\0\2\x20\x0a\0\0\2", 11);
	ck_assert_uint_eq(j.n, 3);
	apply(&j, 21, "\0\0\0\1\0\2\x20\x0a\0\0\1", 11);
	ck_assert_uint_eq(j.n, 2);
	apply(&j, 11, "\1\3\0\0", 4);
	apply(&j, 11, "\1\3\0\0", 4);
	ck_assert_uint_eq(j.n, 3);
	apply(&j, 12, "\1\3\0\0", 4);
	/* a question is not state */
	apply(&j, 120, "abc", 3);
	ck_assert_uint_eq(j.n, 2);
	/* router advertisements: by interface, whatever the interval */
	apply(&j, 39, "\0\0\0\2\0\0\0\x0a", 8);
	apply(&j, 40, "\0\0\0\2\0\0\0\0", 8);
	ck_assert_uint_eq(j.n, 2);
	ck_assert(!j.incomplete);
	/* a label chunk is a thing of one zebra's life */
	apply(&j, 52, "\0\0\0\0", 4);
	ck_assert(j.incomplete);
	zapi_journal_clear(&j);
	ck_assert(!j.incomplete);
}
END_TEST

START_TEST(odd_bodies)
{
	struct zapi_journal j;
	uint8_t m[64];
	size_t len = route(m, 8, 6, 1, 0, 1);

	zapi_journal_init(&j);
	for (size_t n = ZAPI_HEADER_BYTES; n < len; n++) {
		j.incomplete = false;
		zapi_journal_apply(&j, m, n, false);
		ck_assert(j.incomplete || n >= ZAPI_HEADER_BYTES + 17);
	}
	zapi_journal_clear(&j);
	m[ZAPI_HEADER_BYTES + 13] = 255;
	zapi_journal_apply(&j, m, len, false);
	ck_assert(j.incomplete);
	route(m, 8, 6, 1, 0x20, 0xff000000);
	j.incomplete = false;
	zapi_journal_apply(&j, m, len, false);
	ck_assert(j.incomplete);
	ck_assert_uint_eq(j.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("zapi");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, lengths);
	tcase_add_test(t, routes_replace_and_end);
	tcase_add_test(t, registrations);
	tcase_add_test(t, odd_bodies);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
