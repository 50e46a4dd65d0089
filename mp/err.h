/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors as values: a code and one plain sentence that names the object and what to do. */
#ifndef LM_MP_ERR_H
#define LM_MP_ERR_H

#include <stdbool.h>

#define LM_ERR_MSG_MAX 512

/**
 * An error on its way up. Functions that can fail take a `struct lm_err *err` (never NULL), return
 * a negative errno value (or NULL) and fill it once; callers may put context in front with
 * lm_err_context(). It is printed once, at the edge (main(), an RPC reply).
 */
struct lm_err {
	int code;		  /* a positive errno value; 0: no error */
	char msg[LM_ERR_MSG_MAX]; /* one line, no trailing full stop or newline */
};

/** Set `err` to errno value `code` and a formatted message. Returns -code, so `return
 * lm_err_set(...)`. */
int lm_err_set(struct lm_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** As lm_err_set(), with ": " and strerror(code) added at the end. Returns -code. */
int lm_err_errno(struct lm_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Put a formatted prefix and ": " in front of the message. Returns -err->code. */
int lm_err_context(struct lm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Make `s` one line that steers no terminal, whatever it quotes: C0 and C1 controls turn blank. */
void lm_err_plain(char *s);

#endif
