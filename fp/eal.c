/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/eal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_eal.h>
#include <rte_errno.h>

#define LIST_MAX 4096

/* "1,2,7": the CPUs of a set. Returns how many. */
static unsigned int list_cpus(const cpu_set_t *set, char *text, size_t size)
{
	unsigned int n = 0;
	size_t at = 0;

	text[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE && at + 8 < size; cpu++)
		if (CPU_ISSET(cpu, set))
			at += (size_t)snprintf(
				text + at, size - at, "%s%d", n++ > 0 ? "," : "", cpu);
	return n;
}

static int first_cpu(const cpu_set_t *set)
{
	int cpu = 0;

	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, set))
		cpu++;
	return cpu;
}

/* Both threads float over all CPUs, but a dedicated worker is kept clear of the control thread. */
static int lcore_map(const struct lm_eal_conf *conf, char *map, size_t size, struct lm_err *err)
{
	cpu_set_t allowed, control, worker;
	char control_text[LIST_MAX], worker_text[LIST_MAX];

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return lm_err_errno(err, errno, "sched_getaffinity");
	if (CPU_COUNT(&conf->cpus) > 0)
		CPU_AND(&allowed, &allowed, &conf->cpus);
	if (CPU_COUNT(&allowed) == 0)
		return lm_err_set(err, EINVAL,
			"fp.cpus: this process may run on none of them; compare with its cpuset");
	control = worker = allowed;
	if (conf->dedicated && CPU_COUNT(&allowed) > 1) {
		int cpu = first_cpu(&allowed);

		CPU_ZERO(&control);
		CPU_SET(cpu, &control);
		CPU_CLR(cpu, &worker);
	}
	list_cpus(&control, control_text, sizeof(control_text));
	list_cpus(&worker, worker_text, sizeof(worker_text));
	snprintf(map, size, "%d@(%s),%d@(%s)", LM_LCORE_CONTROL, control_text, LM_LCORE_WORKER,
		worker_text);
	return 0;
}

static void choose_runtime_dir(const char *beside)
{
	char dir[LIST_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", beside);
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	/* without memory for it DPDK complains about its usual place, and goes on */
	(void)setenv("RUNTIME_DIRECTORY", dir, 0);
}

int lm_eal_start(const struct lm_eal_conf *conf, struct lm_err *err)
{
	static char map[2 * LIST_MAX + 16], heap[16],
		name[] = "lamina-fp", no_huge[] = "--no-huge", no_shconf[] = "--no-shconf",
		no_telemetry[] = "--no-telemetry", no_pci[] = "--no-pci", iova[] = "--iova-mode=va",
		quiet[] = "--log-level=error", m[] = "-m", lcores[] = "--lcores";
	char *argv[] = {name, no_huge, no_shconf, no_telemetry, no_pci, iova, quiet, m, heap,
		lcores, map, NULL};
	int rc = lcore_map(conf, map, sizeof(map), err);

	if (rc < 0)
		return rc;
	if (conf->beside != NULL)
		choose_runtime_dir(conf->beside);
	snprintf(heap, sizeof(heap), "%u", conf->heap_mb);
	if (rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) < 0)
		return lm_err_set(err, rte_errno != 0 ? rte_errno : EIO,
			"DPDK's environment did not start (lcores %s, %u MB)", map, conf->heap_mb);
	return 0;
}
