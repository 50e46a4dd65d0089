/* SPDX-License-Identifier: BSD-3-Clause */
#include "substrate/memif_kick.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64

/*
 * The kernel signals an AIO request's eventfd from the inside, which never blocks, whatever flags
 * the file has; and it refuses other files. The request itself reads nothing from /dev/null. One
 * context a thread, made at its first kick and kept.
 */
struct kicker {
	aio_context_t ctx;
	int null_fd;
};
static _Thread_local struct kicker kicker = {.null_fd = -1};

static bool kicker_open(struct kicker *k)
{
	if (k->null_fd < 0)
		k->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return k->null_fd >= 0 && syscall(SYS_io_setup, EVENTS_MAX, &k->ctx) == 0;
}

bool memif_kick(int fd)
{
	struct kicker *k = &kicker;
	char nothing;
	struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_buf = (uintptr_t)&nothing,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd};
	struct iocb *list = &cb;

	if (k->ctx == 0 && !kicker_open(k))
		return false;
	cb.aio_fildes = (uint32_t)k->null_fd;
	if (syscall(SYS_io_submit, k->ctx, 1, &list) == 1)
		return true;
	if (errno != EAGAIN)
		return false;
	/* The context is full of finished requests: take them out, once every few dozen kicks. */
	struct io_event done[EVENTS_MAX];
	struct timespec now = {0};
	syscall(SYS_io_getevents, k->ctx, 0, EVENTS_MAX, done, &now);
	return syscall(SYS_io_submit, k->ctx, 1, &list) == 1;
}
