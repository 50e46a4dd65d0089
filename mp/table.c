/* SPDX-License-Identifier: BSD-3-Clause */
#include "mp/table.h"

#include <stdlib.h>
#include <string.h>

/* Blanks out what a terminal could take for a command: C0, DEL and, in UTF-8, C1. */
static void make_plain(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			*p = p[1] = '?';
	}
}

static char *join(const json_t *array)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	const json_t *item;
	size_t i;

	if (f == NULL)
		return NULL;
	json_array_foreach (array, i, item) {
		char *cell = lm_table_cell(item);

		fprintf(f, "%s%s", i > 0 ? "," : "", cell != NULL ? cell : "-");
		free(cell);
	}
	if (json_array_size(array) == 0)
		fputs("-", f);
	fclose(f);
	return text;
}

char *lm_table_cell(const json_t *value)
{
	char *text = NULL;

	if (json_is_string(value))
		text = strdup(json_string_value(value));
	else if (json_is_boolean(value))
		text = strdup(json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		return join(value);
	else if (json_is_integer(value) || json_is_real(value))
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	else
		text = strdup("-");
	if (text != NULL && text[0] == '\0') {
		free(text);
		text = strdup("-");
	}
	if (text != NULL)
		make_plain(text);
	return text;
}

/* Places that UTF-8 text takes on a terminal, one a code point. */
static size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
	int pad = (int)(width - text_width(text));

	if (right)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", out);
}

void lm_table_print(
	FILE *out, const struct lm_column *columns, size_t n_columns, const json_t *rows, bool bold)
{
	size_t n_rows = json_array_size(rows);
	size_t *width = calloc(n_columns, sizeof(*width));
	char **cells = calloc(n_rows * n_columns + 1, sizeof(*cells));

	for (size_t c = 0; width != NULL && c < n_columns; c++)
		width[c] = text_width(columns[c].title);
	for (size_t i = 0; width != NULL && cells != NULL && i < n_rows * n_columns; i++) {
		const json_t *row = json_array_get(rows, i / n_columns);
		size_t c = i % n_columns;

		cells[i] = lm_table_cell(json_object_get(row, columns[c].key));
		if (cells[i] != NULL && text_width(cells[i]) > width[c])
			width[c] = text_width(cells[i]);
	}
	if (width != NULL && cells != NULL && n_rows > 0) {
		fputs(bold ? "\033[1m" : "", out);
		for (size_t c = 0; c < n_columns; c++)
			print_cell(out, columns[c].title, width[c], columns[c].right,
				c + 1 == n_columns);
		fputs(bold ? "\033[0m" : "", out);
		for (size_t i = 0; i < n_rows * n_columns; i++)
			print_cell(out, cells[i] != NULL ? cells[i] : "-", width[i % n_columns],
				columns[i % n_columns].right, (i + 1) % n_columns == 0);
	}
	for (size_t i = 0; cells != NULL && i < n_rows * n_columns; i++)
		free(cells[i]);
	free(cells);
	free(width);
}

void lm_json_print(FILE *out, const json_t *value)
{
	/* ASCII: what slivers sent may hold UTF-8 control characters */
	json_dumpf(value, out, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	fputc('\n', out);
}
