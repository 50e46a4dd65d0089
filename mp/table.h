/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of JSON objects as a table for people or as JSON for programs: one writer for all of
 * `lamina`. */
#ifndef LM_MP_TABLE_H
#define LM_MP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <jansson.h>

/** One column: the cells are row[key]; a key that a row lacks shows "-". */
struct lm_column {
	const char *title;
	const char *key;
	bool right; /* numbers */
};

/**
 * Write `rows` (borrowed: an array of objects) to `out`, columns as wide as their longest cell, two
 * blanks between. Control characters (a sliver may have chosen the text) are shown as '?'. With
 * `bold` the titles are, for terminals. No rows: nothing is written.
 */
void lm_table_print(FILE *out, const struct lm_column *columns, size_t n_columns,
	const json_t *rows, bool bold);

/** Write `value` as indented ASCII JSON with a final newline. */
void lm_json_print(FILE *out, const json_t *value);

/** `value` as a cell: "-", "yes", "12", text, or "a,b" for an array. Caller frees; NULL: no memory.
 */
char *lm_table_cell(const json_t *value);

#endif
