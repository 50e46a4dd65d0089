/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif 2.0 for both roles: the server that a node must trust (it trusts nothing it shares) and the
 * client of a forwarding plane. Control runs on a libevent loop; each queue pair is then used by
 * one datapath thread. Protocol facts: docs/memif.md.
 */
#ifndef LM_SUBSTRATE_MEMIF_H
#define LM_SUBSTRATE_MEMIF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mp/err.h"

struct event_base;
struct lm_memif;	  /* one interface: a server's vif or a client's connection */
struct lm_memif_listener; /* a server's socket; carries several interfaces by id */

#define LM_MEMIF_BURST_MAX 64

/** One frame on its way out of or into a ring: where the caller's copy is. */
struct lm_memif_frame {
	void *data;
	uint16_t len; /* octets; for receive in: room at data, out: octets copied */
};

struct lm_memif_stats {
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	uint64_t rx_too_long;  /* the frame did not fit the caller's buffer */
	uint64_t bad_desc;     /* the peer broke a rule of the rings; the interface was shut */
	uint64_t tx_ring_full; /* frames that a call to lm_memif_tx() found no room for */
	uint64_t tx_too_long;  /* the frame did not fit the peer's buffer: dropped */
};

struct lm_memif_conf {
	uint16_t id;
	uint8_t ring_size_log2; /* 1-14; client: what it asks for; server: the most it takes */
	uint16_t buffer_size;	/* client: octets a buffer, >= largest frame; rounded up to 64 */
	const char *name;	/* shown to the peer, at most 31 octets */
	/* Called on the control thread. up: the datapath may now use the interface. down: it is
	 * already shut to the datapath; lm_memif_quiesced() must be called once no thread is inside
	 * rx/tx (may be called inside). */
	void (*on_up)(void *ctx, struct lm_memif *m);
	void (*on_down)(void *ctx, struct lm_memif *m, const char *why);
	void *ctx;
};

/**
 * Listen for clients at `path` (socket owned by uid:gid, mode 0600; only a peer whose SO_PEERCRED
 * uid is `uid` is taken; (uid_t)-1: any). NULL with `err` on failure.
 */
struct lm_memif_listener *lm_memif_listen(
	struct event_base *base, const char *path, uid_t uid, gid_t gid, struct lm_err *err);
void lm_memif_listener_free(struct lm_memif_listener *l);

/** Add interface conf->id to a listener: a server waits there for its client. EEXIST for a taken
 * id. */
struct lm_memif *lm_memif_server_new(
	struct lm_memif_listener *l, const struct lm_memif_conf *conf, struct lm_err *err);

/** A client of the server at `path`; it connects, and connects again for ever (first at once, then
 * every 100 ms). */
struct lm_memif *lm_memif_client_new(struct event_base *base, const char *path,
	const struct lm_memif_conf *conf, struct lm_err *err);

/** End the interface. The datapath must already have let go of it. */
void lm_memif_free(struct lm_memif *m);

/** After on_down: no datapath thread is inside lm_memif_rx/tx any more; shared memory is unmapped
 * now. */
void lm_memif_quiesced(struct lm_memif *m);

/* --- datapath: one thread; nothing here makes a system call but lm_memif_tx when the peer sleeps
 * (one eventfd write a burst) --- */

/**
 * Copy up to n frames (n <= LM_MEMIF_BURST_MAX) out of the ring into the callers' buffers. Returns
 * the number taken. A frame is copied before anything looks at it. A broken descriptor shuts the
 * interface (0 from then on).
 */
uint16_t lm_memif_rx(struct lm_memif *m, struct lm_memif_frame *frames, uint16_t n);

/**
 * Copy up to n frames into the ring. Returns the number taken; the rest found no room. A frame that
 * is longer than the peer's buffer counts as taken, and in tx_too_long.
 */
uint16_t lm_memif_tx(struct lm_memif *m, const struct lm_memif_frame *frames, uint16_t n);

/** True when the interface is up (connected, memory mapped, not shut). */
bool lm_memif_is_up(const struct lm_memif *m);

/**
 * The eventfd that a sleeping receiver waits for. A client has the same one all its life. A server
 * gets another with each connection: valid from on_up until lm_memif_quiesced(), else -1. Wait for
 * a server's with EPOLLET (the peer could keep its counter above 0), and take it out of the epoll
 * set in on_down (the peer keeps the file open, so closing it does not).
 */
int lm_memif_rx_fd(const struct lm_memif *m);

/**
 * Before sleeping: ask the peer for interrupts (clear MASK_INT, fence). Returns true when frames
 * are already waiting (then do not sleep). lm_memif_rx_disarm() after waking: sets MASK_INT; a
 * client's eventfd is set to 0.
 */
bool lm_memif_rx_arm(struct lm_memif *m);
void lm_memif_rx_disarm(struct lm_memif *m);

void lm_memif_stats(const struct lm_memif *m, struct lm_memif_stats *out);

#endif
