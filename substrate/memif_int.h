/* SPDX-License-Identifier: BSD-3-Clause */
/* One memif interface, as the library's own files see it. */
#ifndef LM_SUBSTRATE_MEMIF_INT_H
#define LM_SUBSTRATE_MEMIF_INT_H

#include <event2/event.h>
#include <sys/queue.h>

#include "substrate/memif.h"
#include "substrate/memif_ring.h"

#define MEMIF_HANDSHAKE_MS 2000

/*
 * IDLE: no peer. SETUP: a peer is there, memory and rings arrive. UP: frames flow. DRAIN: down, but
 * a datapath thread may still be inside; memory stays mapped until lm_memif_quiesced().
 */
enum memif_state { MEMIF_IDLE, MEMIF_SETUP, MEMIF_UP, MEMIF_DRAIN };

struct memif_conn;
struct memif_client;

struct lm_memif {
	/* read by the datapath with every burst */
	bool up;
	bool own_fds; /* the eventfds are ours and non-blocking: plain read() and write() will do */
	int rx_fd, tx_fd;
	struct memif_rings rings;

	/* control thread only */
	enum memif_state state;
	struct lm_memif_conf conf;
	char name[MEMIF_NAME_OCTETS];
	struct event_base *base;
	int broken_fd; /* the datapath tells the control thread that it shut the interface */
	struct event *broken_ev;
	struct lm_memif_listener *listener; /* server */
	struct memif_conn *conn;	    /* server: its peer's control socket, SETUP and UP */
	struct memif_client *client;	    /* client */
	TAILQ_ENTRY(lm_memif) entry;	    /* of its listener */
};

/** What both roles share: allocated, IDLE. NULL with `err`. */
struct lm_memif *memif_new(
	struct event_base *base, const struct lm_memif_conf *conf, bool server, struct lm_err *err);

/** Unmap, close, free; no callbacks. */
void memif_delete(struct lm_memif *m);

/** SETUP to UP: start the rings and tell the owner. */
void memif_go_up(struct lm_memif *m);

/** SETUP to IDLE, or UP to DRAIN with on_down (and to IDLE once quiesced). The peer's control
 * socket is the caller's to close first. */
void memif_go_down(struct lm_memif *m, const char *why);

/** The role's part of ending a connection: tell the peer `why` and close its control socket. */
void memif_server_hang_up(struct lm_memif *m, const char *why);
void memif_client_hang_up(struct lm_memif *m, const char *why);

/** Take a server's interface off its listener. */
void memif_server_forget(struct lm_memif *m);

/** A client may connect again: its memory is gone. */
void memif_client_idle(struct lm_memif *m);
void memif_client_delete(struct lm_memif *m);

#endif
