/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers share, and what each has for itself. The control thread writes the tables (each of
 * them says how), workers only read; counters are written by one thread and read by any.
 */
#ifndef LM_FP_DATAPLANE_H
#define LM_FP_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>
#include <rte_common.h>

#include "fp/adjacency.h"
#include "fp/fib.h"
#include "fp/nexthop.h"
#include "fp/ports.h"
#include "fp/reasons.h"

#define LM_BURST 64

struct rte_graph;
struct rte_mempool;
struct rte_mbuf;
struct rte_ring;

/** The tables. */
struct lm_dp {
	struct lm_ports ports;
	struct lm_fib *fib4;
	struct lm_fib *fib6;
	struct lm_nhg_table *groups;
	struct lm_adj_table *adjs;
	struct lm_grace *grace;
	uint64_t hash_seed;	  /* of flow hashes; differs from router to router */
	struct rte_mempool *pool; /* frame buffers: one segment holds the largest frame */
};

struct lm_vif_counters {
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
};

/** A token bucket in TSC cycles: each packet costs `cost`, at most `depth` is saved up. */
struct lm_bucket {
	uint64_t credit, depth, cost, last;
};

/** What one thread counts. */
struct lm_counters {
	struct lm_vif_counters vifs[LM_VIFS_MAX];
	uint64_t drops[LM_DROP_COUNT];
	uint64_t punts[LM_PUNT_COUNT];
};

struct lm_worker {
	struct lm_dp *dp;
	struct rte_graph *graph;
	struct lm_counters counters;
	uint32_t work;	   /* frames taken in by the sources during this walk */
	uint16_t next_vif; /* whose turn it is to be received from */
	uint16_t n_spare;
	struct rte_mbuf *spare[LM_BURST]; /* buffers ready to be received into */
	struct lm_bucket buckets[LM_PUNT_COUNT];
	struct rte_ring *punt_ring;   /* to the control thread */
	struct rte_ring *inject_ring; /* from the control thread: whole frames to send */
	int punt_fd;		      /* eventfd that wakes the control thread */
	int wake_fd;		      /* eventfd that wakes this worker */
	int epoll_fd;		      /* wake_fd and the memifs' */
	uint16_t lcore;
	bool poll;		      /* never sleep */
	bool punt_signaled;	      /* atomic: the control thread has a wake-up coming */
	bool asleep;		      /* atomic: the inject ring's producer must write wake_fd */
	bool stop;		      /* atomic */
	uint8_t adj_used[LM_ADJ_MAX]; /* set here, cleared by the control thread */
} __rte_cache_aligned;

#endif
