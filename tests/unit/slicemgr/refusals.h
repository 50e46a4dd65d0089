/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of refusals: "#### NAME", text to parse, "==== ANSWER"; what comes before is a comment. */
#ifndef TESTS_REFUSALS_H
#define TESTS_REFUSALS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The whole file, which must exist (tests run in the top folder). Caller frees. */
static inline char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	ck_assert_msg(f != NULL, "cannot open %s: run tests in the top folder", path);
	n = getdelim(&text, &room, '\0', f);
	fclose(f);
	ck_assert_int_gt(n, 0);
	if (len != NULL)
		*len = (size_t)n;
	return text;
}

/** Call `check(name, body, answer)` for each refusal; their number. */
static inline int each_refusal(
	const char *path, void (*check)(const char *name, const char *body, const char *answer))
{
	char *text = read_file(path, NULL), *at = text, *name, *body, *answer;
	int n = 0;

	while ((name = strstr(at, "#### ")) != NULL) {
		body = strchr(name, '\n');
		ck_assert_ptr_nonnull(body);
		answer = strstr(body, "\n==== ");
		ck_assert_ptr_nonnull(answer);
		at = strchr(answer + 1, '\n');
		ck_assert_ptr_nonnull(at);
		*at++ = '\0';
		*body++ = '\0';
		/* the body ends with its newline; an empty one has none */
		if (answer < body)
			check(name + 5, "", answer + 6);
		else {
			*answer = '\0';
			check(name + 5, body, answer + 6);
		}
		n++;
	}
	free(text);
	return n;
}

#endif
