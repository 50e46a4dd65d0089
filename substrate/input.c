/* SPDX-License-Identifier: BSD-3-Clause */
/* The demultiplexer: where does a frame from a port or from a sliver go? (docs/wire-format.md) */
#include "substrate/datapath.h"

#include <rte_memcpy.h>

#include "substrate/output.h"

static inline void cut_front(struct rte_mbuf *m, uint16_t n)
{
	m->data_off += n;
	m->data_len -= n;
	m->pkt_len -= n;
}

/* Take n octets out behind the MACs. */
static inline void pop(struct rte_mbuf *m, uint16_t n)
{
	lm_wire_pop(rte_pktmbuf_mtod(m, uint8_t *), n);
	cut_front(m, n);
}

static inline bool push(struct rte_mbuf *m, const struct lm_wire_template *t)
{
	if (unlikely(m->data_off < t->len))
		return false;
	lm_wire_push(rte_pktmbuf_mtod(m, uint8_t *), t);
	m->data_off -= t->len;
	m->data_len += t->len;
	m->pkt_len += t->len;
	return true;
}

static inline bool same_mac(const uint8_t *a, const uint8_t *b)
{
	uint16_t a4, b4;
	uint32_t a0, b0;

	memcpy(&a0, a, 4);
	memcpy(&b0, b, 4);
	memcpy(&a4, a + 4, 2);
	memcpy(&b4, b + 4, 2);
	return a0 == b0 && a4 == b4;
}

static inline bool has_mac(const struct vif *v, const uint8_t *mac)
{
	for (uint16_t i = 0; i < v->n_macs; i++) {
		if (same_mac(v->macs[i], mac))
			return true;
	}
	return false;
}

/* Give a frame to those of a set that its destination is for. `from`, who sent it, does not get it
 * back. Drops are counted at `c`, where the frame came from. */
static void deliver(struct worker *w, const struct vif_set *set, const struct vif *from,
	struct counters *c, struct rte_mbuf *m)
{
	const uint8_t *dst = rte_pktmbuf_mtod(m, const uint8_t *);
	bool group = lm_wire_is_group(dst);
	struct vif *last = NULL;

	for (uint32_t i = 0; i < set->n; i++) {
		struct vif *v = set->v[i];

		if (v == from || !(group || v->promisc || has_mac(v, dst)))
			continue;
		if (last != NULL)
			vif_output_copy(w, last, m);
		last = v;
	}
	if (likely(last != NULL))
		vif_output(w, last, m);
	else
		drop(w, c, set->n < 2 && from != NULL ? DROP_NO_PEER : DROP_NO_SUCH_VMAC, m);
}

/* Transit: the frame leaves with another key. */
static void cross(struct worker *w, struct xc *x, const struct lm_wire_hdr *h, struct rte_mbuf *m)
{
	struct counters *c = &x->counters[w->idx];

	if (h->type <= LM_WIRE_VIF) {
		pop(m, h->hdr_len);
		if (!push(m, &x->header)) {
			drop(w, x->in.port->counters, DROP_NO_MEMORY, m);
			return;
		}
	} else {
		uint8_t *info = rte_pktmbuf_mtod(m, uint8_t *) + h->info_off;

		lm_wire_put32(info, x->out.slice_id);
		if (h->type == LM_WIRE_LOCATOR)
			lm_wire_put32(info + 4, x->out.vif_id);
		pop(m, x->in.port->tag.len);
		if (!push(m, &x->out.port->tag)) {
			drop(w, x->in.port->counters, DROP_NO_MEMORY, m);
			return;
		}
	}
	count(&c->tx_pkts, 1);
	count(&c->tx_bytes, m->data_len);
	port_output(w, x->out.port, m);
}

/* A frame with a valid slice header. */
static inline void slice_input(struct worker *w, const struct table *t, struct port *p,
	const struct lm_wire_hdr *h, struct rte_mbuf *m)
{
	const struct binding *b = table_find(t, p->port_id, h->type, h->slice_id, h->vif_id);

	if (unlikely(b == NULL)) {
		b = table_find(t, p->port_id, 0, h->slice_id, 0);
		drop(w, p->counters, b == NULL ? DROP_UNKNOWN_SLICE : DROP_UNKNOWN_VIF, m);
		return;
	}
	if (unlikely(b->xc != NULL)) {
		cross(w, b->xc, h, m);
		return;
	}
	if (h->type <= LM_WIRE_VIF) {
		pop(m, h->hdr_len);
	} else {
		/* all vifs of a key are inline here and agree on the most words (vif.add) */
		if (unlikely(h->words > b->vifs.v[0]->max_words)) {
			drop(w, p->counters, DROP_TOO_MANY_WORDS, m);
			return;
		}
		pop(m, p->tag.len);
	}
	deliver(w, &b->vifs, NULL, p->counters, m);
}

static void trunk_input(struct worker *w, const struct table *t, struct port *p, struct rte_mbuf *m)
{
	struct lm_wire_hdr h;
	enum lm_wire_verdict v = lm_wire_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
		w->substrate->opt.slice_ethertype, p->vlan, &h);

	if (likely(v == LM_WIRE_OK))
		slice_input(w, t, p, &h, m);
	else if (v != LM_WIRE_PLAIN)
		drop(w, p->counters, drop_of_verdict(v), m);
	else if (t->plain[p->port_id].n == 0)
		drop(w, p->counters, DROP_NO_LEGACY_VIF, m);
	else
		deliver(w, &t->plain[p->port_id], NULL, p->counters, m);
}

static void access_input(
	struct worker *w, const struct table *t, struct port *p, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	if (unlikely(m->data_len < LM_WIRE_ETH_LEN))
		drop(w, p->counters, DROP_RUNT, m);
	else if (unlikely(lm_wire_hops(frame, m->data_len, w->substrate->opt.slice_ethertype)))
		drop(w, p->counters, DROP_SLICE_HOPPING, m);
	else if (unlikely(t->plain[p->port_id].n == 0))
		drop(w, p->counters, DROP_NO_ACCESS_VIF, m);
	else
		deliver(w, &t->plain[p->port_id], NULL, p->counters, m);
}

/* Longer than the port's MTU allows (a VLAN tag is not counted)? */
static inline bool port_over_mtu(const struct port *p, const struct rte_mbuf *m)
{
	uint32_t most = LM_WIRE_ETH_LEN + (uint32_t)p->mtu;
	uint16_t type;

	if (likely(m->data_len <= most))
		return false;
	type = lm_wire_get16(rte_pktmbuf_mtod(m, const uint8_t *) + LM_WIRE_MACS_LEN);
	return m->data_len > most + LM_WIRE_VLAN_LEN ||
	       (type != LM_WIRE_ETHERTYPE_VLAN && type != LM_WIRE_ETHERTYPE_QINQ);
}

void port_input(
	struct worker *w, const struct table *t, struct port *p, struct rte_mbuf **m, uint16_t n)
{
	struct counters *c = &p->counters[w->idx];
	uint64_t octets = 0;

	for (uint16_t i = 0; i < n; i++)
		octets += m[i]->pkt_len;
	count(&c->rx_pkts, n);
	count(&c->rx_bytes, octets);
	for (uint16_t i = 0; i < n; i++) {
		if (i + 2 < n)
			rte_prefetch0(rte_pktmbuf_mtod(m[i + 2], void *));
		if (unlikely(m[i]->nb_segs > 1 && rte_pktmbuf_linearize(m[i]) != 0))
			drop(w, p->counters, DROP_SEGMENTED, m[i]);
		else if (unlikely(port_over_mtu(p, m[i])))
			drop(w, p->counters, DROP_OVER_MTU, m[i]);
		else if (p->mode == PORT_TRUNK)
			trunk_input(w, t, p, m[i]);
		else
			access_input(w, t, p, m[i]);
	}
}

/* From an inline vif: the sliver wrote the slice header; what it may not choose is overwritten. */
static void inline_input(struct worker *w, struct vif *v, struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t ethertype = w->substrate->opt.slice_ethertype;
	enum lm_wire_verdict bad;
	uint32_t hdr_end;

	if (lm_wire_get16(frame + LM_WIRE_MACS_LEN) != ethertype) {
		drop(w, v->counters, DROP_NOT_SLICE, m);
		return;
	}
	if (m->data_len < LM_WIRE_ETH_LEN + 2) {
		drop(w, v->counters, DROP_TRUNCATED, m);
		return;
	}
	if (frame[14] != v->type) {
		drop(w, v->counters, DROP_WRONG_TYPE, m);
		return;
	}
	bad = lm_wire_check_type(frame[14], frame[15]);
	if (bad != LM_WIRE_OK) {
		drop(w, v->counters, drop_of_verdict(bad), m);
		return;
	}
	if (frame[15] > v->max_words) {
		drop(w, v->counters, DROP_TOO_MANY_WORDS, m);
		return;
	}
	hdr_end = LM_WIRE_ETH_LEN + LM_WIRE_HDR_LEN(frame[15]);
	if (m->data_len < hdr_end) {
		drop(w, v->counters, DROP_TRUNCATED, m);
		return;
	}
	if (m->data_len - hdr_end > v->mtu) {
		drop(w, v->counters, DROP_OVER_MTU, m);
		return;
	}
	lm_wire_put32(frame + 16, v->slice_id);
	if (v->type == LM_WIRE_LOCATOR)
		lm_wire_put32(frame + 20, v->vif_id);
	if (!push(m, &v->port->tag))
		drop(w, v->counters, DROP_NO_MEMORY, m);
	else
		port_output(w, v->port, m);
}

/* From a strip vif: a plain frame of at least 14 octets. */
static inline void strip_input(
	struct worker *w, const struct table *t, struct vif *v, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned int payload = m->data_len - LM_WIRE_ETH_LEN;
	uint16_t type = lm_wire_get16(frame + LM_WIRE_MACS_LEN);
	bool tagged = type == LM_WIRE_ETHERTYPE_VLAN || type == LM_WIRE_ETHERTYPE_QINQ;

	if (unlikely(lm_wire_hops(frame, m->data_len, w->substrate->opt.slice_ethertype))) {
		drop(w, v->counters, DROP_SLICE_HOPPING, m);
		return;
	}
	if (unlikely(payload > v->mtu) &&
		(!tagged || v->attach == ATTACH_TRUNK ||
			payload > (unsigned int)v->mtu + LM_WIRE_VLAN_LEN)) {
		drop(w, v->counters, DROP_OVER_MTU, m);
		return;
	}
	switch (v->attach) {
	case ATTACH_TRUNK:
		if (unlikely(!push(m, &v->header)))
			drop(w, v->counters, DROP_NO_MEMORY, m);
		else
			port_output(w, v->port, m);
		break;
	case ATTACH_ACCESS:
	case ATTACH_LEGACY:
		port_output(w, v->port, m);
		break;
	case ATTACH_PATCH:
		deliver(w, &t->peers[v->slot], v, v->counters, m);
		break;
	}
}

void vif_input(
	struct worker *w, const struct table *t, struct vif *v, struct rte_mbuf **m, uint16_t n)
{
	struct counters *c = &v->counters[w->idx];
	uint64_t octets = 0;

	for (uint16_t i = 0; i < n; i++)
		octets += m[i]->data_len;
	count(&c->tx_pkts, n);
	count(&c->tx_bytes, octets);
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *src = rte_pktmbuf_mtod(m[i], const uint8_t *) + RTE_ETHER_ADDR_LEN;

		if (unlikely(m[i]->data_len < LM_WIRE_ETH_LEN))
			drop(w, v->counters, DROP_RUNT, m[i]);
		else if (unlikely(lm_wire_is_group(src) || !(v->promisc || has_mac(v, src))))
			drop(w, v->counters, DROP_BAD_SOURCE_MAC, m[i]);
		else if (v->is_inline)
			inline_input(w, v, m[i]);
		else
			strip_input(w, t, v, m[i]);
	}
}
