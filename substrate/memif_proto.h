/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif 2.0 on the wire and in shared memory. Everything is in host byte order: both ends are on
 * one machine. "c2s" is client to server, "s2c" server to client (older texts say slave and
 * master).
 */
#ifndef LM_SUBSTRATE_MEMIF_PROTO_H
#define LM_SUBSTRATE_MEMIF_PROTO_H

#include <stdint.h>

#define MEMIF_VERSION	     0x0200
#define MEMIF_COOKIE	     0x3E31F20u
#define MEMIF_LOG2_RING_MAX  14
#define MEMIF_REGIONS_MAX    4
#define MEMIF_REGION_OCTETS  (64u * 1024 * 1024) /* all regions of one interface together */
#define MEMIF_DESC_CHAIN_MAX 16			 /* descriptors a received frame may use */

enum memif_msg_type {
	MEMIF_MSG_ACK = 1,
	MEMIF_MSG_HELLO,
	MEMIF_MSG_INIT,
	MEMIF_MSG_ADD_REGION,
	MEMIF_MSG_ADD_RING,
	MEMIF_MSG_CONNECT,
	MEMIF_MSG_CONNECTED,
	MEMIF_MSG_DISCONNECT,
};

#define MEMIF_MODE_ETHERNET   0
#define MEMIF_ADD_RING_F_C2S  1
#define MEMIF_DESC_F_NEXT     1
#define MEMIF_RING_F_MASK_INT 1
#define MEMIF_NAME_OCTETS     32
#define MEMIF_SECRET_OCTETS   24
#define MEMIF_REASON_OCTETS   96

/* One control message: always 128 octets of a SOCK_SEQPACKET socket. Limits in HELLO count from 0:
 * max_c2s_ring 0 means one ring. */
struct memif_msg {
	uint16_t type;
	union {
		struct {
			char name[MEMIF_NAME_OCTETS];
			uint16_t min_version, max_version;
			uint16_t max_region, max_s2c_ring, max_c2s_ring;
			uint8_t max_log2_ring_size;
		} __attribute__((packed)) hello;
		struct {
			uint16_t version;
			uint32_t id;
			uint8_t mode;
			char secret[MEMIF_SECRET_OCTETS];
			char name[MEMIF_NAME_OCTETS];
		} __attribute__((packed)) init;
		struct {
			uint16_t index;
			uint64_t size;
		} __attribute__((packed)) add_region;
		struct {
			uint16_t flags, index, region;
			uint32_t offset;
			uint8_t log2_ring_size;
			uint16_t private_hdr_size;
		} __attribute__((packed)) add_ring;
		struct {
			char if_name[MEMIF_NAME_OCTETS];
		} connect; /* CONNECTED has the same shape */
		struct {
			uint32_t code;
			char reason[MEMIF_REASON_OCTETS];
		} __attribute__((packed)) disconnect;
		uint8_t octets[126];
	} __attribute__((packed));
} __attribute__((packed));
_Static_assert(sizeof(struct memif_msg) == 128, "memif control message");

/*
 * A descriptor as two words, so that each is loaded and stored once.
 * info: flags (bits 0-15), region (16-31), length (32-63). where: offset (0-31), metadata (32-63).
 */
struct memif_desc {
	uint64_t info;
	uint64_t where;
};
_Static_assert(sizeof(struct memif_desc) == 16, "memif descriptor");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "descriptor words are little-endian");

static inline uint64_t memif_desc_info(uint16_t flags, uint16_t region, uint32_t length)
{
	return flags | (uint64_t)region << 16 | (uint64_t)length << 32;
}

/* A ring: its indices count on for ever and wrap at 65,536; slot = index modulo ring size. */
struct memif_ring {
	uint32_t cookie;
	uint16_t flags;
	uint16_t head; /* written by the client: frames sent (c2s), buffers given (s2c) */
	uint8_t pad0[56];
	uint16_t tail; /* written by the server: frames taken (c2s), buffers filled (s2c) */
	uint8_t pad1[62];
	struct memif_desc desc[];
};
_Static_assert(sizeof(struct memif_ring) == 128, "memif ring header");

static inline uint32_t memif_ring_octets(uint8_t log2_size)
{
	return (uint32_t)sizeof(struct memif_ring) +
	       ((uint32_t)sizeof(struct memif_desc) << log2_size);
}

#endif
