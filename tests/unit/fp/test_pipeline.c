/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole graph on frames made here: what comes out of which interface, what is punted, what is
 * dropped and under which name. memif is a pair of queues of this file. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "fp/dataplane.h"
#include "fp/eal.h"
#include "fp/grace.h"
#include "fp/ip.h"
#include "fp/packet.h"
#include "fp/rib.h"
#include "fp/worker.h"
#include "substrate/memif.h"

#define FRAME_MAX 2048
#define QUEUE_MAX 256

struct lm_memif {
	struct {
		uint8_t data[FRAME_MAX];
		uint16_t len;
	} rx[QUEUE_MAX], tx[QUEUE_MAX];
	unsigned int n_rx, n_tx;
	int fd;
};

uint16_t lm_memif_rx(struct lm_memif *m, struct lm_memif_frame *frames, uint16_t n)
{
	uint16_t take = n < m->n_rx ? n : (uint16_t)m->n_rx;

	for (uint16_t i = 0; i < take; i++) {
		memcpy(frames[i].data, m->rx[i].data, m->rx[i].len);
		frames[i].len = m->rx[i].len;
	}
	m->n_rx -= take;
	memmove(m->rx, &m->rx[take], m->n_rx * sizeof(m->rx[0]));
	return take;
}

uint16_t lm_memif_tx(struct lm_memif *m, const struct lm_memif_frame *frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (m->n_tx == QUEUE_MAX)
			return i;
		memcpy(m->tx[m->n_tx].data, frames[i].data, frames[i].len);
		m->tx[m->n_tx++].len = frames[i].len;
	}
	return n;
}

bool lm_memif_rx_arm(struct lm_memif *m)
{
	return m->n_rx > 0;
}

void lm_memif_rx_disarm(struct lm_memif *m)
{
	(void)m;
}

int lm_memif_rx_fd(const struct lm_memif *m)
{
	return m->fd;
}

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2},
		     mac_a1[6] = {2, 0, 0, 0, 0, 3}, mac_host[6] = {2, 0, 0, 0, 1, 1},
		     mac_gw[6] = {2, 0, 0, 0, 1, 2}, mac_gw2[6] = {2, 0, 0, 0, 1, 3};

static struct lm_dp dp;
static struct lm_worker *worker;
static struct lm_rib *rib;
static struct lm_memif memif_a, memif_b;

static void add_vif(const char *name, const uint8_t (*macs)[6], unsigned int n, uint16_t mtu,
	struct lm_memif *memif, uint32_t ifindex)
{
	struct lm_vif vif = {.mtu = mtu};
	struct lm_err err = {0};
	uint16_t id = dp.ports.n_vifs;

	snprintf(vif.name, sizeof(vif.name), "%s", name);
	ck_assert_int_eq(lm_ports_add(&dp.ports, &vif, macs, n, &err), 0);
	for (unsigned int i = 0; i < n; i++) {
		dp.ports.taps[dp.ports.vifs[id].taps[i]].ifindex = ifindex + i;
		dp.ports.taps[dp.ports.vifs[id].taps[i]].up = true;
	}
	memif->fd = eventfd(0, EFD_NONBLOCK);
	ck_assert_int_eq(lm_worker_attach(worker, id, memif, &err), 0);
}

static struct lm_prefix prefix_of(int family, const char *text, uint8_t len)
{
	struct lm_prefix p = {.family = (uint8_t)family, .len = len};

	ck_assert_int_eq(inet_pton(family, text, p.addr), 1);
	return p;
}

static void add_route(int family, const char *text, uint8_t len, enum lm_route_type type,
	uint32_t ifindex, const char *gw, const char *gw2)
{
	struct lm_route r = {.prefix = prefix_of(family, text, len), .type = type};
	const char *gws[2] = {gw, gw2};

	if (ifindex != 0 && gw == NULL)
		r.nexthops[r.n_nexthops++] = (struct lm_nexthop){.ifindex = ifindex, .weight = 1};
	for (unsigned int i = 0; i < 2 && gws[i] != NULL; i++) {
		struct lm_nexthop *h = &r.nexthops[r.n_nexthops++];

		*h = (struct lm_nexthop){.ifindex = ifindex, .weight = 1};
		h->family = strchr(gws[i], ':') != NULL ? AF_INET6 : AF_INET;
		ck_assert_int_eq(inet_pton(h->family, gws[i], h->gateway), 1);
	}
	ck_assert_int_eq(lm_rib_set(rib, LM_RIB_ROUTE, &r), 0);
}

static void resolve(uint16_t tap, int family, const char *text, const uint8_t *mac)
{
	struct lm_prefix p = prefix_of(family, text, 0);

	ck_assert_int_eq(
		lm_adj_resolve(dp.adjs, tap, (uint8_t)family, p.addr, mac, LM_ADJ_REACHABLE), 0);
}

static void make_tables(void)
{
	dp.grace = lm_grace_new(1);
	dp.fib4 = lm_fib_new(AF_INET, dp.grace);
	dp.fib6 = lm_fib_new(AF_INET6, dp.grace);
	dp.adjs = lm_adj_table_new(&dp.ports, dp.grace);
	dp.groups = lm_nhg_table_new(&dp.ports, dp.adjs, dp.grace, NULL, NULL);
	rib = lm_rib_new(dp.fib4, dp.fib6, dp.groups);
}

/* eth0 (10.0.1.1/24, two MACs) and eth1 (10.0.2.1/24, MTU 1492), as rtnetlink and FPM would say */
static void setup(void)
{
	uint8_t macs[2][6];
	struct lm_prefix p;
	struct lm_err err = {0};

	memset(&dp.ports, 0, sizeof(dp.ports));
	make_tables();
	worker = lm_worker_new(&dp, 1, true, &err);
	ck_assert_msg(worker != NULL, "%s", err.msg);
	memcpy(macs[0], mac_a, 6);
	memcpy(macs[1], mac_a1, 6);
	add_vif("eth0", macs, 2, 1592, &memif_a, 10);
	memcpy(macs[0], mac_b, 6);
	add_vif("eth1", macs, 1, 1492, &memif_b, 20);
	p = prefix_of(AF_INET, "10.0.1.1", 32);
	ck_assert_int_eq(lm_rib_set_local(rib, &p), 0);
	p = prefix_of(AF_INET6, "2001:db8:1::1", 128);
	ck_assert_int_eq(lm_rib_set_local(rib, &p), 0);
	add_route(AF_INET, "10.0.1.0", 24, LM_ROUTE_UNICAST, 10, NULL, NULL);
	add_route(AF_INET, "10.0.2.0", 24, LM_ROUTE_UNICAST, 20, NULL, NULL);
	add_route(AF_INET, "10.9.0.0", 16, LM_ROUTE_UNICAST, 20, "10.0.2.2", NULL);
	add_route(AF_INET, "10.8.0.0", 16, LM_ROUTE_UNICAST, 20, "10.0.2.2", "10.0.2.3");
	add_route(AF_INET, "10.7.0.0", 16, LM_ROUTE_BLACKHOLE, 0, NULL, NULL);
	add_route(AF_INET, "10.6.0.0", 16, LM_ROUTE_UNREACHABLE, 0, NULL, NULL);
	add_route(AF_INET, "10.5.0.0", 16, LM_ROUTE_UNICAST, 99, NULL, NULL);
	add_route(AF_INET, "10.4.0.0", 16, LM_ROUTE_UNICAST, 20, "10.0.2.77", NULL);
	add_route(AF_INET, "10.3.0.0", 16, LM_ROUTE_UNICAST, 20, "fe80::2", NULL);
	add_route(AF_INET6, "2001:db8:9::", 48, LM_ROUTE_UNICAST, 20, "fe80::2", NULL);
	add_route(AF_INET6, "2001:db8:1::", 64, LM_ROUTE_UNICAST, 10, NULL, NULL);
	resolve(2, AF_INET, "10.0.2.2", mac_gw);
	resolve(2, AF_INET, "10.0.2.3", mac_gw2);
	resolve(2, AF_INET6, "fe80::2", mac_gw);
	resolve(0, AF_INET, "10.0.1.5", mac_host);
}

static void teardown(void)
{
	lm_worker_detach(worker, 0);
	lm_worker_detach(worker, 1);
	lm_worker_free(worker);
	lm_rib_free(rib);
	lm_nhg_table_free(dp.groups);
	lm_adj_table_free(dp.adjs);
	lm_fib_free(dp.fib4);
	lm_fib_free(dp.fib6);
	lm_grace_free(dp.grace);
	close(memif_a.fd);
	close(memif_b.fd);
	memif_a.n_rx = memif_a.n_tx = memif_b.n_rx = memif_b.n_tx = 0;
	ck_assert_uint_eq(rte_mempool_in_use_count(dp.pool), 0);
}

static uint16_t checksum(const void *data, unsigned int len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (unsigned int i = 0; i < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

struct frame {
	uint8_t data[FRAME_MAX];
	uint16_t len;
};

static struct lm_ip4 *ip4_of(struct frame *f)
{
	return (struct lm_ip4 *)(f->data + LM_ETH_LEN);
}

static struct frame frame4(const char *src, const char *dst, uint16_t ip_len)
{
	struct frame f = {.len = LM_ETH_LEN + ip_len};
	struct lm_ip4 ip = {
		.version_ihl = 0x45, .total_len = htons(ip_len), .ttl = 64, .proto = IPPROTO_UDP};

	memcpy(f.data, mac_a, 6);
	memcpy(f.data + 6, mac_host, 6);
	f.data[12] = 0x08;
	inet_pton(AF_INET, src, &ip.src);
	inet_pton(AF_INET, dst, &ip.dst);
	ip.checksum = checksum(&ip, sizeof(ip));
	memcpy(f.data + LM_ETH_LEN, &ip, sizeof(ip));
	return f;
}

static void resum(struct frame *f)
{
	struct lm_ip4 *ip = ip4_of(f);

	ip->checksum = 0;
	ip->checksum = checksum(ip, (ip->version_ihl & 15) * 4);
}

static struct frame frame6(const char *src, const char *dst, uint16_t payload)
{
	struct frame f = {.len = (uint16_t)(LM_ETH_LEN + 40 + payload)};
	struct lm_ip6 ip = {.version_class_flow = htonl(6u << 28),
		.payload_len = htons(payload),
		.next_header = IPPROTO_UDP,
		.hop_limit = 64};

	memcpy(f.data, mac_a, 6);
	memcpy(f.data + 6, mac_host, 6);
	f.data[12] = 0x86;
	f.data[13] = 0xdd;
	inet_pton(AF_INET6, src, ip.src);
	inet_pton(AF_INET6, dst, ip.dst);
	memcpy(f.data + LM_ETH_LEN, &ip, sizeof(ip));
	return f;
}

static void feed(const struct frame *f)
{
	memcpy(memif_a.rx[memif_a.n_rx].data, f->data, f->len);
	memif_a.rx[memif_a.n_rx++].len = f->len;
}

static void run(const struct frame *f)
{
	feed(f);
	lm_worker_walk(worker);
}

static void expect_drop(struct frame f, enum lm_drop reason)
{
	uint64_t before = worker->counters.drops[reason];

	run(&f);
	ck_assert_msg(worker->counters.drops[reason] == before + 1, "not dropped as %s",
		lm_drop_info[reason].name);
	ck_assert_uint_eq(rte_ring_count(worker->punt_ring), 0);
	ck_assert_uint_eq(memif_a.n_tx + memif_b.n_tx, 0);
}

/* Punted under this class, for this TAP, octet for octet as it came. */
static void expect_punt(struct frame f, enum lm_punt class, uint16_t tap)
{
	struct rte_mbuf *m = NULL;

	run(&f);
	ck_assert_msg(rte_ring_dequeue(worker->punt_ring, (void **)&m) == 0, "not punted as %s",
		lm_punt_info[class].name);
	ck_assert_str_eq(lm_punt_info[lm_meta(m)->punt].name, lm_punt_info[class].name);
	ck_assert_uint_eq(lm_meta(m)->tap, tap);
	ck_assert_uint_eq(m->port, 0);
	ck_assert_uint_le(m->data_len, f.len);
	ck_assert_mem_eq(lm_data(m), f.data, m->data_len);
	ck_assert_uint_eq(memif_a.n_tx + memif_b.n_tx, 0);
	rte_pktmbuf_free(m);
}

static void expect_forward(
	struct frame f, struct lm_memif *out, const uint8_t *dmac, const uint8_t *smac)
{
	struct lm_ip4 *ip;

	run(&f);
	ck_assert_uint_eq(out->n_tx, 1);
	ck_assert_mem_eq(out->tx[0].data, dmac, 6);
	ck_assert_mem_eq(out->tx[0].data + 6, smac, 6);
	ip = (struct lm_ip4 *)(out->tx[0].data + LM_ETH_LEN);
	if (f.data[12] == 0x08) {
		ck_assert_uint_eq(ip->ttl, ip4_of(&f)->ttl - 1);
		ck_assert_uint_eq(checksum(ip, 20), 0);
		ck_assert_uint_eq(out->tx[0].len, LM_ETH_LEN + ntohs(ip->total_len));
	} else {
		ck_assert_uint_eq(out->tx[0].data[LM_ETH_LEN + 7], 63);
	}
	out->n_tx = 0;
}

START_TEST(ipv4_forwards)
{
	struct frame f = frame4("10.0.1.5", "10.9.1.1", 60);
	struct frame padded = frame4("10.0.1.5", "10.9.1.1", 30);

	expect_forward(f, &memif_b, mac_gw, mac_b);
	padded.len = 60;
	expect_forward(padded, &memif_b, mac_gw, mac_b);
	/* every TTL and checksum, for the incremental update */
	for (unsigned int i = 2; i < 256; i++) {
		ip4_of(&f)->ttl = (uint8_t)i;
		ip4_of(&f)->id = (uint16_t)(i * 257);
		resum(&f);
		expect_forward(f, &memif_b, mac_gw, mac_b);
	}
	expect_forward(frame4("10.0.1.9", "10.0.1.5", 60), &memif_a, mac_host, mac_a);
	expect_forward(frame4("10.0.1.9", "10.3.1.5", 60), &memif_b, mac_gw, mac_b);
	expect_forward(frame4("10.0.1.5", "10.9.1.1", 1492), &memif_b, mac_gw, mac_b);
	ck_assert_uint_eq(worker->counters.vifs[0].rx_pkts, 259);
	ck_assert_uint_eq(worker->counters.vifs[1].tx_pkts, 258);
}
END_TEST

START_TEST(ipv4_drops)
{
	struct frame f = frame4("10.0.1.5", "10.9.1.1", 60);

	f.data[5] = 99;
	expect_drop(f, LM_DROP_no_such_mac);
	f = frame4("10.0.1.5", "10.9.1.1", 60);
	f.len = 33;
	expect_drop(f, LM_DROP_short_frame);
	f.len = 13;
	expect_drop(f, LM_DROP_short_frame);
	f = frame4("10.0.1.5", "10.9.1.1", 60);
	ip4_of(&f)->checksum ^= 1;
	expect_drop(f, LM_DROP_ip4_bad_checksum);
	ip4_of(&f)->version_ihl = 0x55;
	expect_drop(f, LM_DROP_ip4_bad_version);
	ip4_of(&f)->version_ihl = 0x44;
	expect_drop(f, LM_DROP_ip4_bad_header);
	ip4_of(&f)->version_ihl = 0x4f;
	f.len = LM_ETH_LEN + 59;
	expect_drop(f, LM_DROP_ip4_bad_header);
	f = frame4("10.0.1.5", "10.9.1.1", 61);
	f.len--;
	expect_drop(f, LM_DROP_ip4_bad_length);
	expect_drop(frame4("10.0.1.5", "10.9.1.1", 19), LM_DROP_short_frame);
	expect_drop(frame4("127.0.0.1", "10.9.1.1", 60), LM_DROP_ip4_martian_source);
	expect_drop(frame4("224.0.0.1", "10.9.1.1", 60), LM_DROP_ip4_martian_source);
	expect_drop(frame4("0.0.0.0", "10.9.1.1", 60), LM_DROP_ip4_martian_source);
	expect_drop(frame4("10.0.1.5", "127.0.0.1", 60), LM_DROP_ip4_martian_destination);
	expect_drop(frame4("10.0.1.5", "10.7.1.1", 60), LM_DROP_blackhole);
	dp.ports.taps[2].up = false;
	expect_drop(frame4("10.0.1.5", "10.9.1.1", 60), LM_DROP_interface_down);
}
END_TEST

START_TEST(ipv4_punts)
{
	struct frame f = frame4("10.0.1.5", "10.9.1.1", 60);

	ip4_of(&f)->ttl = 1;
	resum(&f);
	expect_punt(f, LM_PUNT_ttl, 0);
	f = frame4("10.0.1.5", "10.0.1.1", 60);
	ip4_of(&f)->ttl = 1;
	resum(&f);
	expect_punt(f, LM_PUNT_local, 0);
	memcpy(f.data, mac_a1, 6);
	expect_punt(f, LM_PUNT_local, 1);
	f = frame4("10.0.1.5", "10.9.1.1", 60);
	ip4_of(&f)->version_ihl = 0x46;
	resum(&f);
	expect_punt(f, LM_PUNT_options, 0);
	expect_punt(frame4("10.0.1.5", "10.9.1.1", 1493), LM_PUNT_mtu, 0);
	expect_punt(frame4("10.0.1.5", "11.0.0.1", 60), LM_PUNT_no_route, 0);
	expect_punt(frame4("10.0.1.5", "10.6.1.1", 60), LM_PUNT_unreachable, 0);
	expect_punt(frame4("10.0.1.5", "10.5.1.1", 60), LM_PUNT_foreign, 0);
	expect_punt(frame4("10.0.1.5", "10.4.1.1", 60), LM_PUNT_unresolved, 0);
	expect_punt(frame4("10.0.1.5", "10.0.2.200", 60), LM_PUNT_unresolved, 0);
	expect_punt(frame4("0.0.0.0", "255.255.255.255", 60), LM_PUNT_group, 0);
	f = frame4("10.0.1.5", "224.0.0.5", 60);
	memcpy(f.data, "\x01\x00\x5e\x00\x00\x05", 6);
	expect_punt(f, LM_PUNT_group, LM_ALL_TAPS);
	f.data[13] = 0x06;
	expect_punt(f, LM_PUNT_arp, LM_ALL_TAPS);
	f.data[12] = 0x05; /* 802.3 length, as IS-IS */
	expect_punt(f, LM_PUNT_link, LM_ALL_TAPS);
}
END_TEST

START_TEST(ipv6)
{
	struct frame f = frame6("2001:db8:1::5", "2001:db8:9::1", 40);

	expect_forward(f, &memif_b, mac_gw, mac_b);
	f.data[LM_ETH_LEN + 6] = IPPROTO_FRAGMENT; /* of no concern to transit */
	expect_forward(f, &memif_b, mac_gw, mac_b);
	f.data[LM_ETH_LEN + 6] = IPPROTO_HOPOPTS;
	expect_punt(f, LM_PUNT_options, 0);
	f = frame6("2001:db8:1::5", "2001:db8:9::1", 40);
	f.data[LM_ETH_LEN + 7] = 1;
	expect_punt(f, LM_PUNT_ttl, 0);
	expect_punt(frame6("2001:db8:1::5", "2001:db8:1::1", 40), LM_PUNT_local, 0);
	expect_punt(frame6("2001:db8:1::5", "2001:db8:9::1", 1453), LM_PUNT_mtu, 0);
	expect_punt(frame6("2001:db8:1::5", "2001:db8:8::1", 40), LM_PUNT_no_route, 0);
	expect_punt(frame6("2001:db8:1::5", "2001:db8:1::7", 40), LM_PUNT_unresolved, 0);
	expect_punt(frame6("2001:db8:1::5", "fe80::1", 40), LM_PUNT_local, 0);
	expect_punt(frame6("fe80::5", "2001:db8:9::1", 40), LM_PUNT_local, 0);
	expect_punt(frame6("2001:db8:1::5", "ff02::5", 40), LM_PUNT_group, 0);
	expect_drop(frame6("::1", "2001:db8:9::1", 40), LM_DROP_ip6_martian_source);
	expect_drop(frame6("::", "2001:db8:9::1", 40), LM_DROP_ip6_martian_source);
	expect_drop(frame6("ff02::1", "2001:db8:9::1", 40), LM_DROP_ip6_martian_source);
	expect_drop(frame6("2001:db8:1::5", "::1", 40), LM_DROP_ip6_martian_destination);
	f = frame6("2001:db8:1::5", "2001:db8:9::1", 40);
	f.len--;
	expect_drop(f, LM_DROP_ip6_bad_length);
	f.data[LM_ETH_LEN] = 0x40;
	expect_drop(f, LM_DROP_ip6_bad_version);
	f.len = LM_ETH_LEN + 39;
	expect_drop(f, LM_DROP_short_frame);
}
END_TEST

START_TEST(ecmp_by_flow)
{
	unsigned int to_gw = 0;
	struct frame f = frame4("10.0.1.5", "10.8.1.1", 60);

	for (unsigned int port = 0; port < 200; port++) {
		uint8_t first;

		f.data[LM_ETH_LEN + 21] = (uint8_t)port;
		run(&f);
		run(&f);
		ck_assert_uint_eq(memif_b.n_tx, 2);
		first = memif_b.tx[0].data[5];
		ck_assert_uint_eq(memif_b.tx[1].data[5], first);
		to_gw += first == mac_gw[5];
		memif_b.n_tx = 0;
	}
	ck_assert_uint_gt(to_gw, 60);
	ck_assert_uint_lt(to_gw, 140);
	/* fragments of one packet stay together, whatever stands where ports would */
	ip4_of(&f)->frag = htons(0x2000);
	resum(&f);
	for (unsigned int port = 0; port < 50; port++) {
		f.data[LM_ETH_LEN + 21] = (uint8_t)port;
		run(&f);
	}
	for (unsigned int i = 1; i < memif_b.n_tx; i++)
		ck_assert_mem_eq(memif_b.tx[i].data, memif_b.tx[0].data, 6);
}
END_TEST

/* Two routers in a row, two paths each: the second splits what the first sends one way. */
START_TEST(ecmp_is_not_polarized)
{
	const uint64_t first = 0x100000004c02, second = 0x200000004c02;
	unsigned int n4[2] = {0}, n6[2] = {0};

	for (uint32_t i = 0; i < 4000; i++) {
		struct {
			struct lm_ip4 ip;
			uint32_t ports;
		} four = {.ip = {.version_ihl = 0x45,
				  .total_len = htons(28),
				  .proto = IPPROTO_UDP,
				  .src = htonl(0x0a000001),
				  .dst = htonl(0x0a000100 + i / 64)},
			.ports = htonl(53u << 16 | (1024 + i))};
		struct {
			struct lm_ip6 ip;
			uint32_t ports;
		} six = {.ip = {.payload_len = htons(8), .next_header = IPPROTO_UDP},
			.ports = htonl((1024 + i) << 16 | 53u)};

		six.ip.src[0] = six.ip.dst[0] = 0xfd;
		six.ip.dst[15] = (uint8_t)(i / 64);
		if (lm_ip4_flow_hash(&four.ip, first) >> 31 == 0)
			n4[lm_ip4_flow_hash(&four.ip, second) >> 31]++;
		if (lm_ip6_flow_hash(&six.ip, first) >> 31 == 0)
			n6[lm_ip6_flow_hash(&six.ip, second) >> 31]++;
	}
	for (unsigned int i = 0; i < 2; i++) { /* 1000 of each; 6 standard deviations */
		ck_assert_msg(n4[i] > 800 && n4[i] < 1200, "IPv4: %u, %u", n4[0], n4[1]);
		ck_assert_msg(n6[i] > 800 && n6[i] < 1200, "IPv6: %u, %u", n6[0], n6[1]);
	}
}
END_TEST

START_TEST(punt_rate_is_limited)
{
	struct frame f = frame4("10.0.1.5", "11.0.0.1", 60);
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < 300; i++)
		run(&f);
	ck_assert_uint_gt(worker->counters.drops[LM_DROP_punt_rate], 0);
	ck_assert_uint_ge(worker->counters.punts[LM_PUNT_no_route], 200);
	ck_assert_uint_eq(worker->counters.punts[LM_PUNT_no_route] +
				  worker->counters.drops[LM_DROP_punt_rate],
		300);
	f = frame4("10.0.1.5", "10.0.1.1", 60);
	run(&f); /* another class is not affected */
	ck_assert_uint_eq(worker->counters.punts[LM_PUNT_local], 1);
	while (rte_ring_dequeue(worker->punt_ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}
END_TEST

START_TEST(mixed_burst_keeps_order)
{
	struct frame b = frame4("10.0.1.5", "10.9.1.1", 60);
	struct frame a = frame4("10.0.1.9", "10.0.1.5", 60);

	for (unsigned int i = 0; i < 32; i++) {
		ip4_of(&b)->id = htons((uint16_t)i);
		resum(&b);
		feed(&b);
		feed(&a);
	}
	lm_worker_walk(worker);
	ck_assert_uint_eq(memif_a.n_tx, 32);
	ck_assert_uint_eq(memif_b.n_tx, 32);
	for (unsigned int i = 0; i < 32; i++)
		ck_assert_uint_eq(memif_b.tx[i].data[LM_ETH_LEN + 5], i);
	memif_a.n_tx = memif_b.n_tx = 0;
}
END_TEST

START_TEST(adjacency_keeps_mac_until_failed)
{
	struct lm_prefix gw = prefix_of(AF_INET, "10.0.2.2", 32);
	struct frame f = frame4("10.0.1.5", "10.9.1.1", 60);

	ck_assert(lm_adj_unresolve(dp.adjs, 2, AF_INET, gw.addr, false));
	expect_forward(f, &memif_b, mac_gw, mac_b);
	ck_assert(!lm_adj_unresolve(dp.adjs, 2, AF_INET, gw.addr, true));
	expect_punt(f, LM_PUNT_unresolved, 0);
	resolve(2, AF_INET, "10.0.2.2", mac_gw2);
	expect_forward(f, &memif_b, mac_gw2, mac_b);
	/* an ifindex goes and comes: groups follow without the FIB being touched */
	dp.ports.taps[2].ifindex = 0;
	lm_nhg_relink(dp.groups);
	expect_punt(f, LM_PUNT_foreign, 0);
	dp.ports.taps[2].ifindex = 20;
	lm_nhg_relink(dp.groups);
	resolve(2, AF_INET, "10.0.2.2", mac_gw);
	expect_forward(f, &memif_b, mac_gw, mac_b);
}
END_TEST

START_TEST(sources_of_one_prefix)
{
	struct lm_prefix p = prefix_of(AF_INET, "10.0.2.0", 24);
	struct lm_route connected = {
		.prefix = p, .n_nexthops = 1, .nexthops = {{.ifindex = 20, .weight = 1}}};
	struct frame f = frame4("10.0.1.5", "10.0.2.2", 60);

	ck_assert_int_eq(lm_rib_set(rib, LM_RIB_CONNECTED, &connected), 0);
	expect_forward(f, &memif_b, mac_gw, mac_b);
	add_route(AF_INET, "10.0.2.0", 24, LM_ROUTE_BLACKHOLE, 0, NULL, NULL);
	expect_drop(f, LM_DROP_blackhole);
	lm_rib_remove(rib, LM_RIB_ROUTE, &p);
	expect_forward(f, &memif_b, mac_gw, mac_b);
	lm_rib_remove(rib, LM_RIB_CONNECTED, &p);
	expect_punt(f, LM_PUNT_no_route, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipeline");
	TCase *t = tcase_create("frames");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, ipv4_forwards);
	tcase_add_test(t, ipv4_drops);
	tcase_add_test(t, ipv4_punts);
	tcase_add_test(t, ipv6);
	tcase_add_test(t, ecmp_by_flow);
	tcase_add_test(t, ecmp_is_not_polarized);
	tcase_add_test(t, punt_rate_is_limited);
	tcase_add_test(t, mixed_burst_keeps_order);
	tcase_add_test(t, adjacency_keeps_mac_until_failed);
	tcase_add_test(t, sources_of_one_prefix);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	const struct lm_eal_conf eal = {.heap_mb = 16};
	struct lm_err err = {0};
	SRunner *r;
	int failed;

	if (lm_eal_start(&eal, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	dp.pool = rte_pktmbuf_pool_create(
		"frames", 1023, 128, 0, RTE_PKTMBUF_HEADROOM + FRAME_MAX, SOCKET_ID_ANY);
	if (dp.pool == NULL)
		return 1;
	r = srunner_create(suite());
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
