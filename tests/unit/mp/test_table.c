/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables and JSON: widths, missing cells, and nothing that a terminal obeys. */
#include "mp/table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct lm_column columns[] = {{"NAME", "name", false}, {"PKTS", "pkts", true}};

static void expect(const char *rows_text, const char *want)
{
	json_t *rows = json_loads(rows_text, 0, NULL);
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(rows);
	lm_table_print(f, columns, 2, rows, false);
	fclose(f);
	ck_assert_str_eq(text, want);
	free(text);
	json_decref(rows);
}

START_TEST(aligns)
{
	expect("[]", "");
	expect("[{\"name\": \"a/r1\", \"pkts\": 7}, {\"name\": \"b\", \"pkts\": 12345}]",
		"NAME   PKTS\na/r1      7\nb     12345\n");
	expect("[{\"pkts\": null}, {\"name\": \"\"}]", "NAME  PKTS\n-        -\n-        -\n");
	/* widths are in places, not octets */
	expect("[{\"name\": \"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\", \"pkts\": 1}]",
		"NAME   PKTS\n\u00e9\u00e9\u00e9\u00e9\u00e9     1\n");
}
END_TEST

START_TEST(cells)
{
	static const struct {
		const char *json, *cell;
	} cases[] = {{"true", "yes"}, {"false", "no"}, {"[\"a\",\"b\"]", "a,b"}, {"[]", "-"},
		{"{}", "-"}, {"1.5", "1.5"}, {"\"x\\u001b[31my\"", "x?[31my"},
		{"\"\\u009b31m\"", "\?\?31m"}, {"\"a\\nb\\u007f\"", "a?b?"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		char *cell = lm_table_cell(value);

		ck_assert_str_eq(cell, cases[i].cell);
		free(cell);
		json_decref(value);
	}
}
END_TEST

START_TEST(json_is_ascii)
{
	json_t *value = json_pack("{s:s}", "k", "\xc2\x9b\x1b");
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	lm_json_print(f, value);
	fclose(f);
	ck_assert_str_eq(text, "{\n  \"k\": \"\\u009B\\u001B\"\n}\n");
	free(text);
	json_decref(value);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *tcase = tcase_create("table");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, aligns);
	tcase_add_test(tcase, cells);
	tcase_add_test(tcase, json_is_ascii);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
