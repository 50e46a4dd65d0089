/* SPDX-License-Identifier: BSD-3-Clause */
/* The sliver's forwarding plane as a child: gets the TAPs, is watched for readiness. */
#ifndef LM_CP_FP_PROC_H
#define LM_CP_FP_PROC_H

#include <stdbool.h>

#include "cp/interfaces.h"
#include "cp/proc.h"
#include "mp/err.h"

/* An FP absent for longer takes the carrier of its TAPs away. */
#define FP_ABSENT_MAX_MS 10000

struct rpc_probe;

struct fp_proc {
	struct proc proc;
	struct event_base *base;
	const struct interfaces *ifs;
	const char *argv[2];
	char path[256];
	int tap_sock;	  /* our end of the socket that brought the TAPs; -1 */
	int child_sock;	  /* the FP's end between prepare() and started(); -1 */
	bool ready;	  /* the running FP says that it forwards */
	bool carrier_off; /* absent for too long */
	struct rpc_probe *probe;
	struct event *absent;
	void (*on_ready)(void *ctx); /* each time an FP becomes ready */
	void *ctx;
};

/** Prepare (zeroed `fp`) BIN_DIR/lamina-fp with the TAPs of `ifs` (borrowed). */
int fp_proc_init(struct fp_proc *fp, struct event_base *base, const char *bin_dir,
	const struct interfaces *ifs, struct lm_err *err);

/** Start it, and keep it running. */
void fp_proc_start(struct fp_proc *fp);

/** Release what fp_proc_init() made. */
void fp_proc_fini(struct fp_proc *fp);

/** Send the TAPs of `ifs` over seqpacket socket `sock` as docs/architecture.md says. 0 or -errno.
 */
int fp_send_taps(int sock, const struct interfaces *ifs);

#endif
