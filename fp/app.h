/* SPDX-License-Identifier: BSD-3-Clause */
/* A running lamina-fp: its parts, made and ended in order. */
#ifndef LM_FP_APP_H
#define LM_FP_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "fp/conf.h"
#include "fp/dataplane.h"
#include "mp/err.h"

struct event_base;
struct lm_app;
struct lm_fpm_server;
struct lm_netlink;
struct lm_rib;
struct lm_rpc_server;
struct lm_tap_channel;
struct lm_tap_io;

/** What the command line says. */
struct lm_app_options {
	const char *conf_path;
	const char *memif_path;
	const char *rpc_path;
	uint16_t fpm_port;
	bool own_taps; /* open TAPs instead of being handed them */
	int poll;      /* 1 poll, 0 sleep, -1 as sliver.json says */
};

struct lm_app_vif {
	struct lm_app *app;
	uint16_t vif;
};

struct lm_app {
	struct lm_app_options opt;
	struct event_base *base;
	struct lm_fp_conf conf;
	struct lm_dp dp;
	struct lm_rib *rib;
	struct lm_worker *worker;
	struct lm_counters control; /* the control thread's own */
	struct lm_app_vif vifs[LM_VIFS_MAX];
	struct lm_tap_io *taps;
	struct lm_tap_channel *channel;
	struct lm_netlink *netlink;
	struct lm_fpm_server *fpm;
	struct lm_rpc_server *rpc;
	bool started; /* the worker runs */
	bool ready;
	struct lm_err failure; /* why the loop was left, if it was not asked to */
};

/**
 * Make everything and start: with TAPs of its own at once, else when lamina-init has handed over
 * the last one. `app` is zeroed but for opt and base. 0 or -errno with `err`.
 */
int lm_app_start(struct lm_app *app, struct lm_err *err);

/** End everything that was made. */
void lm_app_end(struct lm_app *app);

/** Serve fp.sock (docs/architecture.md). NULL with `err`. */
struct lm_rpc_server *lm_app_serve(struct lm_app *app, struct lm_err *err);

#endif
