/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole conversation with a memif server: records of one octet that says which descriptor comes
 * along (and, from 0x80 on, that the message is short) and 128 octets of message. When it ends in a
 * connection, frames are taken and sent over whatever memory was offered.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "substrate/memif_listener.h"
#include "substrate/memif_msg.h"

#define MEMORY 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_base *base;
static struct lm_memif_listener *l;
static struct lm_memif *m;
static int fds[5];

static void setup(void)
{
	static struct lm_memif_conf conf = {.id = 1, .ring_size_log2 = 10, .name = "fuzz"};
	struct lm_err err;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/lm-fuzz-memif-%d.sock", getpid());
	base = event_base_new();
	l = lm_memif_listen(base, path, (uid_t)-1, (gid_t)-1, &err);
	m = l != NULL ? lm_memif_server_new(l, &conf, &err) : NULL;
	if (m == NULL)
		abort();
	unlink(path);
	fds[0] = -1;
	for (int i = 1; i < 3; i++) {
		fds[i] = memfd_create("fuzz", MFD_ALLOW_SEALING);
		if (ftruncate(fds[i], MEMORY) < 0)
			abort();
	}
	fcntl(fds[1], F_ADD_SEALS, F_SEAL_SHRINK);
	uint8_t *rings = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
	for (unsigned offset = 0; offset < MEMORY; offset += 1024)
		((struct memif_ring *)(void *)(rings + offset))->cookie = MEMIF_COOKIE;
	munmap(rings, MEMORY);
	fds[3] = eventfd(0, EFD_NONBLOCK);
	fds[4] = open("/dev/null", O_RDWR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[2048];
	struct memif_msg msg;
	int sv[2];

	if (base == NULL)
		setup();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sv) < 0)
		abort();
	memif_conn_new(l, sv[0]);
	for (; size >= 1 + sizeof(msg); size -= 1 + sizeof(msg), data += 1 + sizeof(msg)) {
		memcpy(&msg, data + 1, sizeof(msg));
		if ((data[0] & 0x80) != 0)
			(void)send(sv[1], &msg, data[0] & 0x7f, MSG_NOSIGNAL);
		else if (memif_msg_send(sv[1], &msg, fds[data[0] % 5]) < 0)
			break;
		event_base_loop(base, EVLOOP_NONBLOCK);
		struct lm_memif_frame f = {.data = buf, .len = sizeof(buf)};
		if (lm_memif_rx(m, &f, 1) == 1)
			(void)lm_memif_tx(m, &f, 1);
	}
	close(sv[1]);
	while (!TAILQ_EMPTY(&l->conns))
		event_base_loop(base, EVLOOP_NONBLOCK);
	if (m->state != MEMIF_IDLE || l->half_open != 0)
		abort();
	return 0;
}
