/* SPDX-License-Identifier: BSD-3-Clause */
/* IP headers as octets: no alignment assumed, nothing but what forwarding needs. */
#ifndef LM_FP_IP_H
#define LM_FP_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>

struct lm_ip4 {
	uint8_t version_ihl;
	uint8_t tos;
	uint16_t total_len;
	uint16_t id;
	uint16_t frag;
	uint8_t ttl;
	uint8_t proto;
	uint16_t checksum;
	uint32_t src;
	uint32_t dst;
} __attribute__((packed));

struct lm_ip6 {
	uint32_t version_class_flow;
	uint16_t payload_len;
	uint8_t next_header;
	uint8_t hop_limit;
	uint8_t src[16];
	uint8_t dst[16];
} __attribute__((packed));

/** True when the one's complement sum of a header of `words` 32-bit words is right (RFC 1071). */
static inline bool lm_ip4_checksum_ok(const struct lm_ip4 *ip, unsigned int words)
{
	const uint8_t *p = (const uint8_t *)ip;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < words; i++) {
		uint32_t v;

		memcpy(&v, p + 4 * i, sizeof(v));
		sum += v;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/** TTL - 1 with the checksum kept right (RFC 1624 for a change of one word). */
static inline void lm_ip4_decrement_ttl(struct lm_ip4 *ip)
{
	uint32_t sum = (uint32_t)ip->checksum + htons(0x0100);

	ip->checksum = (uint16_t)(sum + (sum >= 0xffff));
	ip->ttl--;
}

static inline uint32_t lm_mix32(uint64_t v)
{
	v ^= v >> 32;
	v *= 0xff51afd7ed558ccdULL;
	v ^= v >> 29;
	v *= 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(v >> 32);
}

static inline bool lm_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/**
 * A flow's hash over addresses, protocol and ports; all fragments of a packet hash alike. `seed` is
 * the router's own: if all hashed alike, the flows that one sends to another would all be of the
 * same half there, too, and take one of its paths.
 */
static inline uint32_t lm_ip4_flow_hash(const struct lm_ip4 *ip, uint64_t seed)
{
	uint64_t v = (uint64_t)ip->src << 32 | ip->dst;
	uint32_t ports = 0;

	if (lm_has_ports(ip->proto) && (ip->frag & htons(0x3fff)) == 0 &&
		ntohs(ip->total_len) >= sizeof(*ip) + 4)
		memcpy(&ports, ip + 1, sizeof(ports));
	v = v * 0x9e3779b97f4a7c15ULL ^ ((uint64_t)ports << 8 | ip->proto);
	return lm_mix32(v + seed);
}

/** The same for IPv6. */
static inline uint32_t lm_ip6_flow_hash(const struct lm_ip6 *ip, uint64_t seed)
{
	uint64_t a[4];
	uint32_t ports = 0;

	memcpy(a, ip->src, sizeof(ip->src));
	memcpy(a + 2, ip->dst, sizeof(ip->dst));
	if (lm_has_ports(ip->next_header) && ntohs(ip->payload_len) >= 4)
		memcpy(&ports, ip + 1, sizeof(ports));
	a[0] = (a[0] ^ (a[1] * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;
	a[2] = (a[2] ^ (a[3] * 0x9e3779b97f4a7c15ULL)) * 0xc4ceb9fe1a85ec53ULL;
	return lm_mix32((a[0] ^ (a[2] >> 7)) + ((uint64_t)ports << 8 | ip->next_header) + seed);
}

static inline bool lm_ip6_is_zero_but_last(const uint8_t *addr)
{
	static const uint8_t zero[15];

	return memcmp(addr, zero, sizeof(zero)) == 0;
}

#endif
