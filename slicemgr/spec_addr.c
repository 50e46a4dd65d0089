/* SPDX-License-Identifier: BSD-3-Clause */
/* <ip> and MAC addresses. */
#include "slicemgr/spec_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of a mask's run of ones, -1 when ones follow a zero. */
static int mask_len(const uint8_t *mask, unsigned octets)
{
	unsigned bits = 0, i;

	while (bits < octets * 8 && (mask[bits / 8] & (0x80 >> bits % 8)) != 0)
		bits++;
	for (i = bits; i < octets * 8; i++)
		if ((mask[i / 8] & (0x80 >> i % 8)) != 0)
			return -1;
	return (int)bits;
}

/* A prefix length from "24", "/24", "255.255.255.0" or "ffff:ffff::"; -1: none of them. */
static int prefix_parse(const char *text, uint8_t family)
{
	unsigned octets = family == 4 ? 4 : 16;
	uint8_t mask[16];
	long value;
	char *end;

	if (inet_pton(family == 4 ? AF_INET : AF_INET6, text, mask) == 1)
		return mask_len(mask, octets);
	if (*text == '/')
		text++;
	if (*text < '0' || *text > '9' || strlen(text) > 3)
		return -1;
	value = strtol(text, &end, 10);
	return *end == '\0' && value <= (long)octets * 8 ? (int)value : -1;
}

static bool is_v6_unusable(const uint8_t *b)
{
	static const uint8_t zero[15];
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return b[0] == 0xff || (memcmp(b, zero, 15) == 0 && b[15] <= 1) ||
	       memcmp(b, mapped, sizeof(mapped)) == 0;
}

/* Why an interface cannot have the address, NULL when it can. */
static const char *addr_fault(const struct lm_spec_addr *addr)
{
	const uint8_t *b = addr->bytes;
	uint32_t host, all;

	if (addr->prefix_len == 0)
		return "prefix length 0 would be a default route";
	if (addr->family == 6)
		return is_v6_unusable(b) ? "unspecified, loopback, multicast and mapped addresses "
					   "cannot be used"
					 : NULL;
	if (b[0] == 0 || b[0] == 127 || b[0] >= 224)
		return "0.0.0.0/8, 127.0.0.0/8 and 224.0.0.0/3 cannot be used";
	if (addr->prefix_len >= 31)
		return NULL;
	all = UINT32_MAX >> addr->prefix_len;
	host = ((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]) & all;
	if (host == 0)
		return "it is the network's own address: choose another host number";
	return host == all ? "it is the network's broadcast address: choose another host number"
			   : NULL;
}

/* Address and type attributes. */
static int addr_parse(const struct xml_in *in, xmlNode *el, struct lm_spec_addr *addr)
{
	const char *text = xml_attr(el, "address"), *type = xml_attr(el, "type");

	if (text == NULL)
		return xml_err(in, el, EINVAL, "<ip> needs an address");
	if (inet_pton(AF_INET, text, addr->bytes) == 1)
		addr->family = 4;
	else if (inet_pton(AF_INET6, text, addr->bytes) == 1)
		addr->family = 6;
	else
		return xml_err(
			in, el, EINVAL, "<ip> address=\"%.48s\": no IPv4 or IPv6 address", text);
	if (type == NULL)
		return 0;
	if (strcmp(type, "ipv4") != 0 && strcmp(type, "ipv6") != 0)
		return xml_err(in, el, EINVAL, "<ip> type=\"%.32s\": give ipv4 or ipv6", type);
	if (type[3] != '0' + addr->family)
		return xml_err(in, el, EINVAL, "<ip> address %.48s is not of type %s", text, type);
	return 0;
}

static int prefix_from(const struct xml_in *in, xmlNode *el, struct lm_spec_addr *addr)
{
	const char *mask = xml_attr(el, "netmask"), *prefix = xml_attr(el, "prefix");
	const char *address = xml_attr(el, "address");
	int len;

	if ((mask == NULL) == (prefix == NULL))
		return xml_err(in, el, EINVAL, "<ip> address %.48s needs either netmask or prefix",
			address);
	len = prefix_parse(mask != NULL ? mask : prefix, addr->family);
	if (len < 0)
		return xml_err(in, el, EINVAL,
			"<ip> address %.48s: %s \"%.48s\" is not valid: give %s", address,
			mask != NULL ? "netmask" : "prefix", mask != NULL ? mask : prefix,
			addr->family == 4 ? "a mask as 255.255.255.0 or a length 1 to 32"
					  : "a length 1 to 128");
	addr->prefix_len = (uint8_t)len;
	return 0;
}

int spec_ip(const struct xml_in *in, xmlNode *el, struct lm_spec_iface *iface)
{
	struct lm_spec_addr addr = {.line = xml_line(el)}, *room;
	char text[INET6_ADDRSTRLEN];
	const char *fault;
	int rc;

	rc = addr_parse(in, el, &addr);
	if (rc == 0)
		rc = prefix_from(in, el, &addr);
	if (rc != 0)
		return rc;
	inet_ntop(addr.family == 4 ? AF_INET : AF_INET6, addr.bytes, text, sizeof(text));
	snprintf(addr.text, sizeof(addr.text), "%s/%u", text, addr.prefix_len);
	fault = addr_fault(&addr);
	if (fault != NULL)
		return xml_err(in, el, EINVAL, "<ip> address %s: %s", addr.text, fault);
	if (iface->n_addrs == LM_SPEC_ADDRS_MAX)
		return xml_err(
			in, el, E2BIG, "more than %d <ip> on one interface", LM_SPEC_ADDRS_MAX);
	room = spec_grow(iface->addrs, iface->n_addrs, sizeof(*room));
	if (room == NULL)
		return xml_err(in, el, ENOMEM, "out of memory");
	iface->addrs = room;
	iface->addrs[iface->n_addrs++] = addr;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "02:00:00:00:00:01", with '-' as well, or the field's "020000000001". */
static bool mac_parse(const char *text, uint8_t mac[6])
{
	bool separated = strlen(text) == 17;
	int i, high, low;

	if (!separated && strlen(text) != 12)
		return false;
	for (i = 0; i < 6; i++) {
		if (separated && i > 0 && *text != ':' && *text != '-')
			return false;
		text += separated && i > 0;
		high = hex_digit(text[0]);
		low = hex_digit(text[1]);
		if (high < 0 || low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return true;
}

int spec_mac(
	const struct xml_in *in, const xmlNode *el, const char *text, struct lm_spec_iface *iface)
{
	static const uint8_t zero[6];
	uint8_t mac[6];
	unsigned i;

	if (!mac_parse(text, mac))
		return xml_err(in, el, EINVAL,
			"MAC address \"%.32s\" is not valid: write it as 02:00:00:00:00:01", text);
	if ((mac[0] & 1) != 0 || memcmp(mac, zero, 6) == 0)
		return xml_err(in, el, EINVAL,
			"MAC address %.32s is a group's or zero: give a unicast address", text);
	for (i = 0; i < iface->n_macs; i++)
		if (memcmp(iface->macs[i], mac, 6) == 0)
			return xml_err(in, el, EINVAL,
				"MAC address %.32s is given twice on one interface", text);
	if (iface->n_macs == LM_SPEC_MACS_MAX)
		return xml_err(in, el, E2BIG, "more than %d MAC addresses on one interface",
			LM_SPEC_MACS_MAX);
	memcpy(iface->macs[iface->n_macs++], mac, 6);
	return 0;
}

static bool is_link_local(const struct lm_spec_addr *addr)
{
	return addr->family == 6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

/* The first interface that has the same address as iface `i`'s address `a`, or -1. */
static int same_addr_before(const struct lm_spec_node *node, unsigned i, unsigned a)
{
	const struct lm_spec_addr *addr = &node->ifaces[i].addrs[a];
	unsigned j, b;

	for (j = is_link_local(addr) ? i : 0; j <= i; j++)
		for (b = 0; b < (j < i ? node->ifaces[j].n_addrs : a); b++)
			if (node->ifaces[j].addrs[b].family == addr->family &&
				memcmp(node->ifaces[j].addrs[b].bytes, addr->bytes, 16) == 0)
				return (int)j;
	return -1;
}

int spec_check_addrs(const struct xml_in *in, const struct lm_spec_node *node)
{
	unsigned i, a;
	int other;

	for (i = 0; i < node->n_ifaces; i++) {
		const struct lm_spec_iface *iface = &node->ifaces[i];

		for (a = 0; a < iface->n_addrs; a++) {
			const struct lm_spec_addr *addr = &iface->addrs[a];

			if (addr->family == 6 && iface->attach.mtu != 0 && iface->attach.mtu < 1280)
				return xml_err_line(in, addr->line,
					"interface '%s' has IPv6 address %s and MTU %u: IPv6 needs "
					"1280",
					iface->client_id, addr->text, iface->attach.mtu);
			other = same_addr_before(node, i, a);
			if (other >= 0)
				return xml_err_line(in, addr->line,
					"address %s of interface '%s' is already on interface '%s' "
					"of the same sliver",
					addr->text, iface->client_id,
					node->ifaces[other].client_id);
		}
	}
	return 0;
}
