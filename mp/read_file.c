/* SPDX-License-Identifier: BSD-3-Clause */
#include "mp/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int lm_read_file(const char *path, size_t max, char **text, size_t *len, struct lm_err *err)
{
	FILE *f = fopen(path, "re");
	char *buf;
	int rc = 0;

	if (f == NULL)
		return lm_err_errno(err, errno, "%s", path);
	buf = malloc(max + 2);
	if (buf == NULL) {
		rc = lm_err_set(err, ENOMEM, "out of memory");
	} else {
		*len = fread(buf, 1, max + 1, f);
		buf[*len] = '\0';
		if (ferror(f))
			rc = lm_err_errno(err, errno, "%s", path);
	}
	fclose(f);
	if (rc < 0)
		free(buf);
	else
		*text = buf;
	return rc;
}
