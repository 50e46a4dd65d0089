# SPDX-License-Identifier: BSD-3-Clause
"""Whole nodes: OSPF, BGP and IS-IS through forwarding planes, overlapping addresses, faults.

Two Lamina nodes joined by a trunk. Slices red (OSPFv2+v3) and blue (BGP) use the same addresses; green
runs IS-IS; each has a router on both nodes and hosts behind them. The middle link of red is a 1492-octet vif.
"""

import pathlib
import re
import signal
import os
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "demo"))

import traffic  # noqa: E402  pylint: disable=wrong-import-position
from testbed import Failed, Testbed, end, leftovers, poll, processes_of, run  # noqa: E402

PREFIX = "lmrt"
NODES = ("rt1", "rt2")
SLICES = {"red": 21, "blue": 22, "green": 23}
V4, V6 = "10.2.0.10", "2001:db8:2::10"

NODE = """<node xmlns="urn:lamina:node:1" name="rt{n}" netns="/run/netns/lmrt-rt{n}">
  <substrate cores="0" mode="sleep" memory-mb="96"/>
  <slivers cores="0-1" max="16" memory-mb="4096"/>
  <port name="mid" devargs="net_af_packet_mid,iface=mid" mode="trunk" mtu="1600"/>
  <port name="red" devargs="net_af_packet_red,iface=red" mode="access" mtu="1500"/>
  <port name="blue" devargs="net_af_packet_blue,iface=blue" mode="access" mtu="1500"/>
  <port name="green" devargs="net_af_packet_green,iface=green" mode="access" mtu="1500"/>
  <port name="lan" devargs="net_af_packet_lan,iface=lan" mode="trunk" mtu="1500"/>
  <legacy>
    <cp daemons="staticd"><config>
ip route 192.168.{m}.0/24 192.168.12.{m}
ipv6 route 2001:db8:a{m}::/64 2001:db8:a12::{m}
    </config></cp>
    <interface name="lan" port="lan">
      <ip address="192.168.{n}.1" netmask="255.255.255.0" type="ipv4"/>
      <ip address="2001:db8:a{n}::1" netmask="64" type="ipv6"/>
    </interface>
    <interface name="wan" port="mid">
      <ip address="192.168.12.{n}" netmask="255.255.255.0" type="ipv4"/>
      <ip address="2001:db8:a12::{n}" netmask="64" type="ipv6"/>
    </interface>
  </legacy>
</node>
"""

OSPF = """
interface mid
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ipv6 ospf6 area 0
 ipv6 ospf6 network point-to-point
 ipv6 ospf6 hello-interval 1
 ipv6 ospf6 dead-interval 4
interface lan
 ip ospf area 0
 ip ospf passive
 ipv6 ospf6 area 0
 ipv6 ospf6 passive
router ospf
 ospf router-id 10.0.0.{n}
 timers lsa min-arrival 0
 timers throttle lsa all 100
 timers throttle spf 10 50 1000
router ospf6
 ospf6 router-id 10.0.0.{n}
 timers lsa min-arrival 0
 timers throttle spf 10 50 1000
"""

BGP = """
router bgp 6500{n}
 bgp router-id 10.0.0.{n}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor 10.0.12.{m} remote-as 6500{m}
 neighbor 10.0.12.{m} timers 1 3
 neighbor 10.0.12.{m} timers connect 1
 neighbor 2001:db8:12::{m} remote-as 6500{m}
 neighbor 2001:db8:12::{m} timers 1 3
 neighbor 2001:db8:12::{m} timers connect 1
 address-family ipv4 unicast
  redistribute connected
  neighbor 10.0.12.{m} activate
 exit-address-family
 address-family ipv6 unicast
  redistribute connected
  neighbor 2001:db8:12::{m} activate
 exit-address-family
"""

ISIS = """
interface mid
 ip router isis g
 ipv6 router isis g
 isis network point-to-point
 isis hello-interval 1
interface lan
 ip router isis g
 ipv6 router isis g
 isis passive
router isis g
 net 49.0001.0000.0000.000{n}.00
 is-type level-2-only
 spf-interval 1
 lsp-gen-interval 1
"""

PROTOCOLS = {"red": ("ospfd ospf6d", OSPF, ' mtu="1492"'), "blue": ("bgpd", BGP, ""), "green": ("isisd", ISIS, "")}


def spec(name):
    daemons, config, mtu = PROTOCOLS[name]
    text = ('<rspec type="request" xmlns="http://www.geni.net/resources/rspec/3" '
            'xmlns:lm="urn:lamina:rspec:vrouter:1">\n'
            f'<lm:slice id="{SLICES[name]}" name="{name}"/>\n')
    for n, m in ((1, 2), (2, 1)):
        text += f"""<node client_id="r{n}" exclusive="false"><sliver_type name="vrouter"/><lm:node name="rt{n}"/>
<lm:fp mode="shared" memory_mb="64"/>
<lm:cp daemons="{daemons}"><lm:config>{config.format(n=n, m=m)}</lm:config></lm:cp>
<interface client_id="r{n}:lan"><ip address="10.{n}.0.1" netmask="255.255.255.0" type="ipv4"/>
<ip address="2001:db8:{n}::1" netmask="64" type="ipv6"/><lm:attach port="{name}" mode="access"/></interface>
<interface client_id="r{n}:mid"><ip address="10.0.12.{n}" netmask="255.255.255.0" type="ipv4"/>
<ip address="2001:db8:12::{n}" netmask="64" type="ipv6"/><lm:attach port="mid" mode="trunk"{mtu}/></interface>
</node>
"""
    return text + ('<link client_id="l"><interface_ref client_id="r1:mid"/><interface_ref client_id="r2:mid"/>'
                   "</link>\n</rspec>\n")


def applied(bed, name):
    path = bed.file(f"{name}.rspec", spec(name))
    for node in bed.nodes.values():
        node.lamina("apply", "-t", path)


@pytest.fixture(scope="module")
def world():
    bed = Testbed(PREFIX)
    try:
        bed.netns("rt1"), bed.netns("rt2")
        bed.trunk("rt1", "mid", "rt2", "mid", 1600)
        for n in (1, 2):
            for name in SLICES:
                bed.host(f"{name}{n}", f"rt{n}", name, [f"10.{n}.0.10/24", f"2001:db8:{n}::10/64"],
                         [f"default via 10.{n}.0.1", f"default via 2001:db8:{n}::1"])
            bed.host(f"lan{n}", f"rt{n}", "lan", [f"192.168.{n}.10/24", f"2001:db8:a{n}::10/64"],
                     [f"default via 192.168.{n}.1", f"default via 2001:db8:a{n}::1"])
            bed.node(f"rt{n}", NODE.format(n=n, m=3 - n)).up()
        for name in SLICES:
            applied(bed, name)
        yield bed
    finally:
        bed.close()
    poll("an end without leftovers", lambda: not leftovers(PREFIX, NODES), 15)


def hosts(world, name):
    return world.netns(f"{name}1"), world.netns(f"{name}2")


def full(node, sliver):
    v2 = node.vtysh(sliver, "show ip ospf neighbor")
    v3 = node.vtysh(sliver, "show ipv6 ospf6 neighbor")
    return "Full/" in v2 and " Full/" in v3


def targets(name):
    return ("192.168.2.10", "2001:db8:a2::10") if name == "lan" else (V4, V6)


def converged(world, name):
    """Both address families answer end to end."""
    for address in targets(name):
        traffic.reachable(hosts(world, name)[0], address, 60)


def pid_of(world, node, sliver, process):
    """Host pid of a named process in a sliver."""
    cgroup = f"/lamina/{node}/{sliver.replace('/', '.')}"
    return next((pid for pid, line, text in processes_of(node)
                 if cgroup in text and line and os.path.basename(line.split()[0]) == process), None)


class Paced:
    """A paced UDP stream between two hosts, 500 frames/s with numbers, to see which were lost and when."""

    RECEIVE = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind(("0.0.0.0", 7788))
print("ready", flush=True)
while True:
    d = s.recv(100)
    if d == b"end":
        break
    print(d.decode(), flush=True)
"""
    SEND = """
import signal, socket, sys, time
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
n, t = 0, time.monotonic()
print("ready", flush=True)
while not stop:
    s.sendto(b"%d %.4f" % (n, time.monotonic()), (sys.argv[1], 7788))
    n += 1
    t += 0.002
    time.sleep(max(0, t - time.monotonic()))
time.sleep(0.5)
print(n, flush=True)
for i in range(5):
    s.sendto(b"end", (sys.argv[1], 7788))
    time.sleep(0.05)
"""

    def __init__(self, sender, receiver, address):
        self.sender, self.receiver, self.address = sender, receiver, address

    def __enter__(self):
        pipe = {"stdout": subprocess.PIPE, "text": True}
        self.out = open(f"/tmp/{PREFIX}-{self.receiver.name}.txt", "w+", encoding="ascii")
        self.rx = self.receiver.popen(sys.executable, "-c", self.RECEIVE, stdout=self.out, text=True)
        poll("receiver", lambda: "ready" in pathlib.Path(self.out.name).read_text(), 10)
        self.tx = self.sender.popen(sys.executable, "-c", self.SEND, self.address, **pipe)
        assert self.tx.stdout.readline().strip() == "ready"
        return self

    def __exit__(self, *_):
        self.tx.send_signal(signal.SIGTERM)
        self.sent = int(self.tx.stdout.readline())
        try:
            self.rx.wait(5)
        except subprocess.TimeoutExpired:
            pass
        end(self.rx)
        end(self.tx)
        lines = pathlib.Path(self.out.name).read_text().split("\n")[1:]
        self.got = [(int(a), float(b)) for a, b in (line.split() for line in lines if line.count(" ") == 1)]
        self.out.close()
        os.unlink(self.out.name)

    @property
    def lost(self):
        return self.sent - len({n for n, _ in self.got})

    @property
    def longest_gap_s(self):
        times = [t for _, t in self.got]
        return max((b - a for a, b in zip(times, times[1:])), default=1e9)


def test_ospf_neighbors_are_full_and_routes_are_in_the_fib(world):
    for n in (1, 2):
        poll(f"rt{n} OSPF", lambda n=n: full(world.nodes[f"rt{n}"], f"red/r{n}"), 60)
    converged(world, "red")
    sliver = poll("FPM synced", lambda: next((
        s for sl in world.nodes["rt1"].inspect("red")["slices"] for s in sl["slivers"] if s["fpm"]["synced"]), None), 30)
    assert sliver["fpm"]["connected"] and sliver["fib"]["ipv4"] >= 3 and sliver["fib"]["ipv6"] >= 3


def test_bgp_sessions_are_established(world):
    def established():
        out = world.nodes["rt1"].vtysh_json("blue/r1", "show bgp summary json")
        return all(p["state"] == "Established" for af in ("ipv4Unicast", "ipv6Unicast")
                   for p in out[af]["peers"].values())
    poll("BGP", established, 60)
    converged(world, "blue")


def test_isis_runs_over_802_3_frames(world):
    poll("IS-IS adjacency", lambda: "Up" in world.nodes["rt1"].vtysh("green/r1", "show isis neighbor"), 60)
    converged(world, "green")


@pytest.mark.parametrize("name", ["red", "blue", "green", "lan"])
def test_tcp_and_ping_both_families(world, name):
    converged(world, name)
    client, server = hosts(world, name)
    for address in targets(name):
        traffic.ping(client, address)
        traffic.tcp(client, server, address, 5)


@pytest.mark.parametrize("name", ["red", "lan"])
def test_traceroute_shows_each_hop(world, name):
    converged(world, name)
    first = ("192.168.1.1", "2001:db8:a1::1") if name == "lan" else ("10.1.0.1", "2001:db8:1::1")
    second = ("192.168.12.2", "2001:db8:a12::2") if name == "lan" else ("10.0.12.2", "2001:db8:12::2")
    for address, hop1, hop2 in zip(targets(name), first, second):
        want = [hop1, hop2, address]
        poll(f"traceroute {address} = {want}",
             lambda a=address, w=want: traffic.traceroute(hosts(world, name)[0], a) == w, 20, 0.5)


def test_too_big_is_answered_with_the_middle_mtu(world):
    converged(world, "red")
    client = hosts(world, "red")[0]
    out = client.run("ping", "-M", "do", "-c1", "-W2", "-s", str(1500 - 28), V4, check=False)
    assert re.search(r"mtu[ =:]+1492", out.stdout + out.stderr), out.stdout + out.stderr
    client.ip("route", "flush", "cache")
    out = client.run("ping", "-6", "-M", "do", "-c2", "-i0.2", "-W2", "-s", str(1500 - 48), V6, check=False)
    assert re.search(r"mtu[ =:]+1492", out.stdout + out.stderr), out.stdout + out.stderr


def test_forwarded_frames_never_cross_the_kernel(world):
    converged(world, "red")
    client, server = hosts(world, "red")
    slivers = [(world.nodes[f"rt{n}"], f"red/r{n}") for n in (1, 2)]
    traffic.ping(client, V4, 3), traffic.ping(client, V6, 3)
    before = [node.kernel_forwarded(path) for node, path in slivers]
    for address in (V4, V6):
        traffic.ping(client, address, 100)
        with_small_segments(client, server, address)
    assert [node.kernel_forwarded(path) for node, path in slivers] == before


def with_small_segments(client, server, address):
    listening = server.popen("iperf3", "-s", "-1", "-B", address)
    try:
        poll("iperf3 listens", lambda: ":5201" in server.run("ss", "-Hltn").stdout, 10)
        client.run("iperf3", "-c", address, "-n", "2M", "-M", "1300")
    finally:
        end(listening)


def test_overlapping_addresses_stay_apart(world):
    for name in ("red", "blue"):
        converged(world, name)
    pcaps = {name: traffic.Capture(hosts(world, name)[1], "eth0", world.dir / f"{name}.pcap", "-Q", "in")
             for name in ("red", "blue")}
    with pcaps["red"], pcaps["blue"]:
        for name in pcaps:
            traffic.tagged_udp(hosts(world, name)[0], V4, f"TAG-{name}", 100)
    for name, other in (("red", "blue"), ("blue", "red")):
        data = pathlib.Path(pcaps[name].path).read_bytes()
        assert data.count(f"TAG-{name}".encode()) == 100
        assert f"TAG-{other}".encode() not in data


def drops(node, kind, name):
    return node.counters()[kind][name]["drops"]


def test_slice_hopping_is_refused(world):
    """Frames with the slice EtherType from an access host and from inside a sliver go nowhere, and are counted."""
    node = world.nodes["rt1"]
    frame = "b'\\xff'*6+b'\\x02\\0\\0\\0\\0\\x09'+bytes.fromhex('88b50101')+(22).to_bytes(4,'big')+b'\\x08\\0'+b'HOP'*20"
    send = f"import socket\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.bind(('%s',0))\ns.send({frame})"
    before = sum(drops(node, "ports", "red").values())
    with traffic.Capture(world.netns("rt2"), "mid", world.dir / "hop.pcap"):
        world.netns("red1").run(sys.executable, "-c", send % "eth0")
        node.lamina("exec", "red/r1", "--", "python3", "-c", send % "mid")
        poll("the drop is counted", lambda: sum(drops(node, "ports", "red").values()) > before, 5)
    assert b"HOPHOP" not in (world.dir / "hop.pcap").read_bytes()


def state_changes(node):
    """How often red/r1's neighbour 10.0.0.2 changed its state up to Full; None while it is not Full.

    The neighbour's first Hellos may carry another router id: that entry dies by itself and does not count.
    """
    neighbors = node.vtysh_json("red/r1", "show ip ospf neighbor detail json").get("neighbors", {})
    entry = neighbors.get("10.0.0.2", [{}])[0]
    return entry.get("stateChangeCounter") if str(entry.get("nbrState", "")).startswith("Full") else None


def test_fp_killed_forwards_within_3_s_and_ospf_stays_full(world):
    for name in ("red", "blue"):
        converged(world, name)
    node = world.nodes["rt1"]
    before = poll("OSPF is Full", lambda: state_changes(node), 20)
    with Paced(*hosts(world, "red"), V4) as red, Paced(*hosts(world, "blue"), V4) as blue:
        poll("the streams run", lambda: os.path.getsize(red.out.name) > 2000, 10)
        victim = pid_of(world, "rt1", "red/r1", "lamina-fp")
        os.kill(victim, signal.SIGKILL)
        poll("a new FP", lambda: pid_of(world, "rt1", "red/r1", "lamina-fp") not in (None, victim), 3)
        size = os.path.getsize(red.out.name)
        poll("red flows again", lambda: os.path.getsize(red.out.name) > size + 4000, 10)
    assert red.longest_gap_s < 3.0, f"red stood still for {red.longest_gap_s:.2f} s"
    assert blue.lost == 0, f"blue lost {blue.lost} of {blue.sent}"
    assert state_changes(node) == before, "OSPF left Full"


def routes(node, sliver):
    """The FIB of a sliver's kernel and RIB, without the ages."""
    text = node.vtysh(sliver, "show ip route") + node.vtysh(sliver, "show ipv6 route")
    return sorted(re.sub(r", [0-9:dwhm]+$", "", line) for line in text.splitlines() if line[:1] in "OBCSIK" and ">" in line)


def test_zebra_killed_loses_no_frame_and_comes_back(world):
    for name in ("red", "blue"):
        converged(world, name)
    node = world.nodes["rt1"]
    before = routes(node, "red/r1")
    assert len(before) >= 4
    with Paced(*hosts(world, "red"), V4) as red, Paced(*hosts(world, "blue"), V4) as blue:
        poll("the streams run", lambda: os.path.getsize(red.out.name) > 2000, 10)
        victim = pid_of(world, "rt1", "red/r1", "zebra")
        begin = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        poll("a new zebra", lambda: pid_of(world, "rt1", "red/r1", "zebra") not in (None, victim), 1.0, 0.02)
        poll("the table is as before", lambda: routes(node, "red/r1") == before, 15 - (time.monotonic() - begin))
    assert red.lost == 0, f"red lost {red.lost} of {red.sent}"
    assert blue.lost == 0, f"blue lost {blue.lost} of {blue.sent}"


def test_substrate_killed_forwards_within_5_s(world):
    node = world.nodes["rt1"]
    for name in ("red", "blue", "green", "lan"):
        converged(world, name)
    inits = {name: pid_of(world, "rt1", f"{name}/r1", "lamina-fp") for name in SLICES}
    substrate = int(pathlib.Path("/run/lamina/rt1/substrate.pid").read_text())
    with Paced(*hosts(world, "red"), V4) as red, Paced(*hosts(world, "blue"), V4) as blue:
        poll("the streams run", lambda: os.path.getsize(red.out.name) > 2000, 10)
        os.kill(substrate, signal.SIGKILL)
        sizes = {s: os.path.getsize(s.out.name) for s in (red, blue)}
        poll("both flow again", lambda: all(os.path.getsize(s.out.name) > sizes[s] + 4000 for s in sizes), 12)
    for stream in (red, blue):
        assert stream.longest_gap_s < 5.0, f"stood still for {stream.longest_gap_s:.2f} s"
    assert inits == {name: pid_of(world, "rt1", f"{name}/r1", "lamina-fp") for name in SLICES}
    for address in targets("lan"):
        traffic.reachable(world.netns("lan1"), address, 10)
    assert node.lamina("node", "status").returncode == 0


def test_destroy_and_apply_again(world):
    node_list = list(world.nodes.values())
    for node in node_list:
        node.lamina("destroy", "green")
        assert "green" not in [s["name"] for s in node.inspect()["slices"]]
    with pytest.raises(Failed):
        node_list[0].vtysh("green/r1", "show version")
    applied(world, "green")
    converged(world, "green")


def test_nothing_of_a_destroyed_slice_is_left(world):
    world.nodes["rt1"].lamina("destroy", "blue")
    assert not pathlib.Path("/run/lamina/rt1/s/blue").exists()
    assert pid_of(world, "rt1", "blue/r1", "lamina-fp") is None
    assert "blue/r1/mid" not in world.nodes["rt1"].counters()["vifs"]
    assert "lamina-rt1-blue" not in run(["runc", "--root", "/run/lamina/rt1/runc", "list", "-q"]).stdout
