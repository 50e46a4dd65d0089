/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's side of the control protocol. A peer that breaks a rule is told which and cut off.
 */
#include "substrate/memif_listener.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mp/log.h"
#include "substrate/memif_msg.h"

#define PROGRAM "lamina"

struct memif_conn {
	struct lm_memif_listener *listener;
	struct lm_memif *m; /* from INIT on */
	int sock;
	bool half_open;
	struct event *read_ev;
	struct event *timeout_ev;
	TAILQ_ENTRY(memif_conn) entry;
};

static void leave_half_open(struct memif_conn *c)
{
	if (!c->half_open)
		return;
	c->half_open = false;
	c->listener->half_open--;
	event_del(c->timeout_ev);
}

void memif_conn_close(struct memif_conn *c, const char *why)
{
	struct lm_memif *m = c->m;

	leave_half_open(c);
	TAILQ_REMOVE(&c->listener->conns, c, entry);
	if (c->read_ev != NULL)
		event_free(c->read_ev);
	if (c->timeout_ev != NULL)
		event_free(c->timeout_ev);
	shutdown(c->sock, SHUT_RDWR); /* the peer knows at once */
	memif_closer_put(c->listener->closer, c->sock);
	free(c);
	if (m != NULL) {
		m->conn = NULL;
		memif_go_down(m, why);
	}
}

static void refuse(struct memif_conn *c, const char *why)
{
	struct memif_msg bye;

	memif_msg_disconnect(&bye, why);
	(void)memif_msg_send(c->sock, &bye, -1); /* a courtesy; it is cut off anyway */
	memif_conn_close(c, why);
}

void memif_server_hang_up(struct lm_memif *m, const char *why)
{
	struct memif_conn *c = m->conn;

	if (c == NULL)
		return;
	c->m = NULL;
	m->conn = NULL;
	refuse(c, why);
}

static struct lm_memif *find_vif(const struct lm_memif_listener *l, uint32_t id)
{
	struct lm_memif *m = TAILQ_FIRST(&l->vifs);

	while (m != NULL && m->conf.id != id)
		m = TAILQ_NEXT(m, entry);
	return m;
}

/* The largest ring that any interface takes: at HELLO it is not known which one is wanted. */
static uint8_t largest_ring(const struct lm_memif_listener *l)
{
	uint8_t log2 = 1;

	for (struct lm_memif *m = TAILQ_FIRST(&l->vifs); m != NULL; m = TAILQ_NEXT(m, entry)) {
		if (m->conf.ring_size_log2 > log2)
			log2 = m->conf.ring_size_log2;
	}
	return log2;
}

static const char *take_init(struct memif_conn *c, const struct memif_msg *msg)
{
	if (c->m != NULL)
		return "INIT comes once";
	struct lm_memif *m = find_vif(c->listener, msg->init.id);
	if (m == NULL)
		return "no interface has this id";
	if (m->state == MEMIF_DRAIN)
		return "interface is still closing, try again";
	if (m->state != MEMIF_IDLE)
		return "interface is already connected";
	m->state = MEMIF_SETUP;
	m->conn = c;
	c->m = m;
	return NULL;
}

static const char *take_region(struct lm_memif *m, const struct memif_msg *msg, int *fd)
{
	struct memif_rings *r = &m->rings;
	uint64_t total = msg->add_region.size;

	if (msg->add_region.index != r->n_regions)
		return "regions are not numbered in order";
	for (unsigned i = 0; i < r->n_regions; i++)
		total += r->region[i].size;
	if (total > MEMIF_REGION_OCTETS)
		return "regions are over 64 MiB together";
	/* what is waited for in there is the peer's doing, and charged to it as well */
	int64_t wall_us = memif_clock_us(CLOCK_MONOTONIC);
	int64_t cpu_us = memif_clock_us(CLOCK_THREAD_CPUTIME_ID);
	const char *why = memif_region_map(*fd, msg->add_region.size, &r->region[r->n_regions]);
	m->listener->spent_us += memif_clock_us(CLOCK_MONOTONIC) - wall_us -
				 (memif_clock_us(CLOCK_THREAD_CPUTIME_ID) - cpu_us);
	if (why != NULL)
		return why;
	r->n_regions++;
	close(*fd); /* a memfd, and mapped: nothing waits */
	*fd = -1;
	return NULL;
}

static const char *take_ring(struct lm_memif *m, const struct memif_msg *msg, int *fd)
{
	bool c2s = (msg->add_ring.flags & MEMIF_ADD_RING_F_C2S) != 0;
	struct memif_queue *q = c2s ? &m->rings.rx : &m->rings.tx;
	int *into = c2s ? &m->rx_fd : &m->tx_fd;

	if (q->ring != NULL || *into >= 0)
		return "ring is given twice";
	if (msg->add_ring.log2_ring_size > m->conf.ring_size_log2)
		return "ring is larger than this interface takes";
	const char *why = memif_queue_attach(q, &m->rings, msg->add_ring.region,
		msg->add_ring.offset, msg->add_ring.log2_ring_size);
	if (why == NULL)
		why = memif_check_eventfd(*fd);
	if (why != NULL)
		return why;
	*into = *fd;
	*fd = -1;
	return NULL;
}

static const char *take_connect(struct memif_conn *c)
{
	struct lm_memif *m = c->m;
	struct memif_msg answer;

	if (m->rings.rx.ring == NULL || m->rings.tx.ring == NULL)
		return "a ring is missing";
	memif_msg_connect(&answer, MEMIF_MSG_CONNECTED, m->name);
	if (memif_msg_send(c->sock, &answer, -1) < 0)
		return "peer does not read its control socket";
	leave_half_open(c);
	memif_go_up(m);
	return NULL;
}

/* One good message. NULL, or the rule it breaks here and now. Takes *fd over by setting it to -1.
 */
static const char *take(struct memif_conn *c, const struct memif_msg *msg, int *fd)
{
	struct memif_msg ack;
	const char *why;

	if (msg->type != MEMIF_MSG_INIT && c->m == NULL)
		return "INIT comes first";
	if (c->m != NULL && c->m->state != MEMIF_SETUP)
		return "interface is already up";
	switch (msg->type) {
	case MEMIF_MSG_INIT:
		why = take_init(c, msg);
		break;
	case MEMIF_MSG_ADD_REGION:
		why = take_region(c->m, msg, fd);
		break;
	case MEMIF_MSG_ADD_RING:
		why = take_ring(c->m, msg, fd);
		break;
	case MEMIF_MSG_CONNECT:
		return take_connect(c);
	default:
		return "message is not one that a client sends";
	}
	if (why != NULL)
		return why;
	memif_msg_ack(&ack);
	return memif_msg_send(c->sock, &ack, -1) < 0 ? "peer does not read its control socket"
						     : NULL;
}

static void read_one(struct memif_conn *c)
{
	struct lm_memif_listener *l = c->listener;
	struct memif_msg msg;
	const char *why = NULL;
	bool told;
	int fd;

	int rc = memif_msg_recv(c->sock, &msg, &fd, &why, &told);
	if (rc == 0)
		return;
	if (rc < 0) {
		if (told)
			refuse(c, why);
		else
			memif_conn_close(c, why);
		return;
	}
	if (msg.type == MEMIF_MSG_DISCONNECT) {
		lm_debug("memif %s: client leaves: %s", c->m != NULL ? c->m->name : "-",
			msg.disconnect.reason);
		memif_conn_close(c, "client disconnected");
		return;
	}
	why = take(c, &msg, &fd);
	if (fd >= 0)
		memif_closer_put(l->closer, fd);
	if (why != NULL) {
		lm_debug("memif %s: client refused: %s", c->m != NULL ? c->m->name : "-", why);
		refuse(c, why);
	}
}

static void on_read(evutil_socket_t sock, short what, void *arg)
{
	struct memif_conn *c = arg;
	struct lm_memif_listener *l = c->listener;
	int64_t since_us = memif_clock_us(CLOCK_THREAD_CPUTIME_ID);

	(void)sock;
	(void)what;
	read_one(c);
	memif_listener_charge(l, since_us);
}

void memif_conn_hear(struct memif_conn *c, bool hear)
{
	if (hear)
		event_add(c->read_ev, NULL);
	else
		event_del(c->read_ev);
}

struct memif_conn *memif_conn_next(const struct lm_memif_listener *l, struct memif_conn *c)
{
	return c == NULL ? TAILQ_FIRST(&l->conns) : TAILQ_NEXT(c, entry);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	refuse(arg, "no interface was connected in 2 s");
}

void memif_conn_new(struct lm_memif_listener *l, int sock)
{
	struct timeval limit = {.tv_sec = MEMIF_HANDSHAKE_MS / 1000};
	struct memif_conn *c = calloc(1, sizeof(*c));
	struct memif_msg hello;

	if (c == NULL) {
		memif_closer_put(l->closer, sock);
		return;
	}
	c->listener = l;
	c->sock = sock;
	c->half_open = true;
	l->half_open++;
	TAILQ_INSERT_TAIL(&l->conns, c, entry);
	c->read_ev = event_new(l->base, sock, EV_READ | EV_PERSIST, on_read, c);
	c->timeout_ev = evtimer_new(l->base, on_timeout, c);
	memif_msg_hello(&hello, PROGRAM, largest_ring(l));
	if (c->read_ev == NULL || c->timeout_ev == NULL || event_add(c->read_ev, NULL) < 0 ||
		event_add(c->timeout_ev, &limit) < 0 || memif_msg_send(sock, &hello, -1) < 0)
		memif_conn_close(c, "control socket failed");
}

struct lm_memif *lm_memif_server_new(
	struct lm_memif_listener *l, const struct lm_memif_conf *conf, struct lm_err *err)
{
	if (find_vif(l, conf->id) != NULL) {
		lm_err_set(err, EEXIST, "memif id %u is taken at %s", conf->id, l->path);
		return NULL;
	}
	struct lm_memif *m = memif_new(l->base, conf, true, err);
	if (m == NULL)
		return NULL;
	m->listener = l;
	TAILQ_INSERT_TAIL(&l->vifs, m, entry);
	return m;
}

void memif_server_forget(struct lm_memif *m)
{
	TAILQ_REMOVE(&m->listener->vifs, m, entry);
	m->listener = NULL;
}
