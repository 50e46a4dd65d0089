/* SPDX-License-Identifier: BSD-3-Clause */
#include "slicemgr/neighbours.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "mp/cleanup.h"
#include "mp/log.h"

#define PER_SLIVER 512
#define AT_LEAST   1024

static void raise_one(const char *family, unsigned int which, unsigned long want)
{
	char path[128], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/neigh/default/gc_thresh%u", family, which);
	f = fopen(path, "re");
	if (f == NULL)
		return; /* not the initial namespace: whoever rules that one sees to it */
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	if (strtoul(text, NULL, 10) >= want)
		return;
	f = fopen(path, "we");
	if (f != NULL)
		fprintf(f, "%lu\n", want);
	if (f == NULL || fclose(f) != 0)
		lm_warning("%s: %s: many slivers may run out of neighbour entries", path,
			strerror(errno));
}

void neighbours_make_room(unsigned int slivers)
{
	static const char *const families[] = {"ipv4", "ipv6"};
	unsigned long most = AT_LEAST + (unsigned long)slivers * PER_SLIVER;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		/* from the top: each must be at least the one below it */
		raise_one(families[i], 3, most);
		raise_one(families[i], 2, most / 2);
		raise_one(families[i], 1, most / 4);
	}
}
