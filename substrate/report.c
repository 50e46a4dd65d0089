/* SPDX-License-Identifier: BSD-3-Clause */
/* What the substrate tells about itself: status and counters. */
#include "substrate/control.h"

#include <errno.h>
#include <unistd.h>

#include "mp/cleanup.h"
#include "substrate/packet_socket.h"
#include "substrate/port.h"

#define VERSION "0.1.0"

static bool port_is_up(const struct port *p)
{
	struct rte_eth_link link;

	if (p->rx_fd_is_packet) /* its PMD says up whatever happens */
		return packet_socket_is_up(p->rx_fd);
	return rte_eth_link_get_nowait(p->port_id, &link) == 0 && link.link_status != 0;
}

static json_t *status_ports(const struct substrate *s)
{
	json_t *list = json_array();
	const struct port *p;

	TAILQ_FOREACH (p, &s->ports, next)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:b, s:s, s:i}", "name", p->name, "mode",
				      p->mode == PORT_TRUNK ? "trunk" : "access", "mtu", p->mtu,
				      "up", port_is_up(p), "wait", port_wait_name(p->wait),
				      "worker", p->worker->idx + 1));
	return list;
}

static json_t *status_vifs(const struct substrate *s)
{
	json_t *list = json_array();
	const struct vif *v;

	TAILQ_FOREACH (v, &s->vifs, next)
		json_array_append_new(
			list, json_pack("{s:s, s:b, s:i, s:s, s:i}", "name", v->name, "up",
				      v->backend->is_up(v), "mtu", v->mtu, "backend",
				      v->backend->kind, "worker", v->worker->idx + 1));
	return list;
}

json_t *report_status(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	json_t *workers = json_array();
	struct substrate *s = ctx;

	(void)peer;
	(void)params;
	(void)err;
	for (unsigned int i = 0; i < s->n_workers; i++)
		json_array_append_new(
			workers, json_pack("{s:I}", "wakeups",
					 (json_int_t)atomic_load(&s->workers[i].wakeups)));
	return json_pack("{s:i, s:s, s:o, s:o, s:o}", "pid", (int)getpid(), "version", VERSION,
		"ports", status_ports(s), "vifs", status_vifs(s), "workers", workers);
}

/* Add up all workers' counters. */
static struct counters total(const struct substrate *s, const struct counters *c)
{
	struct counters sum = {0};

	for (unsigned int i = 0; i < s->n_workers; i++) {
		sum.rx_pkts += __atomic_load_n(&c[i].rx_pkts, __ATOMIC_RELAXED);
		sum.rx_bytes += __atomic_load_n(&c[i].rx_bytes, __ATOMIC_RELAXED);
		sum.tx_pkts += __atomic_load_n(&c[i].tx_pkts, __ATOMIC_RELAXED);
		sum.tx_bytes += __atomic_load_n(&c[i].tx_bytes, __ATOMIC_RELAXED);
		for (unsigned int r = 0; r < DROP_REASONS; r++)
			sum.drops[r] += __atomic_load_n(&c[i].drops[r], __ATOMIC_RELAXED);
	}
	return sum;
}

static json_t *counters_json(const struct counters *c)
{
	json_t *drops = json_object();

	for (unsigned int r = 0; r < DROP_REASONS; r++) {
		if (c->drops[r] != 0)
			json_object_set_new(
				drops, drop_name(r), json_integer((json_int_t)c->drops[r]));
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "rx_pkts", (json_int_t)c->rx_pkts, "rx_bytes",
		(json_int_t)c->rx_bytes, "tx_pkts", (json_int_t)c->tx_pkts, "tx_bytes",
		(json_int_t)c->tx_bytes, "drops", drops);
}

json_t *report_counters(
	void *ctx, const struct lm_rpc_peer *peer, const json_t *params, struct lm_err *err)
{
	json_t *ports = json_object(), *vifs = json_object(), *xcs = json_object();
	struct substrate *s = ctx;
	const struct port *p;
	const struct vif *v;
	const struct xc *x;
	struct counters c;

	(void)peer;
	(void)params;
	(void)err;
	TAILQ_FOREACH (p, &s->ports, next) {
		c = total(s, p->counters);
		json_object_set_new(ports, p->name, counters_json(&c));
	}
	TAILQ_FOREACH (v, &s->vifs, next) {
		c = total(s, v->counters);
		if (v->backend->add_drops != NULL)
			v->backend->add_drops(v, c.drops);
		json_object_set_new(vifs, v->name, counters_json(&c));
	}
	TAILQ_FOREACH (x, &s->xcs, next) {
		c = total(s, x->counters);
		json_object_set_new(xcs, x->name,
			json_pack("{s:I, s:I}", "pkts", (json_int_t)c.tx_pkts, "bytes",
				(json_int_t)c.tx_bytes));
	}
	return json_pack("{s:o, s:o, s:o}", "ports", ports, "vifs", vifs, "xcs", xcs);
}
