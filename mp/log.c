/* SPDX-License-Identifier: BSD-3-Clause */
#include "mp/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *program_name = "lamina";
static enum lm_log_level threshold = LM_LOG_INFO;
static const char *const level_names[] = {"error", "warning", "info", "debug"};

void lm_log_init(const char *program)
{
	const char *want = getenv("LAMINA_LOG");

	program_name = program;
	for (unsigned int i = 0; want != NULL && i < sizeof(level_names) / sizeof(level_names[0]);
		i++)
		if (strcmp(want, level_names[i]) == 0)
			threshold = (enum lm_log_level)i;
}

void lm_log(enum lm_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int len;

	if (level > threshold)
		return;
	len = snprintf(line, sizeof(line), "%s: %s: ", program_name, level_names[level]);
	va_start(ap, fmt);
	len += vsnprintf(line + len, sizeof(line) - (size_t)len, fmt, ap);
	va_end(ap);
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	line[len++] = '\n';
	/* one write a line, so that lines of several threads do not mix */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
