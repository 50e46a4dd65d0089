/* SPDX-License-Identifier: BSD-3-Clause */
#include "substrate/memif_ring.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define LOAD_ACQUIRE(p)	    __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define LOAD(p)		    __atomic_load_n(p, __ATOMIC_RELAXED)
#define STORE(p, v)	    __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define STORE_RELEASE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define unlikely(x)	    __builtin_expect(!!(x), 0)
#define likely(x)	    __builtin_expect(!!(x), 1)

typedef uint8_t v16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t u64u __attribute__((aligned(1), may_alias));
typedef uint32_t u32u __attribute__((aligned(1), may_alias));

static inline void copy16(uint8_t *d, const uint8_t *s)
{
	*(v16 *)d = *(const v16 *)s;
}

/* Copy exactly n octets. Frames are mostly small: up to 128 octets go without a call, as pieces
 * from both ends that may overlap. */
static inline __attribute__((always_inline)) void copy_frame(
	uint8_t *d, const uint8_t *s, uint32_t n)
{
	if (unlikely(n > 128)) {
		memcpy(d, s, n);
	} else if (likely(n >= 64)) {
		copy16(d, s);
		copy16(d + 16, s + 16);
		copy16(d + 32, s + 32);
		copy16(d + 48, s + 48);
		if (n > 64) {
			copy16(d + n - 64, s + n - 64);
			copy16(d + n - 48, s + n - 48);
			copy16(d + n - 32, s + n - 32);
			copy16(d + n - 16, s + n - 16);
		}
	} else if (n >= 16) {
		copy16(d, s);
		if (n > 32)
			copy16(d + 16, s + 16);
		if (n > 48)
			copy16(d + 32, s + 32);
		copy16(d + n - 16, s + n - 16);
	} else if (n >= 8) {
		*(u64u *)d = *(const u64u *)s;
		*(u64u *)(d + n - 8) = *(const u64u *)(s + n - 8);
	} else if (n >= 4) {
		*(u32u *)d = *(const u32u *)s;
		*(u32u *)(d + n - 4) = *(const u32u *)(s + n - 4);
	} else {
		for (uint32_t i = 0; i < n; i++)
			d[i] = s[i];
	}
}

/* A descriptor as loaded once from shared memory and found good. */
struct slot {
	uint8_t *data;
	uint32_t len;
	uint16_t flags;
	uint16_t region;
};

/* Load descriptor `d` and check that the memory it names is there. NULL or the broken rule. */
static inline __attribute__((always_inline)) const char *load_desc(
	const struct memif_rings *r, const struct memif_desc *d, struct slot *out)
{
	uint64_t info = LOAD(&d->info);
	uint32_t offset = (uint32_t)LOAD(&d->where);
	const struct memif_region *g;

	out->flags = (uint16_t)info;
	out->region = (uint16_t)(info >> 16);
	out->len = (uint32_t)(info >> 32);
	if (unlikely(out->region >= r->n_regions))
		return "descriptor names a region that does not exist";
	g = &r->region[out->region % MEMIF_REGIONS_MAX];
	if (unlikely((uint64_t)offset + out->len > g->size))
		return "descriptor points outside its region";
	out->data = g->addr + offset;
	return NULL;
}

static inline uint8_t *own_buffer(const struct memif_queue *q, uint16_t index)
{
	return q->buffers + (size_t)(index & q->mask) * q->stride;
}

/* The same for a client, which knows where its buffers are and believes only a checked length. */
static inline __attribute__((always_inline)) const char *load_own(
	const struct memif_queue *q, uint16_t index, struct slot *out)
{
	uint64_t info = LOAD(&q->ring->desc[index & q->mask].info);

	out->flags = (uint16_t)info;
	out->region = 0;
	out->len = (uint32_t)(info >> 32);
	out->data = own_buffer(q, index);
	return likely(out->len <= q->buffer_len) ? NULL : "frame is longer than its buffer";
}

const char *memif_queue_attach(struct memif_queue *q, const struct memif_rings *r, uint16_t region,
	uint32_t offset, uint8_t log2_size)
{
	if (log2_size < 1 || log2_size > MEMIF_LOG2_RING_MAX)
		return "ring size is not 2^1 to 2^14";
	if (region >= r->n_regions)
		return "ring names a region that does not exist";
	if (offset % sizeof(struct memif_desc) != 0)
		return "ring is not aligned to 16 octets";
	if ((uint64_t)offset + memif_ring_octets(log2_size) > r->region[region].size)
		return "ring lies outside its region";
	q->ring = (struct memif_ring *)(void *)(r->region[region].addr + offset);
	q->mask = (uint16_t)((1u << log2_size) - 1);
	q->pos = 0;
	q->peer = 0;
	return LOAD(&q->ring->cookie) == MEMIF_COOKIE ? NULL : "ring has no cookie";
}

void memif_rings_start(struct memif_rings *r)
{
	struct memif_queue *rx = &r->rx;
	struct memif_queue *tx = &r->tx;

	r->broken = NULL;
	STORE(&rx->ring->flags, MEMIF_RING_F_MASK_INT);
	if (r->server) {
		STORE_RELEASE(&rx->ring->tail, 0);
		STORE_RELEASE(&tx->ring->tail, 0);
		return;
	}
	for (unsigned i = 0; i <= rx->mask; i++) {
		STORE(&rx->ring->desc[i].info, memif_desc_info(0, 0, rx->buffer_len));
		STORE(&tx->ring->desc[i].info, memif_desc_info(0, 0, tx->buffer_len));
		STORE(&rx->ring->desc[i].where,
			(uint32_t)(own_buffer(rx, (uint16_t)i) - r->region[0].addr));
		STORE(&tx->ring->desc[i].where,
			(uint32_t)(own_buffer(tx, (uint16_t)i) - r->region[0].addr));
	}
	STORE_RELEASE(&tx->ring->head, 0);
	STORE_RELEASE(&rx->ring->head, (uint16_t)(rx->mask + 1));
}

/* Frames or buffers from the peer, `want` of them if there are; at most the ring's size. */
static inline uint16_t available(
	struct memif_rings *r, struct memif_queue *q, const uint16_t *index, uint16_t want)
{
	uint16_t n = q->peer - q->pos;

	if (n >= want)
		return n;
	q->peer = LOAD_ACQUIRE(index);
	n = q->peer - q->pos;
	if (unlikely(n > q->mask + 1)) {
		r->broken = "ring index is further ahead than the ring is long";
		q->peer = q->pos;
		return 0;
	}
	return n;
}

/*
 * A frame in several descriptors, gathered into one buffer. The whole chain must already be there:
 * a sender publishes its last descriptor with the first. Returns the descriptors used; 0 when the
 * peer broke a rule. *taken: the frame fitted.
 */
static uint16_t take_chain(
	struct memif_rings *r, uint16_t have, struct lm_memif_frame *f, bool *taken)
{
	struct memif_queue *q = &r->rx;
	uint32_t len = 0;
	bool fits = true;

	for (uint16_t used = 0; used < have; used++) {
		struct slot s;
		uint16_t index = q->pos + used;
		const char *why = r->server ? load_desc(r, &q->ring->desc[index & q->mask], &s)
					    : load_own(q, index, &s);
		if (why == NULL && (s.flags & ~MEMIF_DESC_F_NEXT) != 0)
			why = "unknown flag of a descriptor";
		if (why == NULL && used >= MEMIF_DESC_CHAIN_MAX)
			why = "frame is in more than 16 descriptors";
		if (why != NULL) {
			r->broken = why;
			return 0;
		}
		fits = fits && s.len <= f->len && len + s.len <= f->len;
		if (fits)
			memcpy((uint8_t *)f->data + len, s.data, s.len);
		len += fits ? s.len : 0;
		if ((s.flags & MEMIF_DESC_F_NEXT) == 0) {
			*taken = fits;
			if (fits)
				f->len = (uint16_t)len;
			return used + 1;
		}
	}
	r->broken = "frame's last descriptor is missing";
	return 0;
}

struct batch {
	struct slot slot[LM_MEMIF_BURST_MAX];
	uint16_t n;	 /* frames to copy */
	uint16_t used;	 /* descriptors they and the skipped ones take */
	bool stop_chain; /* the next descriptor starts a chain */
};

/* First pass: descriptors of up to n frames, skipped ones counted, that are in one buffer each. The
 * data is prefetched, so that the second pass finds it near. */
static inline void scan(struct memif_rings *r, const struct lm_memif_frame *frames, uint16_t n,
	uint16_t have, struct batch *b)
{
	struct memif_queue *q = &r->rx;

	b->n = b->used = 0;
	b->stop_chain = false;
	while (b->used < have && b->used < n) {
		struct slot *s = &b->slot[b->n];
		const char *why = load_desc(r, &q->ring->desc[(q->pos + b->used) & q->mask], s);
		if (unlikely(why != NULL)) {
			r->broken = why;
			return;
		}
		if (unlikely(s->flags != 0)) {
			b->stop_chain = true;
			return;
		}
		__builtin_prefetch(s->data);
		b->used++;
		if (unlikely(s->len > frames[b->n].len))
			r->stats.rx_too_long++;
		else
			b->n++;
	}
}

static uint16_t server_rx(struct memif_rings *r, struct lm_memif_frame *frames, uint16_t n)
{
	struct memif_queue *q = &r->rx;
	struct batch b;
	uint64_t octets = 0;
	uint16_t got = 0;
	/* Frames that are dropped count like taken ones: a peer that sends nothing else, and as
	 * fast as they are dropped, must not keep the thread in here. */
	uint16_t left = n;

	uint16_t have = available(r, q, &q->ring->head, n);
	uint16_t first = q->pos;
	while (left > 0 && have > 0 && r->broken == NULL) {
		scan(r, frames + got, left, have, &b);
		for (uint16_t i = 0; i < b.n; i++) {
			struct lm_memif_frame *f = &frames[got + i];
			copy_frame(f->data, b.slot[i].data, b.slot[i].len);
			f->len = (uint16_t)b.slot[i].len;
			octets += b.slot[i].len;
		}
		got += b.n;
		q->pos += b.used;
		have -= b.used;
		left -= b.used;
		if (b.stop_chain && left > 0) {
			bool taken = false;
			/* the rest of the chain may have come after the index was read */
			have = available(r, q, &q->ring->head, UINT16_MAX);
			uint16_t used =
				r->broken == NULL ? take_chain(r, have, &frames[got], &taken) : 0;
			q->pos += used;
			have -= used;
			left--;
			if (taken)
				octets += frames[got++].len;
			else if (used > 0)
				r->stats.rx_too_long++;
		}
	}
	if (q->pos != first)
		STORE_RELEASE(&q->ring->tail, q->pos);
	STORE(&r->stats.rx_pkts, r->stats.rx_pkts + got);
	STORE(&r->stats.rx_bytes, r->stats.rx_bytes + octets);
	return got;
}

static uint16_t client_rx(struct memif_rings *r, struct lm_memif_frame *frames, uint16_t n)
{
	struct memif_queue *q = &r->rx;
	uint64_t octets = 0;
	uint16_t got = 0;
	uint16_t used = 0;

	uint16_t have = available(r, q, &q->ring->tail, n);
	for (uint16_t i = 0; i < have && i < n; i++)
		__builtin_prefetch(own_buffer(q, q->pos + i));
	while (used < have && got < n) {
		struct slot s;
		const char *why = load_own(q, q->pos + used, &s);
		if (unlikely(why != NULL)) {
			r->broken = why;
			break;
		}
		if (unlikely(s.flags != 0))
			break;
		used++;
		if (unlikely(s.len > frames[got].len)) {
			r->stats.rx_too_long++;
			continue;
		}
		copy_frame(frames[got].data, s.data, s.len);
		frames[got++].len = (uint16_t)s.len;
		octets += s.len;
	}
	if (unlikely(used < have && got < n && r->broken == NULL)) {
		/* a frame in several buffers: one a burst is enough, they are rare */
		bool taken = false;
		q->pos += used;
		uint16_t chain = take_chain(
			r, available(r, q, &q->ring->tail, UINT16_MAX), &frames[got], &taken);
		q->pos -= used;
		used += chain;
		if (taken)
			octets += frames[got++].len;
		else if (chain > 0)
			r->stats.rx_too_long++;
	}
	for (uint16_t i = 0; i < used; i++) /* give the buffers again */
		STORE(&q->ring->desc[(q->pos + i) & q->mask].info,
			memif_desc_info(0, 0, q->buffer_len));
	if (used > 0) {
		q->pos += used;
		STORE_RELEASE(&q->ring->head, (uint16_t)(q->pos + q->mask + 1));
	}
	STORE(&r->stats.rx_pkts, r->stats.rx_pkts + got);
	STORE(&r->stats.rx_bytes, r->stats.rx_bytes + octets);
	return got;
}

static inline void count_broken(struct memif_rings *r)
{
	if (unlikely(r->broken != NULL))
		STORE(&r->stats.bad_desc, r->stats.bad_desc + 1);
}

uint16_t memif_rings_rx(struct memif_rings *r, struct lm_memif_frame *frames, uint16_t n)
{
	uint16_t got = r->server ? server_rx(r, frames, n) : client_rx(r, frames, n);

	count_broken(r);
	return got;
}

/* Copy into buffers that the peer chose: each is checked; a frame that does not fit is dropped. */
static uint16_t server_tx(struct memif_rings *r, const struct lm_memif_frame *frames, uint16_t n)
{
	struct memif_queue *q = &r->tx;
	struct slot slot[LM_MEMIF_BURST_MAX];
	uint64_t octets = 0;
	uint16_t filled = 0;
	uint16_t done;

	uint16_t have = available(r, q, &q->ring->head, n);
	if (have > n)
		have = n;
	for (done = 0; done < have; done++) {
		const char *why =
			load_desc(r, &q->ring->desc[(q->pos + done) & q->mask], &slot[done]);
		if (unlikely(why != NULL)) {
			r->broken = why;
			break;
		}
		__builtin_prefetch(slot[done].data, 1);
	}
	have = done;
	for (done = 0; done < n && filled < have; done++) {
		const struct lm_memif_frame *f = &frames[done];
		const struct slot *s = &slot[filled];
		struct memif_desc *d = &q->ring->desc[(q->pos + filled) & q->mask];
		if (unlikely(f->len > s->len)) {
			STORE(&r->stats.tx_too_long, r->stats.tx_too_long + 1);
			continue;
		}
		copy_frame(s->data, f->data, f->len);
		STORE(&d->info, memif_desc_info(0, s->region, f->len));
		octets += f->len;
		filled++;
	}
	if (filled > 0) {
		q->pos += filled;
		STORE_RELEASE(&q->ring->tail, q->pos);
	}
	STORE(&r->stats.tx_pkts, r->stats.tx_pkts + filled);
	STORE(&r->stats.tx_bytes, r->stats.tx_bytes + octets);
	return done;
}

static uint16_t client_tx(struct memif_rings *r, const struct lm_memif_frame *frames, uint16_t n)
{
	struct memif_queue *q = &r->tx;
	uint64_t octets = 0;
	uint16_t sent = 0;
	uint16_t done;

	/* `peer` is the server's tail, behind `pos` by what it still has to take */
	uint16_t room = q->mask + 1 - (uint16_t)(q->pos - q->peer);
	if (room < n) {
		q->peer = LOAD_ACQUIRE(&q->ring->tail);
		uint16_t queued = q->pos - q->peer;
		if (unlikely(queued > q->mask + 1)) {
			r->broken = "ring index is further ahead than the ring is long";
			q->peer = q->pos;
			return 0;
		}
		room = q->mask + 1 - queued;
	}
	for (uint16_t i = 0; i < n && i < room; i++)
		__builtin_prefetch(own_buffer(q, q->pos + i), 1);
	for (done = 0; done < n && sent < room; done++) {
		const struct lm_memif_frame *f = &frames[done];
		if (unlikely(f->len > q->buffer_len)) {
			STORE(&r->stats.tx_too_long, r->stats.tx_too_long + 1);
			continue;
		}
		copy_frame(own_buffer(q, q->pos + sent), f->data, f->len);
		STORE(&q->ring->desc[(q->pos + sent) & q->mask].info,
			memif_desc_info(0, 0, f->len));
		octets += f->len;
		sent++;
	}
	if (sent > 0) {
		q->pos += sent;
		STORE_RELEASE(&q->ring->head, q->pos);
	}
	STORE(&r->stats.tx_pkts, r->stats.tx_pkts + sent);
	STORE(&r->stats.tx_bytes, r->stats.tx_bytes + octets);
	return done;
}

uint16_t memif_rings_tx(
	struct memif_rings *r, const struct lm_memif_frame *frames, uint16_t n, bool *kick)
{
	uint16_t before = r->tx.pos;
	uint16_t done = r->server ? server_tx(r, frames, n) : client_tx(r, frames, n);

	count_broken(r);
	if (unlikely(done < n))
		STORE(&r->stats.tx_ring_full, r->stats.tx_ring_full + (n - done));
	*kick = false;
	if (r->tx.pos != before) {
		/* The index must be visible before the flag is read: the receiver writes the flag,
		 * fences, then reads the index. One of the two sees the other. */
		atomic_thread_fence(memory_order_seq_cst);
		*kick = (LOAD(&r->tx.ring->flags) & MEMIF_RING_F_MASK_INT) == 0;
	}
	return done;
}

void memif_rings_ask(struct memif_rings *r, bool interrupts)
{
	STORE(&r->rx.ring->flags, interrupts ? 0 : MEMIF_RING_F_MASK_INT);
	atomic_thread_fence(memory_order_seq_cst);
}

bool memif_rings_pending(const struct memif_rings *r)
{
	const struct memif_ring *ring = r->rx.ring;

	return (r->server ? LOAD_ACQUIRE(&ring->head) : LOAD_ACQUIRE(&ring->tail)) != r->rx.pos;
}
