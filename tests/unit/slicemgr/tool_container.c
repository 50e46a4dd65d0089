/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/system/test_container.py calls the container library through this:
 *   tool_container start|delete|pid|exec DIR ID [KEY=VALUE...] [-- ARGV...]
 * DIR has conf/, memif/ and bin/; runc/, bundle/, ctl/ and log/ are made there.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mp/core_limit.h"
#include "slicemgr/container.h"

static char paths[7][PATH_MAX];

static const char *below(int i, const char *dir, const char *name)
{
	snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, name);
	return paths[i];
}

static void set(struct lm_container_conf *c, const char *word)
{
	const char *value = strchr(word, '=');

	if (value == NULL)
		return;
	value++;
	if (strncmp(word, "uid=", 4) == 0)
		c->uid_base = (uint32_t)strtoul(value, NULL, 0);
	else if (strncmp(word, "cpus=", 5) == 0)
		c->cpus = value;
	else if (strncmp(word, "shares=", 7) == 0)
		c->cpu_shares = (uint32_t)strtoul(value, NULL, 0);
	else if (strncmp(word, "quota=", 6) == 0)
		c->cpu_quota_pct = (uint32_t)strtoul(value, NULL, 0);
	else if (strncmp(word, "memory=", 7) == 0)
		c->memory_max_bytes = strtoull(value, NULL, 0);
	else if (strncmp(word, "pids=", 5) == 0)
		c->pids_max = (uint32_t)strtoul(value, NULL, 0);
	else if (strncmp(word, "raw=", 4) == 0)
		c->raw = value[0] == '1';
	else if (strncmp(word, "hugepages=", 10) == 0)
		c->hugepages = value[0] == '1';
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int act(
	const char *what, struct lm_container_conf *c, const char *const *argv, struct lm_err *err)
{
	struct lm_container_place place = lm_container_place(c);
	long begin = now_ms();
	pid_t pid;
	int rc;

	if (strcmp(what, "delete") == 0)
		return lm_container_delete(&place, 2000, err);
	if (strcmp(what, "exec") == 0) {
		const char *out[LM_CONTAINER_EXEC_ARGS_MAX];

		rc = lm_container_exec_argv(c->runc_root, c->id, isatty(0) == 1, argv, out, err);
		if (rc == 0) {
			lm_core_limit_set();
			execvp(out[0], (char *const *)(uintptr_t)out);
			rc = lm_err_errno(err, errno, "%s", out[0]);
		}
		return rc;
	}
	if (strcmp(what, "pid") == 0)
		rc = lm_container_pid(c->runc_root, c->id, &pid, err);
	else
		rc = lm_container_create_start(c, &pid, err);
	if (rc == 0)
		printf("%d %ld\n", (int)pid, now_ms() - begin);
	return rc;
}

int main(int argc, char **argv)
{
	struct lm_container_conf c = {.uid_base = 0x7f000000, .cgroup_parent = "/lamina/tool"};
	struct lm_err err = {0};
	int i = 4;

	if (argc < 4)
		return 2;
	c.id = c.hostname = c.cgroup_name = argv[3];
	c.runc_root = below(0, argv[2], "runc");
	c.bundle_dir = below(1, argv[2], "bundle");
	c.conf_dir = below(2, argv[2], "conf");
	c.memif_dir = below(3, argv[2], "memif");
	c.ctl_dir = below(4, argv[2], "ctl");
	c.log_dir = below(5, argv[2], "log");
	c.bin_dir = below(6, argv[2], "bin");
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		set(&c, argv[i]);
	if (i < argc)
		c.argv = (const char *const *)(uintptr_t)(argv + i + 1);
	if (act(argv[1], &c, c.argv, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	return 0;
}
