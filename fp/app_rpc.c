/* SPDX-License-Identifier: BSD-3-Clause */
/* fp.sock: what the FP tells about itself. Counters are read while the worker writes them: each is
 * one word, together they are of about the same moment. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "fp/app.h"
#include "fp/fpm_server.h"
#include "fp/graph.h"
#include "fp/rib.h"
#include "mp/rpc.h"
#include "mp/version.h"

/* What fits a reply of LM_RPC_LINE_MAX. */
#define FIB_LIMIT_DEFAULT 1000
#define FIB_LIMIT_MAX	  4000
#define ADJ_LIMIT	  4000

static json_t *fpm_status(const struct lm_app *app)
{
	struct lm_fpm_status st = {0};

	if (app->fpm == NULL)
		return json_null();
	lm_fpm_server_status(app->fpm, &st);
	return json_pack("{s:b, s:I, s:I, s:b}", "connected", st.connected, "epoch",
		(json_int_t)st.epoch, "routes", (json_int_t)st.routes, "synced", st.synced);
}

static json_t *rpc_status(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const struct lm_app *app = ctx;
	const struct lm_ports *ports = &app->dp.ports;
	json_t *list = json_array();

	(void)peer;
	(void)params;
	(void)err;
	for (uint16_t i = 0; i < ports->n_vifs; i++) {
		const struct lm_tap *tap = &ports->taps[ports->vifs[i].taps[0]];

		json_array_append_new(
			list, json_pack("{s:s, s:i, s:b, s:i, s:b}", "name", ports->vifs[i].name,
				      "ifindex", (int)tap->ifindex, "up", tap->up, "mtu", tap->mtu,
				      "connected", ports->vifs[i].memif != NULL));
	}
	return json_pack("{s:b, s:s, s:s, s:o, s:o}", "ready", app->ready, "version", LM_VERSION,
		"mode", app->worker->poll ? "poll" : "sleep", "fpm", fpm_status(app), "interfaces",
		list);
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *interface_counters(const struct lm_app *app)
{
	json_t *all = json_object();

	for (uint16_t i = 0; i < app->dp.ports.n_vifs; i++) {
		const struct lm_vif_counters *c = &app->worker->counters.vifs[i];

		json_object_set_new(all, app->dp.ports.vifs[i].name,
			json_pack("{s:o, s:o, s:o, s:o}", "rx_pkts", number(c->rx_pkts), "rx_bytes",
				number(c->rx_bytes), "tx_pkts", number(c->tx_pkts), "tx_bytes",
				number(c->tx_bytes)));
	}
	return all;
}

static json_t *node_counters(const struct lm_app *app)
{
	json_t *all = json_object();
	struct lm_node_stats st;

	for (unsigned int i = 0; lm_graph_node_stats(app->worker, i, &st); i++)
		json_object_set_new(all, st.name,
			json_pack("{s:o, s:o, s:o}", "calls", number(st.calls), "pkts",
				number(st.pkts), "cycles", number(st.cycles)));
	return all;
}

static json_t *rpc_counters(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const struct lm_app *app = ctx;
	json_t *drops = json_object(), *punts = json_object();

	(void)peer;
	(void)params;
	(void)err;
	for (unsigned int i = 0; i < LM_DROP_COUNT; i++)
		json_object_set_new(drops, lm_drop_info[i].name,
			number(app->worker->counters.drops[i] + app->control.drops[i]));
	for (unsigned int i = 0; i < LM_PUNT_COUNT; i++)
		json_object_set_new(
			punts, lm_punt_info[i].name, number(app->worker->counters.punts[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "interfaces", interface_counters(app), "drops",
		drops, "punts", punts, "nodes", node_counters(app));
}

static const char *protocol_name(uint8_t protocol, char *buf, size_t size)
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {{2, "kernel"}, {3, "boot"}, {4, "static"}, {16, "dhcp"}, {186, "bgp"},
		{187, "isis"}, {188, "ospf"}, {189, "rip"}, {196, "static"}, {197, "openfabric"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == protocol)
			return names[i].name;
	snprintf(buf, size, "%u", protocol);
	return buf;
}

static json_t *hops_json(const struct lm_app *app, uint32_t nhg)
{
	const struct lm_nexthop *hops;
	enum lm_nhg_type type;
	uint16_t n = lm_nhg_hops(app->dp.groups, nhg, &hops, &type);
	json_t *list = json_array();

	for (uint16_t i = 0; i < n; i++) {
		char via[INET6_ADDRSTRLEN], dev[IF_NAMESIZE];
		json_t *hop =
			json_pack("{s:i}", "weight", hops[i].weight == 0 ? 1 : hops[i].weight);

		if (hops[i].family != 0 &&
			inet_ntop(hops[i].family, hops[i].gateway, via, sizeof(via)) != NULL)
			json_object_set_new(hop, "via", json_string(via));
		if (if_indextoname(hops[i].ifindex, dev) != NULL)
			json_object_set_new(hop, "dev", json_string(dev));
		json_array_append_new(list, hop);
	}
	return list;
}

struct fib_walk {
	const struct lm_app *app;
	json_t *list;
};

static void add_route(void *ctx, const struct lm_rib_view *view)
{
	static const char *const types[] = {[LM_ROUTE_UNICAST] = "unicast",
		[LM_ROUTE_BLACKHOLE] = "blackhole",
		[LM_ROUTE_UNREACHABLE] = "unreachable",
		[LM_ROUTE_PROHIBIT] = "prohibit"};
	struct fib_walk *walk = ctx;
	char addr[INET6_ADDRSTRLEN], prefix[INET6_ADDRSTRLEN + 4], protocol[4];

	if (inet_ntop(view->prefix->family, view->prefix->addr, addr, sizeof(addr)) == NULL)
		return;
	snprintf(prefix, sizeof(prefix), "%s/%u", addr, view->prefix->len);
	json_array_append_new(walk->list,
		json_pack("{s:s, s:s, s:s, s:o}", "prefix", prefix, "protocol",
			protocol_name(view->protocol, protocol, sizeof(protocol)), "type",
			view->source == LM_RIB_LOCAL ? "local" : types[view->type], "nexthops",
			hops_json(walk->app, view->nhg)));
}

static json_t *rpc_fib(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	const struct lm_app *app = ctx;
	const json_t *f = json_object_get(params, "family"), *l = json_object_get(params, "limit");
	json_int_t family = f == NULL ? 4 : json_integer_value(f);
	json_int_t limit = l == NULL ? FIB_LIMIT_DEFAULT : json_integer_value(l);
	struct fib_walk walk = {.app = app, .list = json_array()};

	(void)peer;
	if ((family != 4 && family != 6) || limit < 0) {
		lm_err_set(err, EINVAL, "fib: family must be 4 or 6, limit a number from 0 on");
		json_decref(walk.list);
		return NULL;
	}
	if (limit > FIB_LIMIT_MAX)
		limit = FIB_LIMIT_MAX;
	if (lm_rib_walk(app->rib, family == 4 ? AF_INET : AF_INET6, (uint32_t)limit, add_route,
		    &walk) < 0) {
		lm_err_set(err, ENOMEM, "fib: out of memory");
		json_decref(walk.list);
		return NULL;
	}
	return json_pack("{s:o, s:{s:I, s:I}}", "routes", walk.list, "total", "ipv4",
		(json_int_t)lm_rib_count(app->rib, AF_INET), "ipv6",
		(json_int_t)lm_rib_count(app->rib, AF_INET6));
}

static json_t *rpc_adjacencies(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	static const char *const states[] = {[LM_ADJ_INCOMPLETE] = "incomplete",
		[LM_ADJ_REACHABLE] = "reachable",
		[LM_ADJ_STALE] = "stale",
		[LM_ADJ_FAILED] = "failed"};
	const struct lm_app *app = ctx;
	uint32_t n = lm_adj_count(app->dp.adjs);
	json_t *list = json_array();
	struct lm_adj_view v;

	(void)peer;
	(void)params;
	(void)err;
	for (uint32_t id = 0; id < n && json_array_size(list) < ADJ_LIMIT; id++) {
		char addr[INET6_ADDRSTRLEN], mac[18] = "";

		if (!lm_adj_get(app->dp.adjs, id, &v) ||
			inet_ntop(v.adj->family, v.adj->addr, addr, sizeof(addr)) == NULL)
			continue;
		if (v.adj->resolved)
			snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", v.adj->macs[0],
				v.adj->macs[1], v.adj->macs[2], v.adj->macs[3], v.adj->macs[4],
				v.adj->macs[5]);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s?, s:s}", "dev",
				      app->dp.ports.taps[v.adj->tap].name, "address", addr, "mac",
				      v.adj->resolved ? mac : NULL, "state", states[v.state]));
	}
	return json_pack("{s:o}", "adjacencies", list);
}

struct lm_rpc_server *lm_app_serve(struct lm_app *app, struct lm_err *err)
{
	static const struct lm_rpc_method methods[] = {{"status", rpc_status},
		{"counters", rpc_counters}, {"fib", rpc_fib}, {"adjacencies", rpc_adjacencies},
		{NULL, NULL}};
	const struct lm_rpc_listen where = {
		.path = app->opt.rpc_path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};

	return lm_rpc_server_new(app->base, &where, methods, app, err);
}
