/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL arguments, the mbuf pool and the QSBR variable. */
#include "substrate/eal.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

/* An mbuf's octets behind its headroom: a frame, and what rounding in copies may touch. */
#define FRAME_SLACK 64
#define POOL_CACHE  256

/* "0-1,3" of the CPUs this process may use. */
static void allowed_cpus(char *out, size_t room)
{
	cpu_set_t set;
	size_t len = 0;

	out[0] = '\0';
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		CPU_SET(0, &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && len + 8 < room; cpu++) {
		if (CPU_ISSET(cpu, &set))
			len += (size_t)snprintf(
				out + len, room - len, "%s%d", len > 0 ? "," : "", cpu);
	}
}

/* "2,4-5" becomes one lcore each: "1@2,2@4,3@5". */
static int pin_workers(
	struct substrate *s, const char *cores, char *out, size_t room, struct lm_err *err)
{
	size_t len = strlen(out);
	const char *p = cores;

	while (*p != '\0') {
		unsigned long first, last;
		char *end;

		first = last = strtoul(p, &end, 10);
		if (end != p && *end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (end == p || (*end != ',' && *end != '\0') || last < first ||
			last >= CPU_SETSIZE)
			return lm_err_set(err, EINVAL,
				"--cores %s: not a list of cores such as 2,4-5", cores);
		for (; first <= last; first++) {
			if (s->n_workers == WORKERS_MAX)
				return lm_err_set(err, EINVAL, "--cores %s: at most %d cores",
					cores, WORKERS_MAX);
			s->n_workers++;
			len += (size_t)snprintf(
				out + len, room - len, ",%u@%lu", s->n_workers, first);
			if (len >= room)
				return lm_err_set(err, EINVAL, "--cores %s: too long", cores);
		}
		p = *end == ',' ? end + 1 : end;
	}
	return 0;
}

static int lcores(struct substrate *s, char *out, size_t room, struct lm_err *err)
{
	char cpus[CPU_SETSIZE];

	allowed_cpus(cpus, sizeof(cpus));
	snprintf(out, room, "0@(%s)", cpus);
	if (s->opt.cores != NULL)
		return pin_workers(s, s->opt.cores, out, room, err);
	s->n_workers = 1;
	snprintf(out + strlen(out), room - strlen(out), ",1@(%s)", cpus);
	return 0;
}

/* Most of the memory is for mbufs; PMDs, rings and what huge pages round up get the rest. Without
 * huge pages a "page" has 4 KiB and DPDK would lay one mbuf into each: but these pages are of one
 * mapping, and IOVA is VA, so frames may cross them (NO_IOVA_CONTIG). */
static int make_pool(struct substrate *s, struct lm_err *err)
{
	struct rte_pktmbuf_pool_private priv = {
		.mbuf_data_room_size =
			(uint16_t)(RTE_PKTMBUF_HEADROOM + s->opt.frame_max + FRAME_SLACK),
		.mbuf_priv_size = RTE_ALIGN(sizeof(struct handover), RTE_MBUF_PRIV_ALIGN)};
	unsigned int each =
		sizeof(struct rte_mbuf) + priv.mbuf_priv_size + priv.mbuf_data_room_size;
	size_t room = (size_t)s->opt.memory_mb * 1024 * 1024 / 10 * 7;
	unsigned int n = (unsigned int)(room / (each + 2 * RTE_CACHE_LINE_SIZE));

	s->pool = rte_mempool_create_empty("mbufs", n, each, POOL_CACHE, sizeof(priv),
		SOCKET_ID_ANY, s->opt.huge ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (s->pool != NULL) {
		rte_pktmbuf_pool_init(s->pool, &priv);
		if (rte_mempool_populate_default(s->pool) >= 0) {
			rte_mempool_obj_iter(s->pool, rte_pktmbuf_init, NULL);
			return 0;
		}
	}
	return lm_err_set(err, ENOMEM, "no memory for %u frames (%s); change --memory", n,
		rte_strerror(rte_errno));
}

static int make_qsbr(struct substrate *s, struct lm_err *err)
{
	s->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(WORKERS_MAX), RTE_CACHE_LINE_SIZE);
	if (s->qsbr == NULL || rte_rcu_qsbr_init(s->qsbr, WORKERS_MAX) != 0)
		return lm_err_set(err, ENOMEM, "no memory for QSBR; raise --memory");
	return 0;
}

void substrate_synchronize(struct substrate *s)
{
	rte_rcu_qsbr_synchronize(s->qsbr, RTE_QSBR_THRID_INVALID);
}

int eal_start(struct substrate *s, struct lm_err *err)
{
	static char set[8192], memory[16], prefix[NAME_LEN + 16];
	const char *debug = getenv("LAMINA_LOG");
	char *argv[24];
	unsigned int lcore, i = 0;
	int argc = 0, rc;

	rc = lcores(s, set, sizeof(set), err);
	if (rc != 0)
		return rc;
	snprintf(memory, sizeof(memory), "%u", s->opt.memory_mb);
	snprintf(prefix, sizeof(prefix), "lamina-%s", s->opt.name);
#define ARG(text) (argv[argc++] = (char *)(uintptr_t)(text))
	ARG("lamina-substrate");
	ARG("--lcores");
	ARG(set);
	ARG("-m");
	ARG(memory);
	ARG("--file-prefix");
	ARG(prefix);
	ARG("--no-telemetry");
	ARG("--iova-mode=va");
	ARG("--log-level");
	ARG(debug != NULL && strcmp(debug, "debug") == 0 ? "*:info" : "*:error");
	if (s->opt.huge) {
		ARG("--in-memory");
	} else {
		ARG("--no-huge");
		ARG("--no-shconf");
	}
	if (!s->opt.pci)
		ARG("--no-pci");
	argv[argc] = NULL;
#undef ARG
	if (rte_eal_init(argc, argv) < 0)
		return lm_err_set(err, rte_errno, "cannot start DPDK: %s", rte_strerror(rte_errno));
	/* made but not used without shared configuration; even kill -9 shall leave nothing */
	rmdir(rte_eal_get_runtime_dir());
	RTE_LCORE_FOREACH_WORKER (lcore)
		s->workers[i++].lcore = lcore;
	rc = make_pool(s, err);
	return rc != 0 ? rc : make_qsbr(s, err);
}

void eal_stop(struct substrate *s)
{
	if (rte_eal_get_runtime_dir()[0] == '\0')
		return; /* EAL never came up */
	rte_free(s->qsbr);
	rte_mempool_free(s->pool);
	rte_eal_cleanup();
}
