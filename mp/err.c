/* SPDX-License-Identifier: BSD-3-Clause */
#include "mp/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lm_err_plain(char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			*s = ' ';
		} else if ((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 &&
			   (unsigned char)s[1] < 0xa0) {
			s[0] = ' ';
			s[1] = ' ';
		}
	}
}

int lm_err_set(struct lm_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	lm_err_plain(err->msg);
	err->code = code;
	return -code;
}

int lm_err_errno(struct lm_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", strerror(code));
	lm_err_plain(err->msg);
	err->code = code;
	return -code;
}

int lm_err_context(struct lm_err *err, const char *fmt, ...)
{
	char old[LM_ERR_MSG_MAX];
	va_list ap;
	size_t len;

	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %.*s", (int)(sizeof(old) - 1), old);
	lm_err_plain(err->msg);
	return -err->code;
}
