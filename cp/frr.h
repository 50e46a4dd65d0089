/* SPDX-License-Identifier: BSD-3-Clause */
/* FRR in a sliver: zebra first, then the others, then the configuration; only the dead restart. */
#ifndef LM_CP_FRR_H
#define LM_CP_FRR_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "cp/frr_daemons.h"
#include "cp/proc.h"
#include "cp/sliver_conf.h"
#include "cp/vtysh_run.h"
#include "cp/zebra_relay.h"
#include "mp/err.h"

struct frr;

struct frr_daemon {
	struct proc proc;
	struct frr *frr;
	const char *argv[FRR_ARGS_MAX];
	char argv_text[96];
	pid_t last_pid;
	bool up;	   /* its vty answers */
	bool needs_config; /* a new life, not configured yet */
};

struct frr {
	struct event_base *base;
	const struct sliver_conf *conf;
	unsigned int n_daemons; /* zebra is [0] */
	struct frr_daemon daemons[SLIVER_DAEMONS_MAX];
	struct event *poll;
	unsigned int poll_ms;
	bool stopping;
	bool clients_started; /* zebra was up once */
	bool configured;      /* the first configuration run is over */
	uint64_t clients_ms;  /* when the clients were started */
	struct vtysh_run vtysh;
	bool relayed; /* the daemons reach zebra through `relay` */
	struct zebra_relay relay;
	json_t *config_errors;		  /* array of texts */
	void (*on_configured)(void *ctx); /* after the first configuration run */
	void *ctx;
};

/** Prepare (zeroed `frr`) the daemons of `conf` (borrowed) and their files; starts nothing. */
int frr_init(struct frr *frr, struct event_base *base, const struct sliver_conf *conf,
	struct lm_err *err);

/** Start zebra; the rest follows by itself. */
void frr_start(struct frr *frr);

/** End all daemons but zebra (2 s, then SIGKILL), and a running vtysh. */
void frr_stop_clients(struct frr *frr);

/** End zebra: 3 s, then SIGKILL, for it may hang in its shutdown. */
void frr_stop_zebra(struct frr *frr);

/** Release everything. */
void frr_fini(struct frr *frr);

#endif
