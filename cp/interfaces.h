/* SPDX-License-Identifier: BSD-3-Clause */
/* Brings up what sliver.json names: TAPs for the FP, addresses, TAPs of the substrate. */
#ifndef LM_CP_INTERFACES_H
#define LM_CP_INTERFACES_H

#include <stdbool.h>

#include "cp/sliver_conf.h"
#include "mp/err.h"

struct event;
struct event_base;
struct mnl_socket;

/* A TAP that the FP gets. */
struct tap {
	const struct sliver_if *interface;
	unsigned int mac; /* which of the interface's vMACs */
	int fd;
};

struct interfaces {
	const struct sliver_conf *conf;
	unsigned int n_taps;
	struct tap taps[SLIVER_TAPS_MAX];
	unsigned int ifindex[SLIVER_IFS_MAX]; /* 0: not there yet */
	struct mnl_socket *requests, *links;
	struct event *link_event;
	void (*on_change)(void *ctx); /* called after links came or went; may be NULL */
	void *ctx;
};

/**
 * Raise lo, make and set up the TAPs of `conf` (borrowed), and start to watch for those that the
 * substrate makes: each is set up as soon as it appears, again when it was made anew. On an error
 * interfaces_close() is still to be called.
 */
int interfaces_open(struct interfaces *ifs, struct event_base *base, const struct sliver_conf *conf,
	struct lm_err *err);

/** Close descriptors and sockets. The TAPs are persistent and stay. */
void interfaces_close(struct interfaces *ifs);

/** The first interface that is not there yet, or NULL when all are. */
const struct sliver_if *interfaces_missing(const struct interfaces *ifs);

/** Give or take the carrier of all TAPs of the FP. */
void interfaces_set_carrier(const struct interfaces *ifs, bool on);

#endif
