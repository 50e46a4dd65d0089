/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's side: it makes the shared memory, offers it, and starts again whenever the server is
 * gone. Region 0 holds both rings, then the buffers; each slot keeps its buffer for ever.
 */
#include "substrate/memif_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mp/log.h"
#include "mp/unix_path.h"
#include "substrate/memif_msg.h"

#define RETRY_MS 100
#define PROGRAM	 "lamina"

/* What the server's next message must be; an ACK answers what is named here. */
enum step { STEP_HELLO, STEP_INIT, STEP_REGION, STEP_C2S, STEP_S2C, STEP_CONNECTED, STEP_DONE };

struct memif_client {
	struct sockaddr_un server;
	int sock; /* -1: not connected */
	struct event *read_ev;
	struct event *timer; /* the next attempt, or the end of the server's time to answer */
	enum step step;
	uint8_t log2_size;
	int region_fd; /* until the server has it */
	char last_why[MEMIF_REASON_OCTETS];
};

static void after_ms(struct memif_client *cl, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(cl->timer, &tv);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void disconnect(struct memif_client *cl)
{
	if (cl->read_ev != NULL)
		event_free(cl->read_ev);
	cl->read_ev = NULL;
	close_fd(&cl->sock);
	close_fd(&cl->region_fd);
}

/* A server that is away is asked every 100 ms; the same reason is logged once. */
static void note(struct lm_memif *m, const char *why)
{
	struct memif_client *cl = m->client;

	if (strcmp(cl->last_why, why) != 0)
		lm_info("memif %s: not connected to %s: %s", m->name, cl->server.sun_path, why);
	strncpy(cl->last_why, why, sizeof(cl->last_why) - 1);
}

static void fail(struct lm_memif *m, const char *why)
{
	note(m, why);
	memif_client_hang_up(m, why);
	if (m->state == MEMIF_IDLE)
		after_ms(m->client, RETRY_MS);
	else
		memif_go_down(m, why);
}

void memif_client_hang_up(struct lm_memif *m, const char *why)
{
	struct memif_msg bye;

	if (m->client->sock < 0)
		return;
	memif_msg_disconnect(&bye, why);
	(void)memif_msg_send(m->client->sock, &bye, -1);
	disconnect(m->client);
}

void memif_client_idle(struct lm_memif *m)
{
	after_ms(m->client, RETRY_MS);
}

void memif_client_delete(struct lm_memif *m)
{
	disconnect(m->client);
	if (m->client->timer != NULL)
		event_free(m->client->timer);
	free(m->client);
	m->client = NULL;
}

/*
 * Buffers are an odd number of cache lines apart. The first lines of all of them are what both ends
 * touch with every small frame; at a distance of 2 KiB they would share a few sets of each cache.
 */
static uint32_t stride_of(uint32_t buffer_size)
{
	return (buffer_size / 64 | 1) * 64;
}

static int make_memory(struct lm_memif *m, struct lm_err *err)
{
	struct memif_client *cl = m->client;
	struct memif_rings *r = &m->rings;
	uint32_t ring = (memif_ring_octets(cl->log2_size) + 63) / 64 * 64;
	uint32_t start = (2 * ring + 4095) / 4096 * 4096;
	uint32_t stride = stride_of(m->conf.buffer_size);
	uint64_t half = (uint64_t)stride << cl->log2_size;

	cl->region_fd = memif_region_make(start + 2 * half, &r->region[0], err);
	if (cl->region_fd < 0)
		return cl->region_fd;
	r->n_regions = 1;
	for (unsigned i = 0; i < 2; i++) {
		struct memif_queue *q = i == 0 ? &r->tx : &r->rx;
		((struct memif_ring *)(void *)(r->region[0].addr + (size_t)i * ring))->cookie =
			MEMIF_COOKIE;
		const char *why = memif_queue_attach(q, r, 0, i * ring, cl->log2_size);
		if (why != NULL)
			return lm_err_set(err, EINVAL, "memif: %s", why);
		q->buffers = r->region[0].addr + start + i * half;
		q->buffer_len = m->conf.buffer_size;
		q->stride = stride;
	}
	return 0;
}

static const char *take_hello(struct lm_memif *m, const struct memif_msg *msg)
{
	struct memif_client *cl = m->client;
	struct lm_err err;

	cl->log2_size = m->conf.ring_size_log2;
	if (msg->hello.max_log2_ring_size < cl->log2_size)
		cl->log2_size = msg->hello.max_log2_ring_size;
	if (cl->log2_size < 1)
		return "server allows no ring";
	if (make_memory(m, &err) < 0) {
		lm_error("%s", err.msg);
		return "no shared memory";
	}
	return NULL;
}

/* The message after the one that the server just answered. */
static const char *send_next(struct lm_memif *m)
{
	struct memif_client *cl = m->client;
	struct memif_msg msg;
	int fd = -1;

	switch (cl->step) {
	case STEP_HELLO:
		memif_msg_init(&msg, PROGRAM, m->conf.id);
		break;
	case STEP_INIT:
		memif_msg_add_region(&msg, 0, m->rings.region[0].size);
		fd = cl->region_fd;
		break;
	case STEP_REGION:
	case STEP_C2S: {
		bool c2s = cl->step == STEP_REGION;
		const struct memif_queue *q = c2s ? &m->rings.tx : &m->rings.rx;
		memif_msg_add_ring(&msg, c2s,
			(uint32_t)((uint8_t *)q->ring - m->rings.region[0].addr), cl->log2_size);
		fd = c2s ? m->tx_fd : m->rx_fd;
		break;
	}
	default:
		memif_msg_connect(&msg, MEMIF_MSG_CONNECT, m->name);
		break;
	}
	if (memif_msg_send(cl->sock, &msg, fd) < 0)
		return "server does not read its control socket";
	cl->step++;
	return NULL;
}

static const char *take(struct lm_memif *m, const struct memif_msg *msg)
{
	struct memif_client *cl = m->client;
	uint16_t want = cl->step == STEP_HELLO	     ? MEMIF_MSG_HELLO
			: cl->step == STEP_CONNECTED ? MEMIF_MSG_CONNECTED
						     : MEMIF_MSG_ACK;

	if (cl->step == STEP_DONE || msg->type != want)
		return "server sent an unexpected message";
	if (cl->step == STEP_CONNECTED) {
		cl->step = STEP_DONE;
		cl->last_why[0] = '\0';
		close_fd(&cl->region_fd);
		event_del(cl->timer);
		memif_go_up(m);
		return NULL;
	}
	const char *why = cl->step == STEP_HELLO ? take_hello(m, msg) : NULL;
	return why != NULL ? why : send_next(m);
}

static void on_read(evutil_socket_t sock, short what, void *arg)
{
	struct lm_memif *m = arg;
	struct memif_msg msg;
	const char *why = NULL;
	bool told;
	int fd;

	(void)what;
	int rc = memif_msg_recv((int)sock, &msg, &fd, &why, &told);
	if (rc == 0)
		return;
	if (rc > 0 && fd >= 0)
		close(fd);
	if (rc > 0 && msg.type == MEMIF_MSG_DISCONNECT) {
		char reason[MEMIF_REASON_OCTETS];
		memcpy(reason, msg.disconnect.reason, sizeof(reason));
		fail(m, reason);
		return;
	}
	if (rc > 0)
		why = take(m, &msg);
	if (why != NULL)
		fail(m, why);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lm_memif *m = arg;
	struct memif_client *cl = m->client;

	(void)fd;
	(void)what;
	if (cl->sock >= 0) {
		fail(m, "server does not answer");
		return;
	}
	cl->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (cl->sock < 0) {
		fail(m, strerror(errno));
		return;
	}
	if (connect(cl->sock, (struct sockaddr *)&cl->server, sizeof(cl->server)) < 0) {
		int code = errno;
		disconnect(cl);
		fail(m, strerror(code));
		return;
	}
	cl->step = STEP_HELLO;
	cl->read_ev = event_new(m->base, cl->sock, EV_READ | EV_PERSIST, on_read, m);
	if (cl->read_ev == NULL || event_add(cl->read_ev, NULL) < 0) {
		fail(m, "out of memory");
		return;
	}
	m->state = MEMIF_SETUP;
	after_ms(cl, MEMIF_HANDSHAKE_MS);
}

static int client_init(struct lm_memif *m, const char *path, struct lm_err *err)
{
	struct memif_client *cl = calloc(1, sizeof(*cl));

	if (cl == NULL)
		return lm_err_set(err, ENOMEM, "memif: out of memory");
	cl->sock = cl->region_fd = -1;
	m->client = cl;
	if (lm_unix_addr(&cl->server, path, err) < 0)
		return -err->code;
	m->own_fds = true;
	m->rx_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	m->tx_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	cl->timer = evtimer_new(m->base, on_timer, m);
	if (m->rx_fd < 0 || m->tx_fd < 0 || cl->timer == NULL)
		return lm_err_errno(
			err, errno != 0 ? errno : ENOMEM, "memif: cannot make an eventfd");
	after_ms(cl, 0);
	return 0;
}

struct lm_memif *lm_memif_client_new(struct event_base *base, const char *path,
	const struct lm_memif_conf *conf, struct lm_err *err)
{
	uint32_t buffer = ((uint32_t)conf->buffer_size + 63) / 64 * 64;

	if (conf->buffer_size < 64 || buffer > UINT16_MAX ||
		2 * ((uint64_t)stride_of(buffer) << conf->ring_size_log2) +
				2 * memif_ring_octets(conf->ring_size_log2) + 8192 >
			MEMIF_REGION_OCTETS) {
		lm_err_set(err, EINVAL,
			"memif %s: buffer_size %u with ring_size_log2 %u needs over 64 MiB, or is "
			"not 64 to 65472",
			conf->name != NULL ? conf->name : "", conf->buffer_size,
			conf->ring_size_log2);
		return NULL;
	}
	struct lm_memif *m = memif_new(base, conf, false, err);
	if (m == NULL)
		return NULL;
	m->conf.buffer_size = (uint16_t)buffer;
	if (client_init(m, path, err) < 0) {
		memif_delete(m);
		return NULL;
	}
	return m;
}
