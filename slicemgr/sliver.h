/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of one sliver: vifs, container, readiness, death, end. */
#ifndef LM_SLICEMGR_SLIVER_H
#define LM_SLICEMGR_SLIVER_H

#include "slicemgr/state.h"

/**
 * Make the sliver: uid range, directories, vifs, sliver.json, container. Blocks some 50 ms. On 0 it
 * is SLIVER_STARTING and slice_sliver_ready() or slice_sliver_failed() follows from the event loop.
 * On failure what was made so far stays for sliver_stop().
 */
int sliver_start(struct sliver *sliver, struct lm_err *err);

/**
 * End it: SIGTERM and some seconds for an orderly end, or `quick`: SIGKILL at once. When nothing is
 * left of it, it is SLIVER_GONE and slice_sliver_gone() is called, perhaps inside this call.
 */
void sliver_stop(struct sliver *sliver, bool quick);

/** Tell every running sliver which cores are shared now. */
void slivers_update_cores(struct node *node);

/** Text such as "0,1": the cores that the sliver may use in all. */
void sliver_cpus_text(const struct sliver *sliver, char *text, size_t size);

/** "starting", "ready", "backoff"... */
const char *sliver_state_name(const struct sliver *sliver);

#endif
