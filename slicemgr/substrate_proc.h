/* SPDX-License-Identifier: BSD-3-Clause */
/* The substrate's process: started, watched, started again with all its ports and vifs. */
#ifndef LM_SLICEMGR_SUBSTRATE_PROC_H
#define LM_SLICEMGR_SUBSTRATE_PROC_H

#include "slicemgr/state.h"

/**
 * Start lamina-substrate, wait until it answers and give it the node's ports. From then on it is
 * watched on the node's event loop: when it dies it is started again at once (then with back-off)
 * and is given ports and the vifs of all slivers. NULL with `err`; nothing runs then.
 */
struct substrate_proc *substrate_proc_start(struct node *node, struct lm_err *err);

/** End it: SIGTERM, at most 3 s of waiting, SIGKILL. NULL is ignored. Blocks. */
void substrate_proc_stop(struct substrate_proc *proc);

/** End it at once, to be started again: it hangs. NULL is ignored. */
void substrate_proc_kill(const struct substrate_proc *proc);

/** Its process id, 0 while it is down. */
pid_t substrate_proc_pid(const struct substrate_proc *proc);

/** Whether vifs can be added: it answers and has been told of ports and vifs. */
bool substrate_proc_ready(const struct substrate_proc *proc);

/** Ready, and every port of the configuration is open. */
bool substrate_proc_complete(const struct substrate_proc *proc);

/** How often it was started again. */
unsigned int substrate_proc_restarts(const struct substrate_proc *proc);

#endif
