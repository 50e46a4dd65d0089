/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way a frame leaves the fast path, in one place: name, and the meaning in plain words. */
#ifndef LM_FP_REASONS_H
#define LM_FP_REASONS_H

#include <stdint.h>

/* X(symbol, meaning): the frame is dropped. Counter name: the symbol in lower case. */
#define LM_DROP_REASONS(X)                                                                       \
	X(no_such_mac, "the destination address is no virtual MAC of the interface")             \
	X(short_frame, "shorter than its Ethernet or IP header")                                 \
	X(ip4_bad_version, "EtherType IPv4 but the version is not 4")                            \
	X(ip4_bad_header, "IPv4 header length under 20 octets or longer than the packet")        \
	X(ip4_bad_length, "IPv4 total length longer than the frame, or shorter than the header") \
	X(ip4_bad_checksum, "IPv4 header checksum wrong")                                        \
	X(ip4_martian_source, "IPv4 source is 0/8, 127/8 or 224/3")                              \
	X(ip4_martian_destination, "IPv4 destination is 0/8 or 127/8")                           \
	X(ip6_bad_version, "EtherType IPv6 but the version is not 6")                            \
	X(ip6_bad_length, "IPv6 payload length longer than the frame")                           \
	X(ip6_martian_source, "IPv6 source is unspecified, loopback or multicast")               \
	X(ip6_martian_destination, "IPv6 destination is unspecified or loopback")                \
	X(blackhole, "the route says: drop silently")                                            \
	X(interface_down, "the outgoing interface is down or not connected to the substrate")    \
	X(tx_ring_full, "the substrate did not take frames fast enough")                         \
	X(punt_ring_full, "the control thread did not take punted frames fast enough")           \
	X(punt_rate, "more punted frames of one class than its rate allows")                     \
	X(tap_write, "the kernel did not take a punted frame")                                   \
	X(oversize, "from the kernel, longer than the interface was made for")                   \
	X(no_buffer, "no free packet buffer for a frame from the kernel")

/* X(symbol, packets a second, burst, meaning): the frame goes to the sliver's kernel. */
#define LM_PUNT_CLASSES(X)                                                                      \
	X(arp, 2000, 500, "ARP")                                                                \
	X(link, 20000, 2000, "other EtherTypes and 802.3 frames, such as IS-IS")                \
	X(group, 20000, 2000, "to a broadcast or multicast address")                            \
	X(local, 20000, 5000, "to an address of this router")                                   \
	X(options, 1000, 200, "IPv4 options or an IPv6 hop-by-hop header")                      \
	X(ttl, 1000, 200, "TTL or hop limit is used up: the kernel answers")                    \
	X(mtu, 1000, 200, "longer than the next link's MTU: the kernel answers or fragments")   \
	X(no_route, 1000, 200, "no route: the kernel answers unreachable")                      \
	X(unreachable, 1000, 200, "the route says unreachable or prohibit: the kernel answers") \
	X(unresolved, 1000, 200, "next hop's MAC unknown yet: the kernel asks for it")          \
	X(foreign, 1000, 200, "the route leaves by an interface the FP does not have")

enum lm_drop {
#define X(sym, text) LM_DROP_##sym,
	LM_DROP_REASONS(X)
#undef X
		LM_DROP_COUNT
};

enum lm_punt {
#define X(sym, pps, burst, text) LM_PUNT_##sym,
	LM_PUNT_CLASSES(X)
#undef X
		LM_PUNT_COUNT
};

struct lm_drop_info {
	const char *name;
	const char *meaning;
};

struct lm_punt_info {
	const char *name;
	const char *meaning;
	uint32_t rate_pps;
	uint32_t burst_pkts;
};

extern const struct lm_drop_info lm_drop_info[LM_DROP_COUNT];
extern const struct lm_punt_info lm_punt_info[LM_PUNT_COUNT];

#endif
