/* SPDX-License-Identifier: BSD-3-Clause */
#include "fp/app.h"

#include <errno.h>
#include <string.h>
#include <event2/event.h>
#include <rte_mbuf.h>

#include "cp/sliver.h"
#include "fp/eal.h"
#include "fp/fpm_server.h"
#include "fp/grace.h"
#include "fp/netlink.h"
#include "fp/rib.h"
#include "fp/tap_channel.h"
#include "fp/tap_io.h"
#include "fp/worker.h"
#include "mp/log.h"
#include "mp/rpc.h"
#include "substrate/memif.h"

/* Enough for both rings, what is in flight and the two threads' caches; more would only cool the
 * CPU's caches. */
#define POOL_BUFS  2047u
#define POOL_CACHE 128u
/* DPDK's objects besides the pool. */
#define HEAP_REST_MB 6u

static int start_eal(struct lm_app *app, struct lm_err *err)
{
	uint32_t room = RTE_PKTMBUF_HEADROOM + app->conf.frame_max;
	uint32_t pool_bytes = (POOL_BUFS + 1) * (room + (uint32_t)sizeof(struct rte_mbuf) + 128);
	struct lm_eal_conf eal = {.cpus = app->conf.cpus,
		.dedicated = app->conf.dedicated,
		.beside = app->opt.rpc_path,
		.heap_mb = pool_bytes / (1024 * 1024) + 1 + HEAP_REST_MB};
	int rc = lm_eal_start(&eal, err);

	if (rc < 0)
		return rc;
	app->dp.pool = rte_pktmbuf_pool_create(
		"frames", POOL_BUFS, POOL_CACHE, 0, (uint16_t)room, SOCKET_ID_ANY);
	if (app->dp.pool == NULL)
		return lm_err_set(err, ENOMEM, "no memory for frame buffers; raise fp.memory_mb");
	return 0;
}

static void ask(void *ctx, uint16_t tap, uint8_t family, const uint8_t *addr)
{
	struct lm_app *app = ctx;

	if (app->netlink != NULL)
		lm_netlink_ask(app->netlink, tap, family, addr);
}

/* From the first virtual MAC: other routers have others, and a restart changes no flow's path. */
static uint64_t hash_seed(const struct lm_ports *ports)
{
	uint64_t mac = 0;

	if (ports->n_taps > 0)
		memcpy(&mac, ports->taps[0].mac, sizeof(ports->taps[0].mac));
	return (mac + 1) * 0x9e3779b97f4a7c15ULL;
}

static int make_tables(struct lm_app *app, struct lm_err *err)
{
	struct lm_dp *dp = &app->dp;

	dp->hash_seed = hash_seed(&dp->ports);
	dp->grace = lm_grace_new(1);
	if (dp->grace == NULL)
		goto no_memory;
	dp->fib4 = lm_fib_new(AF_INET, dp->grace);
	dp->fib6 = lm_fib_new(AF_INET6, dp->grace);
	dp->adjs = lm_adj_table_new(&dp->ports, dp->grace);
	if (dp->fib4 == NULL || dp->fib6 == NULL || dp->adjs == NULL)
		goto no_memory;
	dp->groups = lm_nhg_table_new(&dp->ports, dp->adjs, dp->grace, ask, app);
	if (dp->groups == NULL)
		goto no_memory;
	app->rib = lm_rib_new(dp->fib4, dp->fib6, dp->groups);
	if (app->rib != NULL)
		return 0;
no_memory:
	return lm_err_set(err, ENOMEM, "no memory for the tables");
}

static void on_up(void *ctx, struct lm_memif *memif)
{
	struct lm_app_vif *v = ctx;
	struct lm_err err = {0};

	if (lm_worker_attach(v->app->worker, v->vif, memif, &err) < 0)
		lm_error("%s", err.msg);
	else
		lm_info("%s: connected to the substrate", v->app->dp.ports.vifs[v->vif].name);
}

static void on_down(void *ctx, struct lm_memif *memif, const char *why)
{
	struct lm_app_vif *v = ctx;

	lm_warning("%s: connection to the substrate lost: %s", v->app->dp.ports.vifs[v->vif].name,
		why);
	lm_worker_detach(v->app->worker, v->vif);
	lm_memif_quiesced(memif);
}

static int connect_vifs(struct lm_app *app, struct lm_err *err)
{
	for (uint16_t i = 0; i < app->dp.ports.n_vifs; i++) {
		struct lm_vif *vif = &app->dp.ports.vifs[i];
		struct lm_memif_conf conf = {.id = vif->memif_id,
			.ring_size_log2 = app->conf.ring_size_log2,
			.buffer_size = (uint16_t)app->conf.frame_max,
			.name = vif->name,
			.on_up = on_up,
			.on_down = on_down,
			.ctx = &app->vifs[i]};

		app->vifs[i] = (struct lm_app_vif){.app = app, .vif = i};
		vif->client = lm_memif_client_new(app->base, app->opt.memif_path, &conf, err);
		if (vif->client == NULL)
			return lm_err_context(err, "interface %s", vif->name);
	}
	return 0;
}

static int seed(void *ctx, const struct lm_route *route)
{
	return lm_fpm_server_seed(ctx, route);
}

/* Forward what the kernel's table says until zebra has connected and stated its routes. */
static int start_fpm(struct lm_app *app, struct lm_err *err)
{
	struct lm_route_sink sink = lm_rib_sink(app->rib);
	struct lm_err seeding = {0};

	app->fpm = lm_fpm_server_new(
		app->base, LM_SLIVER_FPM_ADDR, app->opt.fpm_port, &sink, NULL, err);
	if (app->fpm == NULL)
		return -err->code;
	if (lm_netlink_seed(app->netlink, seed, app->fpm, &seeding) < 0)
		lm_warning("%s: starting without", seeding.msg);
	return 0;
}

/* The TAPs are here: learn from the kernel, then forward, then say so. */
static int go(struct lm_app *app, struct lm_err *err)
{
	struct lm_netlink_conf conf = {.dp = &app->dp,
		.rib = app->rib,
		.worker = app->worker,
		.follow_routes = !app->conf.has_zebra};
	int rc;

	app->netlink = lm_netlink_new(app->base, &conf, err);
	if (app->netlink == NULL || (app->conf.has_zebra && start_fpm(app, err) < 0))
		return -err->code;
	rc = connect_vifs(app, err);
	if (rc < 0 || (rc = lm_worker_start(app->worker, err)) < 0)
		return rc;
	app->started = true;
	app->ready = true;
	app->rpc = lm_app_serve(app, err);
	if (app->rpc == NULL)
		return -err->code;
	lm_info("ready: %u interfaces, %s", app->dp.ports.n_vifs,
		app->worker->poll ? "polling" : "sleeping when idle");
	return 0;
}

static void on_taps_end(void *ctx)
{
	struct lm_app *app = ctx;

	if (app->ready)
		return; /* later TAPs take the places of earlier ones */
	if (go(app, &app->failure) < 0)
		event_base_loopbreak(app->base);
}

static void on_taps_closed(void *ctx)
{
	struct lm_app *app = ctx;

	if (app->ready)
		return; /* forwarding goes on */
	lm_err_set(&app->failure, EPIPE, "lamina-init left before it had handed over all TAPs");
	event_base_loopbreak(app->base);
}

int lm_app_start(struct lm_app *app, struct lm_err *err)
{
	bool poll;
	int rc = lm_fp_conf_load(&app->conf, &app->dp.ports, app->opt.conf_path, err);

	if (rc < 0 || (rc = start_eal(app, err)) < 0 || (rc = make_tables(app, err)) < 0)
		return rc;
	poll = app->opt.poll < 0 ? app->conf.dedicated : app->opt.poll > 0;
	app->worker = lm_worker_new(&app->dp, LM_LCORE_WORKER, poll, err);
	if (app->worker == NULL)
		return -err->code;
	app->taps = lm_tap_io_new(app->base, app->worker, &app->control, err);
	if (app->taps == NULL)
		return -err->code;
	if (!app->opt.own_taps) {
		app->channel = lm_tap_channel_new(app->base, LM_SLIVER_TAP_FD, app->taps,
			&app->dp.ports, on_taps_end, on_taps_closed, app, err);
		return app->channel == NULL ? -err->code : 0;
	}
	for (uint16_t i = 0; i < app->dp.ports.n_taps; i++) {
		rc = lm_tap_io_open(app->taps, i, err);
		if (rc < 0)
			return rc;
	}
	return go(app, err);
}

void lm_app_end(struct lm_app *app)
{
	lm_rpc_server_free(app->rpc);
	lm_fpm_server_free(app->fpm);
	lm_netlink_free(app->netlink);
	app->netlink = NULL;
	if (app->started)
		lm_worker_stop(app->worker);
	for (uint16_t i = 0; i < app->dp.ports.n_vifs; i++) {
		app->dp.ports.vifs[i].memif = NULL;
		lm_memif_free(app->dp.ports.vifs[i].client);
	}
	lm_tap_channel_free(app->channel);
	lm_tap_io_free(app->taps);
	lm_worker_free(app->worker);
	lm_rib_free(app->rib);
	lm_nhg_table_free(app->dp.groups);
	lm_adj_table_free(app->dp.adjs);
	lm_fib_free(app->dp.fib4);
	lm_fib_free(app->dp.fib6);
	lm_grace_free(app->dp.grace);
}
