/* SPDX-License-Identifier: BSD-3-Clause */
#include "substrate/memif_msg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Peers' texts end up in logs and on terminals. */
static void make_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (char *c = text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

static const char *check_add_ring(const struct memif_msg *msg)
{
	if ((msg->add_ring.flags & ~MEMIF_ADD_RING_F_C2S) != 0)
		return "unknown flag of a ring";
	if (msg->add_ring.index != 0)
		return "only one ring a direction";
	if (msg->add_ring.log2_ring_size < 1 || msg->add_ring.log2_ring_size > MEMIF_LOG2_RING_MAX)
		return "ring size is not 2^1 to 2^14";
	if (msg->add_ring.private_hdr_size != 0)
		return "private headers are not supported";
	return NULL;
}

const char *memif_msg_parse(const void *buf, size_t len, struct memif_msg *out)
{
	if (len != sizeof(*out))
		return "message is not 128 octets";
	memcpy(out, buf, sizeof(*out));
	switch (out->type) {
	case MEMIF_MSG_ACK:
		return NULL;
	case MEMIF_MSG_HELLO:
		make_text(out->hello.name, sizeof(out->hello.name));
		if (out->hello.min_version > MEMIF_VERSION ||
			out->hello.max_version < MEMIF_VERSION)
			return "memif version is not 2.0";
		return NULL;
	case MEMIF_MSG_INIT:
		make_text(out->init.name, sizeof(out->init.name));
		if (out->init.version != MEMIF_VERSION)
			return "memif version is not 2.0";
		if (out->init.mode != MEMIF_MODE_ETHERNET)
			return "mode is not Ethernet";
		return NULL;
	case MEMIF_MSG_ADD_REGION:
		if (out->add_region.index >= MEMIF_REGIONS_MAX)
			return "more than 4 regions";
		if (out->add_region.size == 0 || out->add_region.size > MEMIF_REGION_OCTETS)
			return "region is empty or over 64 MiB";
		return NULL;
	case MEMIF_MSG_ADD_RING:
		return check_add_ring(out);
	case MEMIF_MSG_CONNECT:
	case MEMIF_MSG_CONNECTED:
		make_text(out->connect.if_name, sizeof(out->connect.if_name));
		return NULL;
	case MEMIF_MSG_DISCONNECT:
		make_text(out->disconnect.reason, sizeof(out->disconnect.reason));
		return NULL;
	default:
		return "unknown message type";
	}
}

bool memif_msg_wants_fd(uint16_t type)
{
	return type == MEMIF_MSG_ADD_REGION || type == MEMIF_MSG_ADD_RING;
}

static void start(struct memif_msg *msg, uint16_t type)
{
	memset(msg, 0, sizeof(*msg));
	msg->type = type;
}

void memif_msg_hello(struct memif_msg *msg, const char *name, uint8_t max_log2_ring_size)
{
	start(msg, MEMIF_MSG_HELLO);
	snprintf(msg->hello.name, sizeof(msg->hello.name), "%s", name);
	msg->hello.min_version = MEMIF_VERSION;
	msg->hello.max_version = MEMIF_VERSION;
	msg->hello.max_region = MEMIF_REGIONS_MAX - 1;
	msg->hello.max_log2_ring_size = max_log2_ring_size;
}

void memif_msg_init(struct memif_msg *msg, const char *name, uint32_t id)
{
	start(msg, MEMIF_MSG_INIT);
	msg->init.version = MEMIF_VERSION;
	msg->init.id = id;
	msg->init.mode = MEMIF_MODE_ETHERNET;
	snprintf(msg->init.name, sizeof(msg->init.name), "%s", name);
}

void memif_msg_ack(struct memif_msg *msg)
{
	start(msg, MEMIF_MSG_ACK);
}

void memif_msg_add_region(struct memif_msg *msg, uint16_t index, uint64_t size)
{
	start(msg, MEMIF_MSG_ADD_REGION);
	msg->add_region.index = index;
	msg->add_region.size = size;
}

void memif_msg_add_ring(struct memif_msg *msg, bool c2s, uint32_t offset, uint8_t log2_ring_size)
{
	start(msg, MEMIF_MSG_ADD_RING);
	msg->add_ring.flags = c2s ? MEMIF_ADD_RING_F_C2S : 0;
	msg->add_ring.offset = offset;
	msg->add_ring.log2_ring_size = log2_ring_size;
}

void memif_msg_connect(struct memif_msg *msg, uint16_t type, const char *if_name)
{
	start(msg, type);
	snprintf(msg->connect.if_name, sizeof(msg->connect.if_name), "%s", if_name);
}

void memif_msg_disconnect(struct memif_msg *msg, const char *reason)
{
	start(msg, MEMIF_MSG_DISCONNECT);
	snprintf(msg->disconnect.reason, sizeof(msg->disconnect.reason), "%s", reason);
}

int memif_msg_send(int sock, const struct memif_msg *msg, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg)};
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl = {0};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		ctl.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		ctl.hdr.cmsg_level = SOL_SOCKET;
		ctl.hdr.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&ctl.hdr), &fd, sizeof(fd));
		mh.msg_control = &ctl;
		mh.msg_controllen = sizeof(ctl.room);
	}
	ssize_t n = sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*msg) ? 0 : -EMSGSIZE;
}

/* The descriptors of a received message: the first into `fd`, the others closed. Their number. */
static int take_fds(struct msghdr *mh, int *fd)
{
	int count = 0;

	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int one;
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (count++ == 0)
				*fd = one;
			else
				close(one);
		}
	}
	return count;
}

/* One message with at most one descriptor; their number in *count, 2: too many. As recvmsg(). */
static ssize_t receive(int sock, int flags, void *buf, size_t size, int *fd, int *count)
{
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ctl,
		.msg_controllen = CMSG_LEN(sizeof(int))}; /* less than CMSG_SPACE: that is two */

	*fd = -1;
	*count = 0;
	ssize_t n = recvmsg(sock, &mh, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	*count = take_fds(&mh, fd);
	if ((mh.msg_flags & MSG_CTRUNC) != 0)
		*count = 2;
	return n;
}

static const char *check(const void *buf, ssize_t n, struct memif_msg *msg, int count)
{
	const char *why = n == 0 ? "peer is gone" : memif_msg_parse(buf, (size_t)n, msg);

	if (why == NULL && count > 1)
		return "more than one descriptor in a message";
	if (why == NULL && memif_msg_wants_fd(msg->type) != (count == 1))
		return count == 1 ? "descriptor in a message that has none"
				  : "descriptor is missing";
	return why;
}

/*
 * A message is looked at before it is taken: the kernel closes the descriptors that find no room,
 * in this thread, and the last close of a peer's descriptor may take as long as the peer likes.
 * While the message is in the queue no close here is the last.
 */
int memif_msg_recv(int sock, struct memif_msg *msg, int *fd, const char **why, bool *told)
{
	uint8_t buf[sizeof(*msg) + 1]; /* one more: longer messages are noticed */
	int count;

	*told = false;
	ssize_t n = receive(sock, MSG_PEEK, buf, sizeof(buf), fd, &count);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		*why = "control socket failed";
		return -1;
	}
	*told = n > 0;
	*why = check(buf, n, msg, count);
	if (*why != NULL)
		return -1;
	if (receive(sock, 0, buf, sizeof(buf), fd, &count) == n &&
		memif_msg_wants_fd(msg->type) == (*fd >= 0))
		return 1;
	*why = "no descriptor is free";
	if (*fd >= 0)
		close(*fd); /* cannot be: it was not there when the message was looked at */
	*fd = -1;
	return -1;
}
