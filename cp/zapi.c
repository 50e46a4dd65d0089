/* SPDX-License-Identifier: BSD-3-Clause */
#include "cp/zapi.h"

#include <errno.h>
#include <string.h>

#define MARKER	254
#define VERSION 6

enum {
	INTERFACE_ADD = 0,
	INTERFACE_DELETE = 1,
	ROUTE_ADD = 8,
	REDISTRIBUTE_ADD = 11,
	REDISTRIBUTE_DELETE = 12,
	REDISTRIBUTE_DEFAULT_ADD = 13,
	REDISTRIBUTE_DEFAULT_DELETE = 14,
	ROUTER_ID_ADD = 15,
	ROUTER_ID_DELETE = 16,
	NEXTHOP_UNREGISTER = 21,
	BFD_CLIENT_REGISTER = 37,
	ENABLE_RADV = 39,
	DISABLE_RADV = 40,
	LABEL_MANAGER_CONNECT_ASYNC = 51,
	ADVERTISE_DEFAULT_GW = 57,
	ADVERTISE_SVI_MACIP = 58,
	ADVERTISE_SUBNET = 59,
	ADVERTISE_ALL_VNI = 60,
	DUPLICATE_ADDR_DETECTION = 79,
	VXLAN_FLOOD_CONTROL = 100,
	CLIENT_CAPABILITIES = 119,
	OPAQUE_MESSAGE = 120,
	OPAQUE_REGISTER = 121,
	OPAQUE_UNREGISTER = 122,
	NEIGH_DISCOVER = 123,
	ROUTE_NOTIFY_REQUEST = 124
};

/* Flags of a route message that its key depends on. */
#define ROUTE_SRCPFX  0x0020U
#define ROUTE_TABLEID 0x0100U
#define ROUTE_SRTE    0x0200U
#define ROUTE_OPAQUE  0x0400U

/*
 * Not here, so ZAPI_OTHER, are the questions for whose answer a daemon waits (labels, tables,
 * multicast look-ups): their connections are closed with zebra's, as without a relay.
 *
 * Commands with a whole body (less the first `skip` octets, at most `take` then) as their key.
 */
static const struct {
	uint8_t command, keyed_as, skip, take;
	uint8_t role;
} simple[] = {
	{INTERFACE_ADD, INTERFACE_ADD, 0, 255, ZAPI_KEEP},
	{INTERFACE_DELETE, INTERFACE_ADD, 0, 255, ZAPI_FORGET},
	{REDISTRIBUTE_ADD, REDISTRIBUTE_ADD, 0, 255, ZAPI_KEEP},
	{REDISTRIBUTE_DELETE, REDISTRIBUTE_ADD, 0, 255, ZAPI_FORGET},
	{REDISTRIBUTE_DEFAULT_ADD, REDISTRIBUTE_DEFAULT_ADD, 0, 255, ZAPI_KEEP},
	{REDISTRIBUTE_DEFAULT_DELETE, REDISTRIBUTE_DEFAULT_ADD, 0, 255, ZAPI_FORGET},
	{ROUTER_ID_ADD, ROUTER_ID_ADD, 0, 255, ZAPI_KEEP},
	{ROUTER_ID_DELETE, ROUTER_ID_ADD, 0, 255, ZAPI_FORGET},
	{ZAPI_HELLO, ZAPI_HELLO, 0, 255, ZAPI_KEEP},
	/* two octets of flags, then SAFI, family and prefix */
	{ZAPI_NEXTHOP_REGISTER, ZAPI_NEXTHOP_REGISTER, 2, 255, ZAPI_KEEP},
	{NEXTHOP_UNREGISTER, ZAPI_NEXTHOP_REGISTER, 2, 255, ZAPI_FORGET},
	{BFD_CLIENT_REGISTER, BFD_CLIENT_REGISTER, 0, 255, ZAPI_KEEP},
	/* interface index, then the interval */
	{ENABLE_RADV, ENABLE_RADV, 0, 4, ZAPI_KEEP},
	{DISABLE_RADV, ENABLE_RADV, 0, 4, ZAPI_FORGET},
	{LABEL_MANAGER_CONNECT_ASYNC, LABEL_MANAGER_CONNECT_ASYNC, 0, 255, ZAPI_KEEP},
	/* settings that bgpd sends also when there is no EVPN; given again in their order */
	{ADVERTISE_DEFAULT_GW, ADVERTISE_DEFAULT_GW, 0, 255, ZAPI_KEEP},
	{ADVERTISE_SVI_MACIP, ADVERTISE_SVI_MACIP, 0, 255, ZAPI_KEEP},
	{ADVERTISE_SUBNET, ADVERTISE_SUBNET, 0, 255, ZAPI_KEEP},
	{ADVERTISE_ALL_VNI, ADVERTISE_ALL_VNI, 0, 0, ZAPI_KEEP},
	{DUPLICATE_ADDR_DETECTION, DUPLICATE_ADDR_DETECTION, 0, 0, ZAPI_KEEP},
	{VXLAN_FLOOD_CONTROL, VXLAN_FLOOD_CONTROL, 0, 0, ZAPI_KEEP},
	{CLIENT_CAPABILITIES, CLIENT_CAPABILITIES, 0, 255, ZAPI_KEEP},
	{OPAQUE_REGISTER, OPAQUE_REGISTER, 0, 255, ZAPI_KEEP},
	{OPAQUE_UNREGISTER, OPAQUE_REGISTER, 0, 255, ZAPI_FORGET},
	{ROUTE_NOTIFY_REQUEST, ROUTE_NOTIFY_REQUEST, 0, 255, ZAPI_KEEP},
	{OPAQUE_MESSAGE, 0, 0, 0, ZAPI_PASS},
	{NEIGH_DISCOVER, 0, 0, 0, ZAPI_PASS},
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

ssize_t zapi_message_len(const uint8_t *buf, size_t len)
{
	size_t want;

	if (len < ZAPI_HEADER_BYTES)
		return 0;
	want = (size_t)buf[0] << 8 | buf[1];
	if (buf[2] != MARKER || buf[3] != VERSION || want < ZAPI_HEADER_BYTES ||
		want > ZAPI_MESSAGE_MAX)
		return -EPROTO;
	return len < want ? 0 : (ssize_t)want;
}

uint16_t zapi_command(const uint8_t *msg)
{
	return (uint16_t)(msg[8] << 8 | msg[9]);
}

static void add(uint8_t *key, size_t *key_len, const uint8_t *data, size_t len)
{
	memcpy(key + *key_len, data, len);
	*key_len += len;
}

/*
 * Body of a route: type 1, instance 2, flags 4, fields 4, SAFI 1, family 1, prefix length 1,
 * prefix, [source prefix length 1, source prefix], then next hops and attributes. The table id is
 * one of the last attributes. Key: all that tells one route from another.
 */
static enum zapi_role route_key(
	enum zapi_role role, const uint8_t *body, size_t len, uint8_t *key, size_t *key_len)
{
	uint32_t fields;
	size_t octets, end;

	if (len < 14)
		return ZAPI_OTHER;
	fields = get32(body + 7);
	octets = (body[13] + 7U) / 8;
	end = 14 + octets;
	if (octets > 16 || len < end)
		return ZAPI_OTHER;
	add(key, key_len, body, 3);
	add(key, key_len, body + 11, 3 + octets);
	if ((fields & ROUTE_SRCPFX) != 0) {
		size_t src = len > end ? (body[end] + 7U) / 8 : 17;

		if (src > 16 || len < end + 1 + src)
			return ZAPI_OTHER;
		add(key, key_len, body + end, 1 + src);
		end += 1 + src;
	}
	if ((fields & ROUTE_TABLEID) != 0) {
		if ((fields & (ROUTE_OPAQUE | ROUTE_SRTE)) != 0 || len < end + 4)
			return ZAPI_OTHER; /* the table id is not where it is looked for */
		add(key, key_len, body + len - 4, 4);
	}
	return role;
}

enum zapi_role zapi_classify(
	const uint8_t *msg, size_t len, uint8_t key[ZAPI_KEY_MAX], size_t *key_len)
{
	uint16_t command = zapi_command(msg);
	const uint8_t *body = msg + ZAPI_HEADER_BYTES;
	size_t n = len - ZAPI_HEADER_BYTES;

	*key_len = 0;
	key[(*key_len)++] = (uint8_t)command;
	add(key, key_len, msg + 4, 4); /* VRF */
	if (command == ROUTE_ADD || command == ZAPI_ROUTE_DELETE) {
		key[0] = ROUTE_ADD;
		return route_key(
			command == ROUTE_ADD ? ZAPI_KEEP : ZAPI_FORGET, body, n, key, key_len);
	}
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		size_t take;

		if (simple[i].command != command)
			continue;
		if (simple[i].role == ZAPI_PASS)
			return ZAPI_PASS;
		if (n < simple[i].skip)
			return ZAPI_OTHER;
		take = n - simple[i].skip;
		if (take > simple[i].take)
			take = simple[i].take;
		if (take > ZAPI_KEY_MAX - 5)
			return ZAPI_OTHER;
		key[0] = simple[i].keyed_as;
		add(key, key_len, body + simple[i].skip, take);
		return (enum zapi_role)simple[i].role;
	}
	return ZAPI_OTHER;
}
