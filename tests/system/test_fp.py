# SPDX-License-Identifier: BSD-3-Clause
"""lamina-fp alone, without containers and FRR: two routers in namespaces, joined by a real lamina-substrate.

    h1 --access-- [r1 eth0  eth1] --patch, MTU 1492-- [r2 eth0  eth1] --access-- h2

Routes are the kernel's; the FPs follow them. Frames that the FPs forward must not move IpForwDatagrams.
"""

import ctypes
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import struct
import time

import pytest
import testbed

PREFIX = "fpt"
MAC = {("r1", "eth0"): "02:4c:00:00:01:00", ("r1", "eth1"): "02:4c:00:00:01:01",
       ("r2", "eth0"): "02:4c:00:00:02:00", ("r2", "eth1"): "02:4c:00:00:02:01"}
MTU = {("r1", "eth0"): 1500, ("r1", "eth1"): 1492, ("r2", "eth0"): 1492, ("r2", "eth1"): 1500}
ADDR = {("r1", "eth0"): ("10.0.1.1/24", "2001:db8:1::1/64"), ("r1", "eth1"): ("10.0.9.1/24", "2001:db8:9::1/64"),
        ("r2", "eth0"): ("10.0.9.2/24", "2001:db8:9::2/64"), ("r2", "eth1"): ("10.0.2.1/24", "2001:db8:2::1/64")}
ROUTES = {"r1": ("10.0.2.0/24 via 10.0.9.2", "2001:db8:2::/64 via 2001:db8:9::2"),
          "r2": ("10.0.1.0/24 via 10.0.9.1", "2001:db8:1::/64 via 2001:db8:9::1")}
H1, H2 = ("10.0.1.10", "2001:db8:1::10"), ("10.0.2.10", "2001:db8:2::10")
FORWARD_SYSCTLS = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net.ipv6.conf.default.accept_dad": 0,
                   "net.ipv4.icmp_ratelimit": 0, "net.ipv6.icmp.ratelimit": 0}


def rpc(path, method, params=None):
    """One JSON-RPC call; Failed while nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(str(path))
            s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}).encode() + b"\n")
            answer = s.makefile("rb").readline()
    except OSError as bad:
        raise testbed.Failed(f"{path}: {bad}") from bad
    reply = json.loads(answer)
    if "error" in reply:
        raise testbed.Failed(f"{path}: {method}: {reply['error']}")
    return reply["result"]


def open_tap(netns, name):
    """A descriptor of TAP `name`, made persistent, in a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    try:
        if libc.setns(there, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1002))  # TUNSETIFF, IFF_TAP|IFF_NO_PI
        fcntl.ioctl(fd, 0x400454cb, 1)  # TUNSETPERSIST
        return fd
    finally:
        libc.setns(home, 0)
        os.close(there)
        os.close(home)


class Router:
    """A namespace with its lamina-fp; in lamina-init's place this holds the TAPs and hands them over."""

    def __init__(self, bed, name, daemons=(), mode="shared"):
        self.name, self.bed, self.proc = name, bed, None
        self.channel = None
        self.ns = bed.netns(name)
        self.sock = bed.dir / f"{name}-fp.sock"
        self.log = bed.dir / f"{name}.log"
        for key, value in FORWARD_SYSCTLS.items():
            self.ns.sysctl(key, value)
        self.interfaces = ["eth0", "eth1"]
        self.taps = {i: open_tap(self.ns.name, i) for i in self.interfaces}
        for i in self.interfaces:
            self.ns.ip("link", "set", i, "address", MAC[name, i], "mtu", MTU[name, i], "up")
        self.conf = bed.file(f"{name}.json", json.dumps({
            "node": "n1", "slice": "a", "sliver": name, "slice_id": 7, "type": "vrouter",
            "fp": {"cpus": [], "mode": mode, "memory_mb": 64}, "cp": {"daemons": list(daemons), "config": ""},
            "interfaces": [{"name": i, "client_id": f"{name}:{i}", "macs": [MAC[name, i]], "mtu": MTU[name, i], "plane": "fp",
                            "header": "strip", "memif_id": n, "promisc": False, "addresses": list(ADDR[name, i])}
                           for n, i in enumerate(self.interfaces)]}))

    def start(self):
        begin = time.monotonic()
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for i, fd in self.taps.items():
            socket.send_fds(ours, [json.dumps({"interface": i, "tap": i, "mac": MAC[self.name, i]}).encode()], [fd])
        ours.send(b'{"end":true}')
        self.channel = ours
        with open(self.log, "a", encoding="utf-8") as log, its:
            self.proc = self.ns.popen("bash", "-c", f'exec "$@" 3<&{its.fileno()}', "bash", testbed.BIN / "lamina-fp",
                                      "-c", self.conf, "-s", self.sock, "-m", self.bed.dir / f"{self.name}-memif.sock",
                                      stderr=log, pass_fds=(its.fileno(),))
        testbed.poll(f"{self.name} ready", lambda: self.call("status")["ready"], every=0.01)
        return time.monotonic() - begin

    def configure(self):
        for i in self.interfaces:
            for address in ADDR[self.name, i]:
                self.ns.ip("addr", "add", address, "dev", i)
        for route in ROUTES[self.name]:
            self.ns.ip("route", "add", *route.split())

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()
        self.channel.close()

    def close(self):
        for fd in self.taps.values():
            os.close(fd)

    def call(self, method, params=None):
        return rpc(self.sock, method, params)

    def connected(self):
        return all(i["connected"] and i["up"] for i in self.call("status")["interfaces"])

    def forwarded_by_kernel(self):
        text = self.ns.run("cat", "/proc/net/snmp", "/proc/net/snmp6").stdout
        names, values = [line.split() for line in text.splitlines() if line.startswith("Ip:")]
        v4 = int(values[names.index("ForwDatagrams")])
        return v4, int(re.search(r"Ip6OutForwDatagrams\s+(\d+)", text).group(1))


class World:
    """Everything of the picture above."""

    def __init__(self, daemons=()):
        self.bed = testbed.Testbed(PREFIX)
        self.substrate = None
        self.routers = []
        try:
            self.make(daemons)
        except BaseException:
            self.close()
            raise

    def make(self, daemons):
        bed = self.bed
        bed.netns("n")
        self.h1 = bed.host("h1", "n", "h1", [f"{H1[0]}/24", f"{H1[1]}/64"],
                           ["default via 10.0.1.1", "default via 2001:db8:1::1"])
        self.h2 = bed.host("h2", "n", "h2", [f"{H2[0]}/24", f"{H2[1]}/64"],
                           ["default via 10.0.2.1", "default via 2001:db8:2::1"])
        self.start_substrate()
        for name in ("r1", "r2"):
            self.routers.append(Router(bed, name, daemons))
        for router in self.routers:
            router.start_s = router.start()
            router.configure()
        self.settle()

    def settle(self):
        """Until frames pass both ways, so that every next hop is known."""
        for router in self.routers:
            testbed.poll(f"{router.name} connected", router.connected)
        for there in H2:
            testbed.poll(f"ping {there}", lambda there=there: self.ping(there, 1), every=0.2)

    def requests(self):
        for port in ("h1", "h2"):
            yield "port.add", {"name": port, "devargs": f"net_af_packet_{port},iface={port}", "mode": "access", "mtu": 1500}
        attach = {("r1", "eth0"): {"kind": "access", "port": "h1"}, ("r1", "eth1"): {"kind": "patch", "link": "a/l1"},
                  ("r2", "eth0"): {"kind": "patch", "link": "a/l1"}, ("r2", "eth1"): {"kind": "access", "port": "h2"}}
        for (router, interface), how in attach.items():
            yield "vif.add", {"name": f"a/{router}/{interface}", "slice_id": 7, "attach": how, "header": "strip",
                              "max_words": 0, "macs": [MAC[router, interface]], "promisc": False,
                              "mtu": MTU[router, interface],
                              "backend": {"kind": "memif", "socket": str(self.bed.dir / f"{router}-memif.sock"),
                                          "id": int(interface[-1]), "uid": 0, "gid": 0, "ring_size_log2": 10}}

    def start_substrate(self):
        lines = [json.dumps({"jsonrpc": "2.0", "id": n, "method": m, "params": p})
                 for n, (m, p) in enumerate(self.requests())]
        load = self.bed.file("substrate.load", "\n".join(lines) + "\n")
        program = os.environ.get("LAMINA_SUBSTRATE", testbed.BIN / "lamina-substrate")
        sock = self.bed.dir / "substrate.sock"
        with open(self.bed.dir / "substrate.log", "a", encoding="utf-8") as log:
            self.substrate = self.bed.netns("n").popen(program, "--rpc", sock, "--load", load, stderr=log)
        testbed.poll("substrate", lambda: len(rpc(sock, "status")["vifs"]) == 4)

    def ping(self, where, count, *options):
        return self.h1.run("ping", "-n", "-c", count, "-i", "0.01", "-W", "1", *options, where, check=False).returncode == 0

    def close(self):
        logs = [p.read_text() for p in self.bed.dir.glob("*.log")]
        print("".join(logs))
        self.bed.close()
        for router in self.routers:
            router.close()


@pytest.fixture(scope="module", name="world")
def _world():
    made = World()
    yield made
    made.close()


def test_ready_soon_and_small(world):
    for router in world.routers:
        status = pathlib.Path(f"/proc/{router.proc.pid}/status").read_text()
        rss_kb = int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
        assert rss_kb < 40 * 1024
        assert router.start_s < 3  # 0.3 s when the machine is not shared


@pytest.mark.parametrize("there", H2)
def test_ping_is_forwarded_by_the_fps(world, there):
    before = [r.forwarded_by_kernel() for r in world.routers]
    assert world.ping(there, 50)
    assert [r.forwarded_by_kernel() for r in world.routers] == before
    for router in world.routers:
        assert router.call("counters")["nodes"]["ip4_rewrite" if "." in there else "ip6_rewrite"]["pkts"] >= 100


@pytest.mark.parametrize("there,hops", [(H2[0], ["10.0.1.1", "10.0.9.2", H2[0]]),
                                        (H2[1], ["2001:db8:1::1", "2001:db8:9::2", H2[1]])])
def test_traceroute_shows_each_hop(world, there, hops):
    out = world.h1.run("traceroute", "-n", "-q", "1", "-w", "2", there).stdout
    assert [line.split()[1] for line in out.splitlines()[1:]] == hops
    assert world.routers[0].call("counters")["punts"]["ttl"] > 0


@pytest.mark.parametrize("family,there", [("-4", H2[0]), ("-6", H2[1])])
def test_tcp_through_a_link_of_1492(world, family, there):
    data = world.bed.dir / "data"
    got = world.bed.dir / "got"
    data.write_bytes(os.urandom(1 << 21))
    with open(got, "wb") as out:
        server = world.h2.popen("nc", family, "-l", "-N", "5000", stdout=out)
        testbed.poll("nc listens", lambda: ":5000" in world.h2.run("ss", "-Hltn").stdout)
        world.h1.run("sh", "-c", f"nc {family} -N -w 20 {there} 5000 <{data}", timeout=40)
        server.wait(10)
    assert got.read_bytes() == data.read_bytes()
    assert "mtu 1492" in world.h1.run("ip", "route", "get", there).stdout
    assert world.routers[0].call("counters")["punts"]["mtu"] > 0


def test_fragments_of_the_kernel_cross_the_narrow_link(world):
    assert world.ping(H2[0], 3, "-s", "1472", "-M", "dont")


def test_no_route_is_answered(world):
    before = world.routers[0].call("counters")["punts"]["no_route"]

    def answered():  # the kernel limits the rate of its answers
        out = world.h1.run("ping", "-n", "-c", "1", "-W", "1", "192.0.2.1", check=False).stdout
        return "From 10.0.1.1" in out and "Unreachable" in out
    testbed.poll("ICMP unreachable", answered, timeout=10)
    assert world.routers[0].call("counters")["punts"]["no_route"] > before


def test_router_answers_and_asks_itself(world):
    assert world.ping("10.0.9.2", 2)
    assert world.ping("2001:db8:9::2", 2)
    assert world.routers[1].ns.run("ping", "-n", "-c", "1", "-W", "2", H1[0]).returncode == 0


def test_routes_follow_the_kernel(world):
    r1 = world.routers[0]
    r1.ns.ip("route", "add", "blackhole", "198.51.100.0/24")

    def has(prefix):
        return [r for r in r1.call("fib")["routes"] if r["prefix"] == prefix]
    found = testbed.poll("route seen", lambda: has("198.51.100.0/24"))
    assert found[0]["type"] == "blackhole"
    r1.ns.ip("route", "del", "blackhole", "198.51.100.0/24")
    testbed.poll("route gone", lambda: not has("198.51.100.0/24"))
    adjacent = {a["address"]: a for a in r1.call("adjacencies")["adjacencies"]}
    assert adjacent["10.0.9.2"]["mac"] == MAC["r2", "eth0"]


def test_idle_takes_no_cpu(world):
    pid = world.routers[0].proc.pid

    def ticks():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before, begin = ticks(), time.monotonic()
    testbed.poll("a second", lambda: time.monotonic() - begin > 1, every=0.25)
    assert ticks() - before <= 5  # of 100


def test_substrate_restart(world):
    pids = [r.proc.pid for r in world.routers]
    testbed.end(world.substrate)
    testbed.poll("routers notice", lambda: not any(r.connected() for r in world.routers))
    world.start_substrate()
    begin = time.monotonic()
    testbed.poll("forwards again", lambda: world.ping(H2[0], 1) and world.ping(H2[1], 1), timeout=5)
    assert time.monotonic() - begin < 5
    assert [r.proc.pid for r in world.routers] == pids and all(r.proc.poll() is None for r in world.routers)


def test_neighbour_change_is_followed(world):
    """A host comes back with another MAC: the kernel learns it, the FP follows."""
    world.h2.ip("link", "set", "eth0", "down")
    world.h2.ip("link", "set", "eth0", "address", "02:00:00:00:77:77", "up")
    world.h2.ip("-6", "addr", "add", f"{H2[1]}/64", "dev", "eth0", "nodad", check=False)
    world.h2.ip("route", "replace", "default", "via", "10.0.2.1")
    world.h2.ip("-6", "route", "replace", "default", "via", "2001:db8:2::1")
    # h2 speaks first, as a host that comes up does
    for router, host in (("10.0.2.1", H2[0]), ("2001:db8:2::1", H2[1])):
        testbed.poll("h2 out", lambda router=router: world.h2.run(
            "ping", "-n", "-c", "1", "-W", "1", router, check=False).returncode == 0)
        testbed.poll("forwards again", lambda host=host: world.ping(host, 1))


def test_killed_fp_starts_from_the_kernels_table(world):
    """Last: r1 gets a zebra in its configuration that never comes; only seeded routes can forward."""
    r1 = world.routers[0]
    r1.kill()
    conf = json.loads(r1.conf.read_text())
    conf["cp"]["daemons"] = ["zebra"]
    r1.conf.write_text(json.dumps(conf))
    begin = time.monotonic()
    r1.start()
    testbed.poll("forwards again", lambda: world.ping(H2[0], 1) and world.ping(H2[1], 1), timeout=5, every=0.02)
    assert time.monotonic() - begin < 3
    before = r1.forwarded_by_kernel()
    assert world.ping(H2[0], 20)
    assert r1.forwarded_by_kernel() == before
    status = r1.call("status")["fpm"]
    assert status["routes"] > 0 and not status["connected"]


def test_own_taps(world):
    """--tap: without lamina-init the FP makes its TAPs, and takes them away at its end."""
    ns = world.bed.netns("alone")
    sock = world.bed.dir / "alone.sock"
    proc = ns.popen(testbed.BIN / "lamina-fp", "--tap", "-c", world.routers[1].conf, "-s", sock, "-m", world.bed.dir / "none",
                    "-f", "0")
    testbed.poll("up", lambda: all(i["up"] for i in rpc(sock, "status")["interfaces"]))
    assert MAC["r2", "eth0"] in ns.ip("link", "show", "eth0").stdout
    proc.terminate()
    assert proc.wait(5) == 0
    assert ns.ip("link", "show", "eth0", check=False).returncode != 0 and not sock.exists()


def test_refusals(world):
    """One plain line, exit code 1."""
    bad = world.bed.file("bad.json", '{"fp": {"mode": "fast", "memory_mb": 64}}')
    for args, words in ((("-c", "/nonexistent"), "/nonexistent"), (("-c", bad), f"{bad}: fp.mode: must be shared or dedicated"),
                        (("-c", world.routers[0].conf), "use --tap")):
        done = testbed.run([testbed.BIN / "lamina-fp", "-s", world.bed.dir / "never.sock", *args], check=False)
        assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr
