/* SPDX-License-Identifier: BSD-3-Clause */
/* What the slice manager knows: one node, its slices, their slivers and interfaces. */
#ifndef LM_SLICEMGR_STATE_H
#define LM_SLICEMGR_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "mp/err.h"
#include "slicemgr/node_config.h"
#include "slicemgr/spec.h"

#define LEGACY_SLICE  "legacy"
#define LEGACY_SLIVER "router"

/* A sliver's path "SLICE/SLIVER", a vif's name "SLICE/SLIVER/IFACE". */
#define SLIVER_PATH_MAX (LM_SLICE_NAME_MAX + LM_SLIVER_NAME_MAX)
#define VIF_NAME_MAX	(SLIVER_PATH_MAX + LM_IFNAME_MAX)
#define LINK_NAME_MAX	(LM_SLICE_NAME_MAX + LM_CLIENT_ID_MAX)

/* What a sliver may use besides its FP's memory: FRR, agent, tmpfs. */
#define SLIVER_OVERHEAD_MB 192

struct agent_call;
struct event;
struct event_base;
struct lm_rpc_later;
struct lm_rpc_server;
struct node;
struct slice;
struct substrate_proc;

/* One interface of a sliver: a vif of the substrate. */
struct iface {
	const struct lm_spec_iface *spec;
	char vif[VIF_NAME_MAX];
	char link[LINK_NAME_MAX]; /* patch: vifs with the same are joined */
	unsigned int n_macs;
	uint8_t macs[LM_SPEC_MACS_MAX][6];
	uint16_t mtu;
	bool kernel;	   /* a TAP that the substrate opens in the sliver; else memif */
	uint16_t memif_id; /* on the sliver's listener */
	bool added;	   /* the substrate has it, or gets it when it is back */
};

enum sliver_state {
	SLIVER_NEW,	 /* nothing made yet */
	SLIVER_STARTING, /* its container runs, not all is up in it */
	SLIVER_READY,
	SLIVER_BACKOFF,	 /* its container died and will be made again */
	SLIVER_STOPPING, /* told to end */
	SLIVER_GONE,	 /* nothing of it is left */
};

struct sliver {
	struct node *node;
	struct slice *slice;
	const struct lm_spec_node *spec;
	enum sliver_state state;
	char path[SLIVER_PATH_MAX];
	char dir[PATH_MAX];	   /* RUNDIR/s/SLICE/SLIVER */
	struct lm_cores own_cores; /* dedicated to its FP; n == 0: shared */
	unsigned int memory_mb;	   /* in all, as counted against the node's */
	unsigned int n_ifaces;
	struct iface *ifaces;
	uint32_t uid_base; /* 0: none taken */
	bool made;	   /* directories, perhaps a container */
	pid_t pid;	   /* of its pid 1 here; 0: none */
	int pidfd;
	struct event *exit_event, *timer;
	struct agent_call *query;
	unsigned int restarts;
	unsigned int backoff_ms;
	int64_t started_ms, ready_ms, deadline_ms; /* CLOCK_MONOTONIC */
};

enum slice_state { SLICE_APPLYING, SLICE_READY, SLICE_ENDING };

struct slice {
	TAILQ_ENTRY(slice) next;
	struct node *node;
	enum slice_state state;
	char name[LM_SLICE_NAME_MAX];
	char urn[LM_URN_MAX]; /* empty: none given */
	uint32_t id;	      /* 0: the legacy router's */
	struct lm_spec spec;  /* empty for the legacy router */
	unsigned int n_slivers;
	struct sliver *slivers;
	unsigned int n_started;
	struct event *step;	    /* starts the next sliver */
	struct lm_rpc_later *later; /* who waits for the apply or the destroy */
	bool failed;
	struct lm_err err; /* why, when failed */
};

TAILQ_HEAD(slice_list, slice);

struct node {
	struct event_base *base;
	struct lm_node_conf conf;
	char bin_dir[PATH_MAX];
	char alias[PATH_MAX]; /* /run/lamina/NAME, a link when the run directory is elsewhere */
	int lock_fd;
	int ready_fd; /* tells `lamina node up`; -1: nobody waits */
	bool has_alias;
	bool ending;
	int exit_code;
	int64_t started_ms;
	struct slice_list slices;
	struct substrate_proc *substrate;
	struct lm_rpc_server *server;
	struct lm_rpc_later *down_later; /* who asked for node.down */
	struct event *signals[2];
	struct event *exit_timer;
	struct lm_err left; /* what could not be taken away when it ended; code 0: nothing */
};

/** CLOCK_MONOTONIC in milliseconds. */
int64_t node_now_ms(void);

/** The slice of that name, or NULL. */
struct slice *node_slice(const struct node *node, const char *name);

#endif
