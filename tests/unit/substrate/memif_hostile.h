/* SPDX-License-Identifier: BSD-3-Clause */
/* A memif client written against the protocol alone, so that a test can break any rule of it. */
#ifndef LM_TESTS_MEMIF_HOSTILE_H
#define LM_TESTS_MEMIF_HOSTILE_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "memif_fixture.h"
#include "substrate/memif_kick.h"
#include "substrate/memif_msg.h"

#define H_LOG2	 4
#define H_SLOTS	 (1u << H_LOG2)
#define H_BUFFER 2048u
#define H_RING	 (128u + 16u * H_SLOTS)
#define H_START	 4096u
#define H_SIZE	 (H_START + 2 * H_SLOTS * H_BUFFER)

struct hostile {
	struct event_base *base;
	int sock, mem, efd[2];
	uint8_t *addr;
	struct memif_ring *c2s, *s2c;
	uint64_t announce; /* size in ADD_REGION */
	struct memif_msg last;
};

static inline void h_connect(struct hostile *h, struct event_base *base, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	memset(h, 0, sizeof(*h));
	h->base = base;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	h->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(h->sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
	h->mem = -1;
	h->efd[0] = eventfd(0, EFD_NONBLOCK);
	h->efd[1] = eventfd(0, EFD_NONBLOCK);
}

/* Memory as a good client would make it; flags as of memfd_create(). */
static inline void h_memory(struct hostile *h, unsigned flags, off_t size, int seals)
{
	h->mem = memfd_create("hostile", flags);
	ck_assert_int_ge(h->mem, 0);
	ck_assert_int_eq(ftruncate(h->mem, size), 0);
	h->addr = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, h->mem, 0);
	ck_assert(h->addr != MAP_FAILED);
	if (seals != 0)
		ck_assert_int_eq(fcntl(h->mem, F_ADD_SEALS, seals), 0);
	h->announce = H_SIZE;
	if (size < (off_t)H_SIZE)
		return;
	h->c2s = (struct memif_ring *)(void *)h->addr;
	h->s2c = (struct memif_ring *)(void *)(h->addr + H_RING);
	h->c2s->cookie = h->s2c->cookie = MEMIF_COOKIE;
	for (unsigned i = 0; i < H_SLOTS; i++) {
		h->c2s->desc[i].info = memif_desc_info(0, 0, 64);
		h->c2s->desc[i].where = H_START + i * H_BUFFER;
		h->s2c->desc[i].info = memif_desc_info(0, 0, H_BUFFER);
		h->s2c->desc[i].where = H_START + (H_SLOTS + i) * H_BUFFER;
	}
}

/* The server's next answer: its type, 0 when it hung up. */
static inline uint16_t h_answer(struct hostile *h)
{
	ssize_t n = -1;

	pump_until(h->base, (n = recv(h->sock, &h->last, sizeof(h->last), MSG_DONTWAIT)) >= 0);
	return n == (ssize_t)sizeof(h->last) ? h->last.type : 0;
}

static inline uint16_t h_send(struct hostile *h, const struct memif_msg *msg, int fd)
{
	ck_assert_int_eq(memif_msg_send(h->sock, msg, fd), 0);
	return h_answer(h);
}

/* HELLO and INIT. */
static inline void h_init(struct hostile *h, uint32_t id)
{
	struct memif_msg msg;

	ck_assert_uint_eq(h_answer(h), MEMIF_MSG_HELLO);
	memif_msg_init(&msg, "hostile", id);
	ck_assert_uint_eq(h_send(h, &msg, -1), MEMIF_MSG_ACK);
}

static inline uint16_t h_region(struct hostile *h)
{
	struct memif_msg msg;

	memif_msg_add_region(&msg, 0, h->announce);
	return h_send(h, &msg, h->mem);
}

static inline uint16_t h_ring(struct hostile *h, bool c2s)
{
	struct memif_msg msg;

	memif_msg_add_ring(&msg, c2s, c2s ? 0 : H_RING, H_LOG2);
	return h_send(h, &msg, h->efd[c2s ? 0 : 1]);
}

static inline uint16_t h_finish(struct hostile *h)
{
	struct memif_msg msg;

	memif_msg_connect(&msg, MEMIF_MSG_CONNECT, "hostile");
	return h_send(h, &msg, -1);
}

/* Everything right up to CONNECTED. */
static inline void h_up(struct hostile *h, uint32_t id)
{
	h_init(h, id);
	h_memory(h, MFD_ALLOW_SEALING, H_SIZE, F_SEAL_SHRINK);
	ck_assert_uint_eq(h_region(h), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_ring(h, true), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_ring(h, false), MEMIF_MSG_ACK);
	ck_assert_uint_eq(h_finish(h), MEMIF_MSG_CONNECTED);
}

static inline void h_close(struct hostile *h)
{
	if (h->addr != NULL)
		munmap(h->addr, H_SIZE);
	close(h->sock);
	if (h->mem >= 0)
		close(h->mem);
	close(h->efd[0]);
	close(h->efd[1]);
}

/* --- the server under attack, with a neighbour on the same socket --- */

static struct event_base *base;
static const char *path;
static struct lm_memif_listener *l;
static struct end victim, good_srv, good_cli; /* id 1 is attacked, id 2 is the neighbour */
static unsigned fds_before;

static inline unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static inline void setup(void)
{
	struct lm_err err;

	memset(&victim, 0, sizeof(victim));
	memset(&good_srv, 0, sizeof(good_srv));
	memset(&good_cli, 0, sizeof(good_cli));
	base = event_base_new();
	path = socket_path();
	l = lm_memif_listen(base, path, geteuid(), (gid_t)-1, &err);
	ck_assert_msg(l != NULL, "%s", err.msg);
	struct lm_memif_conf conf = end_conf(&victim, 1, 10);
	victim.m = lm_memif_server_new(l, &conf, &err);
	conf = end_conf(&good_srv, 2, 10);
	good_srv.m = lm_memif_server_new(l, &conf, &err);
	conf = end_conf(&good_cli, 2, 10);
	good_cli.m = lm_memif_client_new(base, path, &conf, &err);
	pump_until(base, good_srv.ups == 1 && good_cli.ups == 1);
	memif_kick(-1); /* makes this thread's kicker, which holds a descriptor */
	fds_before = open_fds();
}

static inline void teardown(void)
{
	lm_memif_free(good_cli.m);
	lm_memif_free(good_srv.m);
	lm_memif_free(victim.m);
	lm_memif_listener_free(l);
	event_base_free(base);
}

/* The attack is over: the neighbour never noticed, no descriptor was kept, and a client that keeps
 * the rules is served on the same id. */
static inline void check_unharmed(struct hostile *h)
{
	struct lm_err err;
	struct end cli = {0};

	h_close(h);
	pump_until(base, !lm_memif_is_up(victim.m) && open_fds() == fds_before);
	ck_assert_uint_eq(good_srv.downs + good_cli.downs, 0);
	pass_frames(good_cli.m, good_srv.m, 500, 64);
	pass_frames(good_srv.m, good_cli.m, 500, 64);
	struct lm_memif_conf conf = end_conf(&cli, 1, 10);
	cli.m = lm_memif_client_new(base, path, &conf, &err);
	pump_until(base, lm_memif_is_up(victim.m) && cli.ups == 1);
	pass_frames(cli.m, victim.m, 500, 64);
	lm_memif_free(cli.m);
	pump_until(base, !lm_memif_is_up(victim.m));
}

#endif
