/* SPDX-License-Identifier: BSD-3-Clause */
/* memif control messages: checked when they come in, filled when they go out, sent and received. */
#ifndef LM_SUBSTRATE_MEMIF_MSG_H
#define LM_SUBSTRATE_MEMIF_MSG_H

#include <stdbool.h>
#include <stddef.h>

#include "substrate/memif_proto.h"

/**
 * Take one message from `len` octets at `buf` (pure). Text fields come out terminated and
 * printable. Returns NULL when the message obeys the protocol, else the rule it breaks (static
 * text, which is also what the peer is told).
 */
const char *memif_msg_parse(const void *buf, size_t len, struct memif_msg *out);

/** True for the messages that carry exactly one descriptor; all others carry none. */
bool memif_msg_wants_fd(uint16_t type);

void memif_msg_hello(struct memif_msg *msg, const char *name, uint8_t max_log2_ring_size);
void memif_msg_init(struct memif_msg *msg, const char *name, uint32_t id);
void memif_msg_ack(struct memif_msg *msg);
void memif_msg_add_region(struct memif_msg *msg, uint16_t index, uint64_t size);
void memif_msg_add_ring(struct memif_msg *msg, bool c2s, uint32_t offset, uint8_t log2_ring_size);
void memif_msg_connect(struct memif_msg *msg, uint16_t type, const char *if_name);
void memif_msg_disconnect(struct memif_msg *msg, const char *reason);

/** Send a message, with descriptor `fd` unless it is -1. Never blocks: 0 or -errno, -EAGAIN from a
 * peer that does not read. */
int memif_msg_send(int sock, const struct memif_msg *msg, int fd);

/**
 * Receive one message without blocking. 1: `msg` is good, and `*fd` is its descriptor (the caller's
 * to close) or -1. 0: nothing there. -1: `*why` says what is wrong (static text); `*told` is true
 * when the peer is still there to be told. Descriptors that do not belong are closed.
 */
int memif_msg_recv(int sock, struct memif_msg *msg, int *fd, const char **why, bool *told);

#endif
