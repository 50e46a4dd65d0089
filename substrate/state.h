/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the substrate knows: ports, vifs, cross-connects, workers. Configuration fields are written
 * by the control thread before an object is published in a table (table.h) and never after. Fields
 * marked "owner" belong to the one worker that serves the object.
 */
#ifndef LM_SUBSTRATE_STATE_H
#define LM_SUBSTRATE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include <jansson.h>
#include <rte_common.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "mp/err.h"
#include "substrate/drop.h"
#include "substrate/memif.h"
#include "substrate/wire.h"

#define BURST	    64
#define NAME_LEN    128
#define WORKERS_MAX 32
#define VMACS_MAX   64

struct event_base;
struct table;
struct substrate;

/* One writer each (a worker); the control thread reads and adds up. */
struct counters {
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	uint64_t drops[DROP_REASONS];
} __rte_cache_aligned;

static inline void count(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

/* Owner: frames that wait for the end of this round of the worker's loop. */
struct outq {
	struct rte_mbuf *m[BURST];
	struct outq *next; /* in the worker's list of queues to flush */
	uint16_t n;
	bool listed;
	bool is_port;
};

enum port_mode { PORT_TRUNK, PORT_ACCESS };
/* How a sleeping worker learns of frames on a port. */
enum port_wait { PORT_WAIT_FD, PORT_WAIT_TIMER, PORT_WAIT_POLL };

struct port {
	struct outq out; /* owner; first, so that an outq of a port is the port */
	TAILQ_ENTRY(port) next;
	char name[NAME_LEN];
	struct worker *worker;
	struct counters *counters; /* by worker */
	uint32_t id;		   /* unique for ever */
	uint16_t port_id;	   /* DPDK's */
	uint16_t mtu;		   /* payload octets behind the (tagged) Ethernet header */
	uint16_t vlan;		   /* 0: untagged */
	enum port_mode mode;
	enum port_wait wait;
	struct lm_wire_template tag; /* the VLAN tag alone; empty when untagged */
	/* for PORT_WAIT_FD */
	int rx_fd;
	bool rx_fd_is_packet; /* an AF_PACKET socket (owned by the PMD) */
	bool rx_intr;	      /* an interrupt eventfd to enable before and read after */
	bool rx_fd_parked;    /* owner: interface down, not in the epoll set for now */
};

enum attach_kind { ATTACH_TRUNK, ATTACH_ACCESS, ATTACH_LEGACY, ATTACH_PATCH };

struct vif;

/* A kind of vif back-end. open and close run on the control thread, the rest on the owner. */
struct vif_backend {
	const char *kind;
	/* Make it from the request's "backend" object. */
	int (*open)(struct substrate *s, struct vif *v, const json_t *params, struct lm_err *err);
	/* No worker knows v any more. keep: the process ends, what shall survive it stays. */
	void (*close)(struct vif *v, bool keep);
	/* Frames from the sliver, each a whole mbuf of the worker's. Returns how many. */
	uint16_t (*rx)(struct worker *w, struct vif *v, struct rte_mbuf **m);
	/* Frames to the sliver (n >= 1); mbufs stay the caller's. Returns how many went; *why says
	 * what stopped the rest. */
	uint16_t (*tx)(struct vif *v, struct rte_mbuf *const *m, uint16_t n, enum drop_reason *why);
	bool (*is_up)(const struct vif *v);
	/* Ask to be woken; true: frames wait already. NULL: the epoll set does it alone. */
	bool (*arm)(struct vif *v);
	void (*disarm)(struct vif *v);
	/* Add what the back-end itself counted. NULL: nothing. */
	void (*add_drops)(const struct vif *v, uint64_t drops[DROP_REASONS]);
};

struct memif_listener;

struct vif {
	struct outq out; /* owner; first, as in struct port */
	TAILQ_ENTRY(vif) next;
	char name[NAME_LEN];
	struct worker *worker;
	struct counters *counters; /* by worker; rx and tx as the sliver sees them */
	uint32_t id;		   /* unique for ever */
	uint32_t slot;		   /* index in the table */
	uint32_t slice_id;
	uint32_t vif_id;
	enum attach_kind attach;
	struct port *port;   /* trunk, access, legacy */
	char link[NAME_LEN]; /* patch */
	uint8_t type;	     /* trunk: slice header type */
	uint8_t max_words;   /* inline: most words that frames may carry */
	bool is_inline;
	bool promisc;
	uint16_t mtu;
	uint16_t n_macs;
	uint8_t macs[VMACS_MAX][RTE_ETHER_ADDR_LEN];
	struct lm_wire_template header; /* trunk and strip: what egress puts in front */
	const struct vif_backend *backend;
	union {
		struct {
			struct lm_memif *m;
			struct memif_listener *listener;
			struct substrate *substrate;
			int epoll_fd; /* in the worker's epoll set; -1 */
			time_t logged_s;
		} memif;
		struct {
			int fd;
			atomic_bool ready; /* owner sets and clears; frames may be there */
			atomic_bool gone;  /* the device was deleted by the sliver */
		} tap;
	};
};

/* One direction of transit: what comes with key `in` leaves with key `out`. */
struct wire_key {
	struct port *port;
	uint32_t slice_id;
	uint32_t vif_id;
	uint8_t type;
};

struct xc {
	TAILQ_ENTRY(xc) next;
	char name[NAME_LEN];
	struct wire_key in, out;
	struct lm_wire_template header; /* types 1 and 2 */
	struct counters *counters;	/* by worker; tx_* alone are used */
};

/* Where a frame goes that another worker shall send; lies in the mbuf's private area. */
struct handover {
	uint32_t id;
	uint16_t slot; /* a vif's slot or a DPDK port id */
	bool is_port;
};

struct worker {
	struct substrate *substrate;
	unsigned int idx;   /* 0.. */
	unsigned int lcore; /* DPDK's lcore id */
	int epfd;	    /* everything that can wake it */
	int tap_epfd;	    /* TAPs alone, inside epfd; asked now and then while busy too */
	int wake_fd;
	struct rte_ring *inbox; /* frames from other workers */
	struct outq *dirty;
	/* mbufs ready to be filled, and their data as the memif library wants it */
	struct rte_mbuf *spare[BURST];
	struct lm_memif_frame frames[BURST];
	uint16_t n_spare;
	unsigned int tap_countdown;
	atomic_bool sleeping;
	atomic_uint_fast64_t wakeups;
} __rte_cache_aligned;

struct options {
	const char *name;
	const char *rpc_path;
	const char *cores;
	const char *load_file;
	const char *pidfile;
	unsigned int memory_mb;
	unsigned int frame_max;
	uint16_t slice_ethertype;
	bool poll;
	bool huge;
	bool pci;
};

TAILQ_HEAD(port_list, port);
TAILQ_HEAD(vif_list, vif);
TAILQ_HEAD(xc_list, xc);

struct substrate {
	struct options opt;
	struct event_base *base;
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr;
	struct table *_Atomic table; /* what workers use; replaced as a whole */
	atomic_bool stop;
	unsigned int n_workers;
	struct worker workers[WORKERS_MAX];
	struct port_list ports;
	struct vif_list vifs;
	struct xc_list xcs;
	uint32_t last_id;
};

/** Wake a worker that may sleep. Any thread. */
void worker_wake(struct worker *w);

/** Wait until no worker uses what was unpublished before. Control thread. */
void substrate_synchronize(struct substrate *s);

/** Counters for each worker, zeroed. NULL: out of memory. Free with free(). */
struct counters *counters_new(const struct substrate *s);

#endif
