/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The extended-Ethernet codec (docs/wire-format.md): pure, no DPDK, usable by the substrate, by an
 * FP that takes inline frames, by tests and by fuzzers.
 *
 *   dst 6 | src 6 | [802.1Q 4] | slice EtherType 2 | type 1 | len 1 | info 4*len | inner type 2 |
 * ...
 *
 * What stands between the MAC addresses and the inner EtherType is called the slice header here.
 */
#ifndef LM_SUBSTRATE_WIRE_H
#define LM_SUBSTRATE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LM_WIRE_ETHERTYPE_DEFAULT 0x88B5 /* IEEE 802 local experimental EtherType 1 */
#define LM_WIRE_ETHERTYPE_VLAN	  0x8100
#define LM_WIRE_ETHERTYPE_QINQ	  0x88A8
#define LM_WIRE_ETHERTYPE_MIN	  0x0600 /* less is an 802.3 length */

#define LM_WIRE_MACS_LEN 12 /* destination and source */
#define LM_WIRE_ETH_LEN	 14 /* with an EtherType */
#define LM_WIRE_VLAN_LEN 4

enum lm_wire_type {
	LM_WIRE_SLICE = 1,
	LM_WIRE_VIF = 2,
	LM_WIRE_LOCATOR = 3,
	LM_WIRE_RESERVED_FIRST = 16,
	LM_WIRE_RESERVED_LAST = 31,
	LM_WIRE_OWN_FIRST = 128, /* slice id, then words of the experimenter's own */
};

/* A slice header without VLAN tag: EtherType, type, len and `words` 32-bit words. */
#define LM_WIRE_HDR_LEN(words) (4U + 4U * (words))
/* The longest header that the substrate writes by itself (types 1 and 2, with a VLAN tag). */
#define LM_WIRE_TEMPLATE_MAX (LM_WIRE_VLAN_LEN + LM_WIRE_HDR_LEN(2))

enum lm_wire_verdict {
	LM_WIRE_OK,
	LM_WIRE_PLAIN,	       /* no slice EtherType in its place: a legacy frame */
	LM_WIRE_RUNT,	       /* shorter than an Ethernet header */
	LM_WIRE_WRONG_VLAN,    /* slice EtherType without the tag that this port wants */
	LM_WIRE_TRUNCATED,     /* ends inside the slice header */
	LM_WIRE_TYPE_ZERO,     /* type 0 */
	LM_WIRE_TYPE_RESERVED, /* types 16-31 */
	LM_WIRE_TYPE_UNKNOWN,  /* types 4-15 and 32-127 */
	LM_WIRE_BAD_LEN,       /* len is not what the type demands */
	LM_WIRE_SLICE_ID_ZERO, /* slice id 0 */
	LM_WIRE_VERDICTS
};

/** What a valid slice header says; fields that its type does not carry are 0. */
struct lm_wire_hdr {
	uint32_t slice_id;
	uint32_t vif_id;
	uint32_t src_locator;
	uint32_t dst_locator;
	uint16_t inner_type; /* EtherType, or 802.3 length below 0x0600 */
	uint16_t info_off;   /* octets from the frame's start to the slice id */
	uint16_t hdr_len; /* octets between the MACs and the inner EtherType, VLAN tag included */
	uint8_t type;
	uint8_t words;
};

static inline uint16_t lm_wire_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t lm_wire_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void lm_wire_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void lm_wire_put32(uint8_t *p, uint32_t v)
{
	lm_wire_put16(p, (uint16_t)(v >> 16));
	lm_wire_put16(p + 2, (uint16_t)v);
}

/** Is `words` a valid len of `type`? LM_WIRE_OK or the verdict that says what is wrong. */
static inline enum lm_wire_verdict lm_wire_check_type(uint8_t type, uint8_t words)
{
	if (type >= LM_WIRE_OWN_FIRST)
		return words >= 1 ? LM_WIRE_OK : LM_WIRE_BAD_LEN;
	switch (type) {
	case LM_WIRE_SLICE:
		return words == 1 ? LM_WIRE_OK : LM_WIRE_BAD_LEN;
	case LM_WIRE_VIF:
		return words == 2 ? LM_WIRE_OK : LM_WIRE_BAD_LEN;
	case LM_WIRE_LOCATOR:
		return words == 4 ? LM_WIRE_OK : LM_WIRE_BAD_LEN;
	case 0:
		return LM_WIRE_TYPE_ZERO;
	default:
		break;
	}
	return type >= LM_WIRE_RESERVED_FIRST && type <= LM_WIRE_RESERVED_LAST
		       ? LM_WIRE_TYPE_RESERVED
		       : LM_WIRE_TYPE_UNKNOWN;
}

/* Finds the slice EtherType: its offset in *off when LM_WIRE_OK. */
static inline enum lm_wire_verdict lm_wire_find(
	const uint8_t *frame, size_t len, uint16_t ethertype, uint16_t vlan, uint16_t *off)
{
	uint16_t type;

	if (len < LM_WIRE_ETH_LEN)
		return LM_WIRE_RUNT;
	type = lm_wire_get16(frame + LM_WIRE_MACS_LEN);
	*off = LM_WIRE_MACS_LEN;
	if (vlan == 0)
		return type == ethertype ? LM_WIRE_OK : LM_WIRE_PLAIN;
	if (type == ethertype)
		return LM_WIRE_WRONG_VLAN;
	if (type != LM_WIRE_ETHERTYPE_VLAN)
		return LM_WIRE_PLAIN;
	if (len < LM_WIRE_ETH_LEN + LM_WIRE_VLAN_LEN)
		return LM_WIRE_TRUNCATED;
	*off = LM_WIRE_MACS_LEN + LM_WIRE_VLAN_LEN;
	if ((lm_wire_get16(frame + LM_WIRE_ETH_LEN) & 0x0FFF) != vlan ||
		lm_wire_get16(frame + *off) != ethertype)
		return LM_WIRE_PLAIN;
	return LM_WIRE_OK;
}

/**
 * Read the slice header of a frame of `len` octets as it came from a port. `ethertype` is the
 * node's slice EtherType; `vlan` the port's VLAN id, 0 for an untagged port (priority bits are
 * ignored; frames with other tags are LM_WIRE_PLAIN). Fills *h only for LM_WIRE_OK.
 */
static inline enum lm_wire_verdict lm_wire_parse(
	const uint8_t *frame, size_t len, uint16_t ethertype, uint16_t vlan, struct lm_wire_hdr *h)
{
	enum lm_wire_verdict v;
	const uint8_t *info;
	uint16_t off;
	size_t end;

	v = lm_wire_find(frame, len, ethertype, vlan, &off);
	if (v != LM_WIRE_OK)
		return v;
	if (len < (size_t)off + 4)
		return LM_WIRE_TRUNCATED;
	h->type = frame[off + 2];
	h->words = frame[off + 3];
	v = lm_wire_check_type(h->type, h->words);
	if (v != LM_WIRE_OK)
		return v;
	end = (size_t)off + LM_WIRE_HDR_LEN(h->words);
	if (len < end + 2)
		return LM_WIRE_TRUNCATED;
	info = frame + off + 4;
	h->slice_id = lm_wire_get32(info);
	if (h->slice_id == 0)
		return LM_WIRE_SLICE_ID_ZERO;
	h->vif_id = 0;
	h->src_locator = 0;
	h->dst_locator = 0;
	if (h->type == LM_WIRE_VIF || h->type == LM_WIRE_LOCATOR)
		h->vif_id = lm_wire_get32(info + 4);
	if (h->type == LM_WIRE_LOCATOR) {
		h->src_locator = lm_wire_get32(info + 8);
		h->dst_locator = lm_wire_get32(info + 12);
	}
	h->inner_type = lm_wire_get16(frame + end);
	h->info_off = (uint16_t)(off + 4);
	h->hdr_len = (uint16_t)(end - LM_WIRE_MACS_LEN);
	return LM_WIRE_OK;
}

/**
 * What a frame gets between its MACs and its EtherType, written once, copied to each frame. The
 * `len` octets stand at the end of `octets`, so that a copy has a fixed size.
 */
struct lm_wire_template {
	uint8_t len; /* 0, or at least 4 */
	uint8_t octets[LM_WIRE_TEMPLATE_MAX];
};

/** A VLAN tag alone; nothing for vlan 0. */
static inline void lm_wire_template_tag(struct lm_wire_template *t, uint16_t vlan)
{
	uint8_t *p = t->octets + LM_WIRE_TEMPLATE_MAX - LM_WIRE_VLAN_LEN;

	memset(t, 0, sizeof(*t));
	if (vlan == 0)
		return;
	t->len = LM_WIRE_VLAN_LEN;
	lm_wire_put16(p, LM_WIRE_ETHERTYPE_VLAN);
	lm_wire_put16(p + 2, vlan);
}

/** Write the header of types 1 and 2 (others carry what only the sender knows) into *t. */
static inline void lm_wire_template_set(struct lm_wire_template *t, uint16_t ethertype,
	uint16_t vlan, uint8_t type, uint32_t slice_id, uint32_t vif_id)
{
	uint8_t words = type == LM_WIRE_VIF ? 2 : 1;
	uint8_t *p = t->octets + LM_WIRE_TEMPLATE_MAX - LM_WIRE_HDR_LEN(words);

	memset(t, 0, sizeof(*t));
	t->len = (uint8_t)LM_WIRE_HDR_LEN(words);
	lm_wire_put16(p, ethertype);
	p[2] = type;
	p[3] = words;
	lm_wire_put32(p + 4, slice_id);
	if (words == 2)
		lm_wire_put32(p + 8, vif_id);
	if (vlan != 0) {
		t->len += LM_WIRE_VLAN_LEN;
		lm_wire_put16(p - LM_WIRE_VLAN_LEN, LM_WIRE_ETHERTYPE_VLAN);
		lm_wire_put16(p - 2, vlan);
	}
}

/**
 * Put a template in front of the EtherType of the frame at `frame`: `t->len` octets before it are
 * overwritten. Returns the new start of the frame.
 */
static inline uint8_t *lm_wire_push(uint8_t *frame, const struct lm_wire_template *t)
{
	uint8_t macs[LM_WIRE_MACS_LEN];

	if (t->len == 0)
		return frame;
	memcpy(macs, frame, sizeof(macs));
	/* from 4 octets before the frame on; what is too much is under the MACs in the end */
	memcpy(frame + LM_WIRE_MACS_LEN - LM_WIRE_TEMPLATE_MAX, t->octets, LM_WIRE_TEMPLATE_MAX);
	memcpy(frame - t->len, macs, sizeof(macs));
	return frame - t->len;
}

/** Take `hdr_len` octets out behind the MACs. Returns the new start: hdr_len octets further on. */
static inline uint8_t *lm_wire_pop(uint8_t *frame, uint16_t hdr_len)
{
	memmove(frame + hdr_len, frame, LM_WIRE_MACS_LEN);
	return frame + hdr_len;
}

/**
 * Does a plain frame (>= 14 octets) carry the slice EtherType, at once or behind any number of VLAN
 * tags? Such a frame never enters the node from a place that may not write slice headers.
 */
static inline bool lm_wire_hops(const uint8_t *frame, size_t len, uint16_t ethertype)
{
	size_t off = LM_WIRE_MACS_LEN;

	for (; off + 2 <= len; off += LM_WIRE_VLAN_LEN) {
		uint16_t type = lm_wire_get16(frame + off);

		if (type == ethertype)
			return true;
		if (type != LM_WIRE_ETHERTYPE_VLAN && type != LM_WIRE_ETHERTYPE_QINQ)
			return false;
	}
	return false;
}

/** Is the destination a group address (multicast or broadcast)? */
static inline bool lm_wire_is_group(const uint8_t *mac)
{
	return (mac[0] & 1) != 0;
}

/** The counter's name of a verdict: "truncated", "slice_id_zero"... Never NULL. */
const char *lm_wire_verdict_name(enum lm_wire_verdict v);

#endif
