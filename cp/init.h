/* SPDX-License-Identifier: BSD-3-Clause */
/* lamina-init: pid 1 of a sliver. Owns every part and the order in which they start and end. */
#ifndef LM_CP_INIT_H
#define LM_CP_INIT_H

#include <stdbool.h>

#include "cp/fp_proc.h"
#include "cp/frr.h"
#include "cp/interfaces.h"
#include "cp/sliver_conf.h"
#include "mp/err.h"
#include "mp/rpc.h"

enum init_phase { INIT_RUNNING, INIT_END_CLIENTS, INIT_END_ZEBRA, INIT_END_REST, INIT_ENDED };

struct init {
	struct event_base *base;
	struct sliver_conf conf;
	struct interfaces ifs;
	bool has_fp, has_frr;
	struct fp_proc fp;
	struct frr frr;
	struct proc agent;
	const char *agent_argv[2];
	char agent_path[256];
	struct lm_rpc_server *rpc;
	struct event *sigchld, *sigterm, *sigint;
	struct event *fp_patience; /* start FRR even when the FP does not come */
	bool frr_started, was_ready;
	enum init_phase phase;
};

/** Build everything from init->conf and start it on init->base. */
int init_start(struct init *init, const char *bin_dir, struct lm_err *err);

/** Release everything (the processes are not waited for). */
void init_fini(struct init *init);

/** True when every interface is up, the FP forwards and FRR is configured. */
bool init_ready(const struct init *init);

/** init.sock's methods (cp/init_rpc.c); their ctx is a struct init. */
extern const struct lm_rpc_method init_methods[];

#endif
