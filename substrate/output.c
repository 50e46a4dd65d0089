/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues frames for ports and vifs and sends them at the end of a worker's round. */
#include "substrate/output.h"

#include <rte_memcpy.h>

#include "substrate/datapath.h"

static bool has_tag(const uint8_t *frame)
{
	uint16_t type = lm_wire_get16(frame + LM_WIRE_MACS_LEN);

	return type == LM_WIRE_ETHERTYPE_VLAN || type == LM_WIRE_ETHERTYPE_QINQ;
}

static void flush_port(struct worker *w, struct port *p)
{
	struct counters *c = &p->counters[w->idx];
	uint64_t octets[BURST + 1];
	uint16_t n = p->out.n, sent;

	/* what is sent belongs to the PMD: add up before */
	octets[0] = 0;
	for (uint16_t i = 0; i < n; i++)
		octets[i + 1] = octets[i] + p->out.m[i]->data_len;
	sent = rte_eth_tx_burst(p->port_id, 0, p->out.m, n);
	count(&c->tx_pkts, sent);
	count(&c->tx_bytes, octets[sent]);
	if (sent < n) {
		count(&c->drops[DROP_PORT_TX_FULL], n - sent);
		rte_pktmbuf_free_bulk(p->out.m + sent, n - sent);
	}
	p->out.n = 0;
}

static void flush_vif(struct worker *w, struct vif *v)
{
	struct counters *c = &v->counters[w->idx];
	enum drop_reason why = DROP_VIF_RING_FULL;
	uint64_t octets = 0;
	uint16_t n = v->out.n, sent;

	sent = v->backend->tx(v, v->out.m, n, &why);
	for (uint16_t i = 0; i < sent; i++)
		octets += v->out.m[i]->data_len;
	count(&c->rx_pkts, sent);
	count(&c->rx_bytes, octets);
	if (sent < n)
		count(&c->drops[why], n - sent);
	rte_pktmbuf_free_bulk(v->out.m, n);
	v->out.n = 0;
}

static void flush(struct worker *w, struct outq *q)
{
	if (q->n == 0) /* it was flushed when it was full */
		return;
	if (q->is_port)
		flush_port(w, (struct port *)q);
	else
		flush_vif(w, (struct vif *)q);
}

void worker_flush(struct worker *w)
{
	struct outq *q;

	while ((q = w->dirty) != NULL) {
		w->dirty = q->next;
		q->listed = false;
		flush(w, q);
	}
}

static inline void enqueue(struct worker *w, struct outq *q, struct rte_mbuf *m)
{
	if (unlikely(!q->listed)) {
		q->listed = true;
		q->next = w->dirty;
		w->dirty = q;
	}
	q->m[q->n++] = m;
	if (q->n == BURST)
		flush(w, q);
}

/* Another worker owns the way out. The frame names its goal by slot and id, never by pointer: the
 * object may be gone when that worker comes to it. */
static void hand_over(struct worker *w, struct worker *owner, struct counters *c,
	const struct handover *to, struct rte_mbuf *m)
{
	*(struct handover *)rte_mbuf_to_priv(m) = *to;
	if (rte_ring_mp_enqueue(owner->inbox, m) != 0) {
		drop(w, c, DROP_HANDOVER_FULL, m);
		return;
	}
	/* pairs with the fence in the owner's way to sleep */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&owner->sleeping, memory_order_relaxed))
		worker_wake(owner);
}

void port_output(struct worker *w, struct port *p, struct rte_mbuf *m)
{
	unsigned int payload = m->data_len - LM_WIRE_ETH_LEN;

	if (unlikely(payload > p->mtu) &&
		payload > p->mtu + (has_tag(rte_pktmbuf_mtod(m, uint8_t *)) ? LM_WIRE_VLAN_LEN
									    : 0U)) {
		drop(w, p->counters, DROP_OVER_MTU, m);
		return;
	}
	if (likely(p->worker == w))
		enqueue(w, &p->out, m);
	else
		hand_over(w, p->worker, p->counters,
			&(struct handover){.id = p->id, .slot = p->port_id, .is_port = true}, m);
}

/* May a frame of this size go to the sliver? */
static inline bool fits(const struct vif *v, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned int payload = m->data_len - LM_WIRE_ETH_LEN;

	if (likely(payload <= v->mtu))
		return true;
	if (v->is_inline)
		return payload <= v->mtu + LM_WIRE_HDR_LEN(frame[LM_WIRE_ETH_LEN + 1]);
	/* behind a slice header a tag is payload; elsewhere a link's MTU does not count it */
	return v->attach != ATTACH_TRUNK && has_tag(frame) &&
	       payload <= (unsigned int)v->mtu + LM_WIRE_VLAN_LEN;
}

void vif_output(struct worker *w, struct vif *v, struct rte_mbuf *m)
{
	if (unlikely(!fits(v, m)))
		drop(w, v->counters, DROP_OVER_MTU, m);
	else if (likely(v->worker == w))
		enqueue(w, &v->out, m);
	else
		hand_over(w, v->worker, v->counters,
			&(struct handover){.id = v->id, .slot = (uint16_t)v->slot}, m);
}

void vif_output_copy(struct worker *w, struct vif *v, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (v->worker == w) {
		/* back-ends only read: the same octets serve all */
		rte_mbuf_refcnt_update(m, 1);
		vif_output(w, v, m);
		return;
	}
	copy = rte_pktmbuf_copy(m, w->substrate->pool, 0, UINT32_MAX);
	if (copy == NULL)
		count(&v->counters[w->idx].drops[DROP_NO_MEMORY], 1);
	else
		vif_output(w, v, copy);
}

unsigned int inbox_input(struct worker *w, const struct table *t)
{
	struct rte_mbuf *m[BURST] = {NULL};
	unsigned int n = rte_ring_sc_dequeue_burst(w->inbox, (void **)m, BURST, NULL);

	for (unsigned int i = 0; i < n; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): rte_ring fills it */
		const struct handover *to = rte_mbuf_to_priv(m[i]);

		if (to->is_port) {
			struct port *p = to->slot < RTE_MAX_ETHPORTS ? t->ports[to->slot] : NULL;

			if (p != NULL && p->id == to->id) {
				enqueue(w, &p->out, m[i]);
				continue;
			}
		} else if (to->slot < t->n_slots) {
			struct vif *v = t->vifs[to->slot];

			if (v != NULL && v->id == to->id) {
				enqueue(w, &v->out, m[i]);
				continue;
			}
		}
		rte_pktmbuf_free(m[i]); /* its goal was deleted meanwhile, with its counters */
	}
	return n;
}
