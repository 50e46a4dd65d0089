# SPDX-License-Identifier: BSD-3-Clause
"""lamina-substrate alone, on veth ports in namespaces: what goes where, what is dropped and why."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from frames import SLICE, Tap, plain, sliced
from testbed import BIN, Failed, Testbed, end, poll

PEER = "02:00:00:00:00:99"  # who is at the other end of a port
BCAST = "ff:ff:ff:ff:ff:ff"
A, B, C, D = (f"02:4c:00:00:00:0{i}" for i in range(1, 5))


class RpcError(Exception):
    pass


class Substrate:
    """One lamina-substrate process in a namespace, and its RPC."""

    def __init__(self, bed, ns, *options):
        self.bed, self.ns, self.options = bed, bed.netns(ns), options
        self.path = bed.dir / f"{ns}.sock"
        self.proc = None
        self.start()

    def start(self):
        self.log = open(self.bed.dir / "substrate.log", "a")
        self.proc = self.ns.popen(BIN / "lamina-substrate", "--rpc", self.path, "--name", self.ns.name,
                                  "--memory", 32, *self.options, stderr=self.log)
        poll("substrate serves", lambda: self.alive() and self.path.exists() and self.answers())

    def alive(self):
        if self.proc.poll() is not None:
            raise AssertionError(f"substrate ended: {open(self.bed.dir / 'substrate.log').read()}")
        return True

    def answers(self):
        try:
            return self.call("status")
        except OSError:
            return None

    def call(self, method, **params):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.path))
            s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                  "params": params}).encode() + b"\n")
            reply = json.loads(s.makefile().readline())
        if "error" in reply:
            raise RpcError(reply["error"]["message"])
        return reply["result"]

    def port(self, name, mode="trunk", mtu=1600, **more):
        more.setdefault("devargs", f"net_af_packet_{name},iface={name}")
        self.call("port.add", name=name, mode=mode, mtu=mtu, **more)

    def tap_vif(self, name, ns, ifname, attach, macs, mtu=1500, **more):
        ns = self.bed.netns(ns)
        # the sliver's own kernel must be silent: tests count frames
        ns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.call("vif.add", name=name, attach=attach, macs=macs, mtu=mtu,
                  backend={"kind": "tap", "netns": f"/run/netns/{ns.name}", "ifname": ifname}, **more)
        ns.ip("link", "set", ifname, "up")
        return Tap(ns.name, ifname)

    def drops(self, kind, name):
        return self.call("counters")[kind][name]["drops"]

    def expect_drop(self, kind, name, reason, send, times=1):
        """send() makes exactly `times` drops of this reason there and none of another."""
        before = self.drops(kind, name)
        send()
        want = dict(before, **{reason: before.get(reason, 0) + times})
        last = {}

        def reached():
            last.update(self.drops(kind, name))
            return last == want

        try:
            poll("drop", reached, timeout=2, every=0.02)
        except Failed:
            assert last == want

    def wakeups(self):
        return sum(w["wakeups"] for w in self.call("status")["workers"])

    def stop(self, sig=signal.SIGTERM):
        if self.proc.poll() is None:
            os.kill(self.pid(), sig)
        self.proc.wait(5)
        self.log.close()

    def pid(self):
        return self.proc.pid  # ip netns exec becomes the command


def trunk(port="east", kind=2, vif_id=12):
    attach = {"kind": "trunk", "port": port, "type": kind}
    return dict(attach, vif_id=vif_id) if kind in (2, 3) else attach


class World:
    """Ports east (trunk), tagged (trunk, VLAN 100), acc (access), each with its peer's end."""

    def __init__(self, bed, *options):
        self.bed = bed
        for port, mtu in (("east", 1600), ("tagged", 1600), ("acc", 1500)):
            bed.trunk("sub", port, "peer", port, mtu)
        bed.trunk("sub", "spare", "peer", "spare")
        self.sub = Substrate(bed, "sub", *options)
        self.sub.port("east")
        self.sub.port("tagged", mtu=1590, vlan=100, **({"worker": 2} if options else {}))
        self.sub.port("acc", mode="access", mtu=1500)
        self.peer = {p: Tap(f"{bed.prefix}-peer", p) for p in ("east", "tagged", "acc")}
        self.vifs = {}

    def vif(self, name, attach, macs, **more):
        """A TAP vif; its namespace and TAP have its name."""
        self.vifs[name] = self.sub.tap_vif(name, name, f"t-{name}", attach, macs, **more)
        return self.vifs[name]

    def clear(self):
        for name, tap in self.vifs.items():
            tap.close()
            self.sub.call("vif.del", name=name)
        self.vifs.clear()
        for name in self.sub.call("counters")["xcs"]:
            self.sub.call("xc.del", name=name)
        for tap in self.peer.values():
            tap.drain()


@pytest.fixture(scope="module")
def shared_world():
    with Testbed("lmsub") as bed:
        world = World(bed)
        yield world
        world.sub.stop()


@pytest.fixture
def world(shared_world):
    yield shared_world
    shared_world.sub.alive()
    shared_world.clear()


@pytest.mark.parametrize("port,vlan", [("east", None), ("tagged", 100)])
@pytest.mark.parametrize("kind,words", [(1, [7]), (2, [7, 12])])
def test_strip(world, port, vlan, kind, words):
    """The header is taken off on the way in and written on the way out; octets are kept."""
    sliver = world.vif("r1", trunk(port, kind), [A], slice_id=7)
    for inner, payload in ((0x0800, b"ip" * 30), (0x0040, b"\xfe\xfe\x03" + b"isis" * 15),
                           (0x1234, b"own" * 20), (0x0800, b""), (0x8100, b"\0\5\x08\0" + b"q" * 40)):
        world.peer[port].send(sliced(A, PEER, kind, words, inner, payload, vlan=vlan))
        sliver.expect(plain(A, PEER, inner, payload))
        sliver.send(plain(PEER, A, inner, payload))
        world.peer[port].expect(sliced(PEER, A, kind, words, inner, payload, vlan=vlan))
    count = world.sub.call("counters")["vifs"]["r1"]
    assert (count["rx_pkts"], count["tx_pkts"], count["drops"]) == (5, 5, {})


def test_key_then_vmac(world):
    """Slices and vif ids are apart even with one vMAC; group addresses go to all vifs of a key."""
    v12 = world.vif("v12", trunk(vif_id=12), [A], slice_id=7)
    v13 = world.vif("v13", trunk(vif_id=13), [A], slice_id=7)
    other = world.vif("other", trunk(vif_id=12), [A], slice_id=8)
    same = world.vif("same", trunk(vif_id=12), [B, A], slice_id=7)
    east = world.peer["east"]
    east.send(sliced(A, PEER, 2, [7, 13]))
    v13.expect(plain(A, PEER))
    east.send(sliced(A, PEER, 2, [8, 12]))
    other.expect(plain(A, PEER))
    for dst in (BCAST, "01:00:5e:00:00:05", A):  # A is a vMAC of both
        east.send(sliced(dst, PEER, 2, [7, 12]))
        v12.expect(plain(dst, PEER))
        same.expect(plain(dst, PEER))
    east.send(sliced(B, PEER, 2, [7, 12]))
    same.expect(plain(B, PEER))
    world.sub.expect_drop("ports", "east", "no_such_vmac", lambda: east.send(sliced(C, PEER, 2, [7, 12])))
    for tap in world.vifs.values():
        tap.expect_none(0.02)


def test_promisc(world):
    sliver = world.vif("r1", trunk(), [A], slice_id=7, promisc=True)
    world.peer["east"].send(sliced(C, PEER, 2, [7, 12]))
    sliver.expect(plain(C, PEER))
    sliver.send(plain(PEER, D))
    world.peer["east"].expect(sliced(PEER, D, 2, [7, 12]))


@pytest.mark.parametrize("port,vlan", [("east", None), ("tagged", 100)])
def test_broken_headers(world, port, vlan):
    """Each error of a header has its own counter."""
    sliver = world.vif("r1", trunk(port), [A], slice_id=7)
    good = sliced(A, PEER, 2, [7, 12], vlan=vlan)
    tag = 4 if vlan else 0
    for reason, frame in (
            ("type_zero", sliced(A, PEER, 0, [7], vlan=vlan)),
            ("type_reserved", sliced(A, PEER, 16, [7], vlan=vlan)),
            ("type_reserved", sliced(A, PEER, 31, [7], vlan=vlan)),
            ("type_unknown", sliced(A, PEER, 4, [7], vlan=vlan)),
            ("type_unknown", sliced(A, PEER, 127, [7], vlan=vlan)),
            ("bad_len", sliced(A, PEER, 2, [7], vlan=vlan)),
            ("bad_len", sliced(A, PEER, 1, [7, 12], vlan=vlan)),
            ("bad_len", sliced(A, PEER, 128, [], vlan=vlan)),
            ("truncated", good[:16 + tag]),
            ("truncated", good[:25 + tag]),
            ("truncated", sliced(A, PEER, 255, [7], length=255, vlan=vlan)),
            ("slice_id_zero", sliced(A, PEER, 2, [0, 12], vlan=vlan)),
            ("unknown_slice", sliced(A, PEER, 2, [8, 12], vlan=vlan)),
            ("unknown_vif", sliced(A, PEER, 2, [7, 13], vlan=vlan)),
            ("unknown_vif", sliced(A, PEER, 1, [7], vlan=vlan))):
        world.sub.expect_drop("ports", port, reason, lambda f=frame: world.peer[port].send(f))
    world.peer[port].send(good)
    sliver.expect(plain(A, PEER))


def test_inline(world):
    """Types 3 and 128-255: the sliver sees the header; its slice and vif ids are not its choice."""
    loc = world.vif("loc", trunk(kind=3), [A], slice_id=7, header="inline")
    own = world.vif("own", trunk("tagged", 130), [B], slice_id=7, header="inline", max_words=3)
    east, tagged = world.peer["east"], world.peer["tagged"]
    east.send(sliced(A, PEER, 3, [7, 12, 0xAAAA, 0xBBBB]))
    loc.expect(sliced(A, PEER, 3, [7, 12, 0xAAAA, 0xBBBB]))
    loc.send(sliced(PEER, A, 3, [99, 98, 5, 6]))
    east.expect(sliced(PEER, A, 3, [7, 12, 5, 6]))
    tagged.send(sliced(B, PEER, 130, [7, 1, 2], vlan=100))
    own.expect(sliced(B, PEER, 130, [7, 1, 2]))
    own.send(sliced(PEER, B, 130, [0, 5]))
    tagged.expect(sliced(PEER, B, 130, [7, 5], vlan=100))
    drop = world.sub.expect_drop
    drop("vifs", "own", "too_many_words", lambda: own.send(sliced(PEER, B, 130, [7, 1, 2, 3])))
    drop("ports", "tagged", "too_many_words",
         lambda: tagged.send(sliced(B, PEER, 130, [7, 1, 2, 3], vlan=100)))
    drop("vifs", "own", "wrong_type", lambda: own.send(sliced(PEER, B, 131, [7])))
    drop("vifs", "own", "bad_len", lambda: own.send(sliced(PEER, B, 130, [])))
    drop("vifs", "own", "truncated", lambda: own.send(sliced(PEER, B, 130, [7], length=3, payload=b"")))
    drop("vifs", "own", "not_slice", lambda: own.send(plain(PEER, B)))
    drop("vifs", "loc", "bad_source_mac", lambda: loc.send(sliced(PEER, B, 3, [7, 12, 1, 2])))


def test_access(world):
    sliver = world.vif("r1", {"kind": "access", "port": "acc"}, [A], slice_id=7)
    acc = world.peer["acc"]
    for tags in ((), ((0x8100, 5),)):
        acc.send(plain(A, PEER, tags=tags))
        sliver.expect(plain(A, PEER, tags=tags))
        sliver.send(plain(PEER, A, tags=tags))
        acc.expect(plain(PEER, A, tags=tags))
    world.sub.expect_drop("ports", "acc", "no_such_vmac", lambda: acc.send(plain(B, PEER)))
    world.clear()
    world.sub.expect_drop("ports", "acc", "no_access_vif", lambda: acc.send(plain(A, PEER)))


def test_legacy(world):
    """Without the slice EtherType: to the legacy vif of the trunk, other tags too."""
    east, tagged = world.peer["east"], world.peer["tagged"]
    world.sub.expect_drop("ports", "east", "no_legacy_vif", lambda: east.send(plain(A, PEER)))
    one = world.vif("one", {"kind": "legacy", "port": "east"}, [A])
    two = world.vif("two", {"kind": "legacy", "port": "tagged"}, [A])
    for port, sliver in ((east, one), (tagged, two)):
        for frame in (plain(A, PEER), plain(BCAST, PEER, 0x0806), plain(A, PEER, tags=((0x8100, 5),)),
                      sliced(A, PEER, 1, [7], vlan=5)):
            port.send(frame)
            sliver.expect(frame)
        sliver.send(plain(PEER, A))
        port.expect(plain(PEER, A))
    world.sub.expect_drop("ports", "tagged", "wrong_vlan", lambda: tagged.send(sliced(A, PEER, 1, [7])))


def test_no_slice_hopping(world):
    """Only a trunk may bring slice headers, only for slices bound there."""
    world.vif("victim", trunk(), [B], slice_id=8)
    strip = world.vif("strip", trunk(), [A], slice_id=7)
    legacy = world.vif("legacy", {"kind": "legacy", "port": "east"}, [A])
    access = world.vif("access", {"kind": "access", "port": "acc"}, [A])
    patch = world.vif("patch", {"kind": "patch", "link": "l"}, [A])
    world.vif("patch2", {"kind": "patch", "link": "l"}, [B])
    evil = [sliced(B, A, 2, [8, 12]), plain(B, A, SLICE, tags=((0x8100, 5),)),
            plain(B, A, SLICE, tags=((0x88A8, 5), (0x8100, 6)))]
    for frame in evil:
        for name, tap in (("strip", strip), ("legacy", legacy), ("access", access), ("patch", patch)):
            world.sub.expect_drop("vifs", name, "slice_hopping", lambda t=tap, f=frame: t.send(f))
        world.sub.expect_drop("ports", "acc", "slice_hopping",
                              lambda f=frame: world.peer["acc"].send(f))
    for tap in (*world.vifs.values(), *world.peer.values()):
        tap.expect_none(0.02)


def test_source_mac(world):
    sliver = world.vif("r1", trunk(), [A, C], slice_id=7)
    for src in (B, BCAST, "03:00:00:00:00:01"):
        world.sub.expect_drop("vifs", "r1", "bad_source_mac", lambda s=src: sliver.send(plain(PEER, s)))
    sliver.send(plain(PEER, C))
    world.peer["east"].expect(sliced(PEER, C, 2, [7, 12]))


def test_patch(world):
    """A multipoint vlink: unicast to the one, groups to all others, nothing back to the sender."""
    link = {"kind": "patch", "link": "a/l1"}
    one = world.vif("one", link, [A])
    world.sub.expect_drop("vifs", "one", "no_peer", lambda: one.send(plain(B, A)))
    two, three = world.vif("two", link, [B]), world.vif("three", link, [C])
    far = world.vif("far", {"kind": "patch", "link": "a/l2"}, [B])
    one.send(plain(B, A))
    two.expect(plain(B, A))
    three.send(plain(BCAST, C))
    one.expect(plain(BCAST, C))
    two.expect(plain(BCAST, C))
    world.sub.expect_drop("vifs", "one", "no_such_vmac", lambda: one.send(plain(D, A)))
    for tap in (one, two, three, far):
        tap.expect_none(0.02)


def test_mtu(world):
    """Frames as long as the MTU pass, one octet more is dropped by name, both ways."""
    sliver = world.vif("r1", trunk(), [A], slice_id=7, mtu=1400)
    plug = world.vif("plug", {"kind": "access", "port": "acc"}, [A], mtu=1500)
    # a hostile sliver makes its own TAP larger
    for ns, tap in (("r1", "t-r1"), ("plug", "t-plug")):
        world.bed.netns(ns).ip("link", "set", tap, "mtu", "9000")
    east, acc = world.peer["east"], world.peer["acc"]
    full = b"m" * 1400
    east.send(sliced(A, PEER, 2, [7, 12], payload=full))
    sliver.expect(plain(A, PEER, payload=full))
    sliver.send(plain(PEER, A, payload=full))
    east.expect(sliced(PEER, A, 2, [7, 12], payload=full))
    drop = world.sub.expect_drop
    drop("vifs", "r1", "over_mtu", lambda: east.send(sliced(A, PEER, 2, [7, 12], payload=full + b"1")))
    drop("vifs", "r1", "over_mtu", lambda: sliver.send(plain(PEER, A, payload=full + b"1")))
    drop("vifs", "r1", "over_mtu", lambda: sliver.send(plain(PEER, A, payload=b"m" * 8000)))
    # a tag is no part of a port's MTU
    long = plain(PEER, A, payload=b"m" * 1500, tags=((0x8100, 5),))
    plug.send(long)
    acc.expect(long)
    drop("vifs", "plug", "over_mtu", lambda: plug.send(long + b"1"))
    # a port takes nothing longer than its own MTU, even when its interface would
    for ns in ("sub", "peer"):
        world.bed.netns(ns).ip("link", "set", "acc", "mtu", "1600")
    drop("ports", "acc", "over_mtu", lambda: acc.send(plain(A, PEER, payload=b"m" * 1501)))
    acc.send(plain(A, PEER, payload=b"m" * 1500))
    plug.expect(plain(A, PEER, payload=b"m" * 1500))


def test_cross_connects(world):
    """Transit without a sliver: ids, type and tag change, the rest stays."""
    east, tagged = world.peer["east"], world.peer["tagged"]
    add = world.sub.call
    add("xc.add", name="there", **{"in": {"port": "east", "slice_id": 7, "type": 2, "vif_id": 12},
                                   "out": {"port": "tagged", "slice_id": 9, "type": 1}})
    add("xc.add", name="back", **{"in": {"port": "tagged", "slice_id": 9, "type": 1},
                                  "out": {"port": "east", "slice_id": 7, "type": 2, "vif_id": 12}})
    add("xc.add", name="own", **{"in": {"port": "east", "slice_id": 7, "type": 200},
                                 "out": {"port": "tagged", "slice_id": 10, "type": 200}})
    add("xc.add", name="loc", **{"in": {"port": "tagged", "slice_id": 7, "type": 3, "vif_id": 1},
                                 "out": {"port": "east", "slice_id": 8, "type": 3, "vif_id": 2}})
    for _ in range(3):
        east.send(sliced(A, PEER, 2, [7, 12], 0x1234, b"transit" * 10))
        tagged.expect(sliced(A, PEER, 1, [9], 0x1234, b"transit" * 10, vlan=100))
    tagged.send(sliced(PEER, A, 1, [9], vlan=100))
    east.expect(sliced(PEER, A, 2, [7, 12]))
    east.send(sliced(A, PEER, 200, [7, 1, 2, 3]))
    tagged.expect(sliced(A, PEER, 200, [10, 1, 2, 3], vlan=100))
    tagged.send(sliced(A, PEER, 3, [7, 1, 5, 6], vlan=100))
    east.expect(sliced(A, PEER, 3, [8, 2, 5, 6]))
    count = world.sub.call("counters")["xcs"]
    assert {k: v["pkts"] for k, v in count.items()} == {"there": 3, "back": 1, "own": 1, "loc": 1}
    world.sub.expect_drop("ports", "tagged", "over_mtu",
                          lambda: east.send(sliced(A, PEER, 200, [7], payload=b"m" * 1583)))


def test_idle_sleeps(world):
    """Without frames no worker wakes; a frame still comes through at once."""
    sliver = world.vif("r1", trunk(), [A], slice_id=7)
    assert {p["wait"] for p in world.sub.call("status")["ports"]} == {"fd"}

    def quiet():
        first = world.sub.wakeups()
        time.sleep(1)  # the time that is measured, not waited for
        return world.sub.wakeups() - first <= 2

    poll("workers sleep", quiet, timeout=10)
    world.peer["east"].send(sliced(A, PEER, 2, [7, 12]))
    sliver.expect(plain(A, PEER), timeout=0.5)


def test_interface_down_and_up(world):
    """A port whose interface goes down neither spins nor dies; it works again when that is up."""
    sliver = world.vif("r1", trunk(), [A], slice_id=7)
    sub, east = world.bed.netns("sub"), world.peer["east"]
    sub.ip("link", "set", "east", "down")
    poll("port down", lambda: not world.sub.call("status")["ports"][0]["up"])
    first = world.sub.wakeups()
    for _ in range(1500):  # more than net_af_packet's ring, which it waits on
        sliver.send(plain(PEER, A))
    time.sleep(1)  # the time that is measured
    assert world.sub.wakeups() - first < 100
    sub.ip("link", "set", "east", "up")
    poll("port up", lambda: world.sub.call("status")["ports"][0]["up"])

    def through():
        try:
            east.send(sliced(A, PEER, 2, [7, 12]))
        except OSError:
            return False
        return sliver.recv(0.2) == plain(A, PEER)

    poll("frames again", through)
    east.drain()
    sliver.send(plain(PEER, A))
    east.expect(sliced(PEER, A, 2, [7, 12]))


def test_deleted_tap(world):
    """A sliver that deletes its TAP takes only its own vif down and wakes nobody for ever."""
    world.vif("r1", trunk(), [A], slice_id=7)
    r2 = world.vif("r2", trunk(vif_id=13), [B], slice_id=7)
    world.bed.netns("r1").ip("link", "del", "t-r1")
    poll("vif down", lambda: not world.sub.call("status")["vifs"][0]["up"])
    world.sub.expect_drop("vifs", "r1", "vif_down",
                          lambda: world.peer["east"].send(sliced(A, PEER, 2, [7, 12])))
    first = world.sub.wakeups()
    time.sleep(0.5)
    assert world.sub.wakeups() - first < 20
    world.peer["east"].send(sliced(B, PEER, 2, [7, 13]))
    r2.expect(plain(B, PEER))


@pytest.mark.parametrize("kind,devargs", [
    ("timer", "net_null_x0"), ("fd", "net_tap_x0,iface=lmsubx0"), ("poll", "net_null_x1")])
def test_what_a_port_waits_on(world, kind, devargs):
    """What each PMD offers a sleeping worker; the device is gone after port.del."""
    try:
        world.sub.port("x", mtu=1500, devargs=devargs, poll=kind == "poll")
    except RpcError as no:
        if "tap" in devargs:
            pytest.skip(f"net_tap: {no}")
        raise
    ports = {p["name"]: p["wait"] for p in world.sub.call("status")["ports"]}
    assert ports["x"] == kind
    world.sub.call("port.del", name="x")
    assert "lmsubx0" not in world.bed.netns("sub").ip("link").stdout
    world.sub.port("x", mtu=1500, devargs=devargs)  # can come again
    world.sub.call("port.del", name="x")


VIF = {"name": "v", "slice_id": 7, "attach": trunk(), "macs": [A], "mtu": 1500,
       "backend": {"kind": "tap", "netns": "/run/netns/none", "ifname": "t"}}


@pytest.mark.parametrize("method,params,says", [
    ("port.add", {"name": "p", "devargs": "net_af_packet_p,iface=nope", "mode": "trunk", "mtu": 1500},
     "port p: no device"),
    ("port.add", {"name": "p", "devargs": "net_af_packet_p,iface=spare,framesz=4096", "mode": "trunk",
                  "mtu": 1500}, "over --frame-max"),
    ("port.add", {"name": "p", "devargs": "net_af_packet_p,iface=spare", "mode": "trunk", "mtu": 1700},
     "over the 1600 of its interface"),
    ("port.add", {"name": "p", "devargs": "x", "mode": "both", "mtu": 1500}, "trunk or access"),
    ("port.add", {"name": "p", "devargs": "x", "mode": "trunk", "mtu": 15000}, "mtu is 15000"),
    ("port.add", {"name": "p", "devargs": "x", "mode": "access", "mtu": 1500, "vlan": 5}, "trunk ports only"),
    ("port.add", {"name": "east", "devargs": "x", "mode": "trunk", "mtu": 1500}, "exists already"),
    ("port.add", {"name": "p"}, "port.add: "),
    ("port.del", {"name": "p"}, "no port p"),
    ("vif.del", {"name": "v"}, "no vif v"),
    ("xc.del", {"name": "x"}, "no cross-connect x"),
    ("vif.add", VIF, "/run/netns/none"),
    ("vif.add", dict(VIF, mtu=1589), "over the 1600 of port east"),
    ("vif.add", dict(VIF, slice_id=0), "slice_id"),
    ("vif.add", dict(VIF, attach=trunk("acc")), "not a trunk"),
    ("vif.add", dict(VIF, attach=trunk("nope")), "no port nope"),
    ("vif.add", dict(VIF, attach=trunk(kind=5)), "type must be"),
    ("vif.add", dict(VIF, attach=trunk(kind=3)), "inline"),
    ("vif.add", dict(VIF, header="inline"), "inline"),
    ("vif.add", dict(VIF, attach=trunk(kind=128), header="inline"), "max_words"),
    ("vif.add", dict(VIF, attach=dict(trunk(kind=1), vif_id=3)), "carries no vif_id"),
    ("vif.add", dict(VIF, macs=[]), "macs"),
    ("vif.add", dict(VIF, macs=["ff:ff:ff:ff:ff:ff"]), "no interface's address"),
    ("vif.add", dict(VIF, macs=["2:0:0:0:0:1"]), "02:00"),
    ("vif.add", dict(VIF, backend={"kind": "vhost"}), "memif or tap"),
    ("vif.add", dict(VIF, backend={"kind": "memif", "socket": "/nope/" + "x" * 120}), "107"),
    ("xc.add", {"name": "x", "in": {"port": "east", "slice_id": 7, "type": 3, "vif_id": 1},
                "out": {"port": "tagged", "slice_id": 7, "type": 1}}, "types may change"),
])
def test_refusals(world, method, params, says):
    """One plain sentence, and nothing half-made."""
    before = world.sub.call("status")
    with pytest.raises(RpcError, match=says) as refused:
        world.sub.call(method, **params)
    assert "\n" not in str(refused.value)
    after = world.sub.call("status")
    assert (after["ports"], after["vifs"]) == (before["ports"], before["vifs"])


def test_used_ports_stay(world):
    world.vif("r1", trunk(), [A], slice_id=7)
    with pytest.raises(RpcError, match="vif r1 uses it"):
        world.sub.call("port.del", name="east")
    with pytest.raises(RpcError, match="takes the frames of this key"):
        world.sub.call("xc.add", name="x", **{
            "in": {"port": "east", "slice_id": 7, "type": 2, "vif_id": 12},
            "out": {"port": "tagged", "slice_id": 7, "type": 1}})


@pytest.mark.skipif(shutil.which("dpdk-testpmd") is None, reason="dpdk-testpmd is not installed")
def test_memif_with_testpmd(world):
    """DPDK's own memif client behind a vif: frames come back with their MACs swapped."""
    path = str(world.bed.dir / "memif.sock")
    world.sub.call("vif.add", name="m", slice_id=7, attach=trunk(), macs=[A], mtu=1500,
                   backend={"kind": "memif", "socket": path, "id": 3, "uid": 0, "gid": 0})
    assert os.stat(path).st_mode & 0o777 == 0o600
    argv = ["dpdk-testpmd", "--no-huge", "-m", "64", "--no-pci", "--no-shconf", "--no-telemetry",
            "--lcores", "0@(0-1),1@(0-1)", "--file-prefix", "lmsub-pmd", "--single-file-segments",
            "--vdev", f"net_memif0,role=client,id=3,socket={path},socket-abstract=no,bsize=2048",
            "--", "-i", "--forward-mode=macswap", "--total-num-mbufs=4096"]

    def up():
        return [v["up"] for v in world.sub.call("status")["vifs"]] == [True]

    for _ in range(2):  # and again: a client may leave and come back
        pmd = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        try:
            poll("memif up", up)
            pmd.stdin.write(b"set promisc all on\nstart\n")
            pmd.stdin.flush()

            def swapped():
                world.peer["east"].send(sliced(A, PEER, 2, [7, 12], payload=b"m" * 1400))
                return world.peer["east"].recv(0.3) == sliced(PEER, A, 2, [7, 12], payload=b"m" * 1400)

            poll("frames through memif", swapped)
        finally:
            pmd.stdin.close()
            end(pmd)
            shutil.rmtree("/run/dpdk/lmsub-pmd", ignore_errors=True)
        poll("memif down", lambda: not up())
        world.peer["east"].drain()
    world.sub.expect_drop("vifs", "m", "vif_down",
                          lambda: world.peer["east"].send(sliced(A, PEER, 2, [7, 12])))
    world.sub.call("vif.del", name="m")
    assert not os.path.exists(path)


def test_restart():
    """kill -9 and start again: TAPs are the same interfaces; SIGTERM leaves no socket and no port."""
    with Testbed("lmsubr") as bed:
        bed.trunk("sub", "east", "peer", "east")
        sub = Substrate(bed, "sub")

        def configure():
            sub.port("east")
            return sub.tap_vif("r1", "r1", "eth0", trunk(), [A], slice_id=7)

        def index():
            return json.loads(bed.netns("r1").ip("-j", "link", "show", "eth0").stdout)[0]["ifindex"]

        configure().close()
        first, peer = index(), Tap("lmsubr-peer", "east")
        sub.stop(signal.SIGKILL)
        assert index() == first
        assert not os.path.exists(f"/run/dpdk/lamina-{sub.ns.name}")
        sub.start()
        sliver = configure()
        assert index() == first
        peer.send(sliced(A, PEER, 2, [7, 12]))
        sliver.expect(plain(A, PEER))
        sub.stop()
        assert sub.proc.returncode == 0
        assert not sub.path.exists()
        assert index() == first
        assert not os.path.exists(f"/run/dpdk/lamina-{sub.ns.name}")
        sub.start()
        configure().close()
        sub.call("vif.del", name="r1")
        assert "eth0" not in bed.netns("r1").ip("link").stdout
        sub.call("port.del", name="east")
        sub.stop()
        sliver.close()
        peer.close()


def test_load_file():
    """--load runs requests at start; a bad one is named with file and line and ends it."""
    with Testbed("lmsubl") as bed:
        bed.trunk("sub", "east", "peer", "east")
        good = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "port.add", "params": {
            "name": "east", "devargs": "net_af_packet_e,iface=east", "mode": "trunk", "mtu": 1600}})
        sub = Substrate(bed, "sub", "--load", bed.file("good", f"# ports\n\n{good}\n"))
        assert [p["name"] for p in sub.call("status")["ports"]] == ["east"]
        sub.stop()
        bad = bed.file("bad", f"{good}\n" + good.replace("trunk", "both") + "\n")
        done = bed.netns("sub").run(BIN / "lamina-substrate", "--load", bad, check=False, timeout=10)
        assert done.returncode == 1
        assert f"{bad}:2: port.add" in done.stderr or f"{bad}:2: port east" in done.stderr


def test_two_workers():
    """Ports of different workers: frames are handed over, both ways, also to a sleeping worker."""
    with Testbed("lmsubw") as bed:
        world = World(bed, "--cores", "0,1")
        status = world.sub.call("status")
        assert {p["name"]: p["worker"] for p in status["ports"]}["tagged"] == 2
        sliver = world.vif("r1", trunk("east"), [A], slice_id=7, worker=2)
        other = world.vif("r2", trunk("east"), [B], slice_id=7, worker=1)
        world.sub.call("xc.add", name="x", **{
            "in": {"port": "east", "slice_id": 9, "type": 1},
            "out": {"port": "tagged", "slice_id": 9, "type": 1}})
        for i in range(50):
            payload = bytes([i]) * 60
            world.peer["east"].send(sliced(BCAST, PEER, 2, [7, 12], payload=payload))
            sliver.expect(plain(BCAST, PEER, payload=payload))
            other.expect(plain(BCAST, PEER, payload=payload))
            sliver.send(plain(PEER, A, payload=payload))
            world.peer["east"].expect(sliced(PEER, A, 2, [7, 12], payload=payload))
            world.peer["east"].send(sliced(A, PEER, 1, [9], payload=payload))
            world.peer["tagged"].expect(sliced(A, PEER, 1, [9], payload=payload, vlan=100))
            if i % 10 == 0:
                time.sleep(0.01)  # long enough for both to fall asleep
        # change the configuration under load: nothing may crash or hang
        for i in range(20):
            for _ in range(20):
                world.peer["east"].send(sliced(A, PEER, 2, [7, 12]))
                world.peer["east"].send(sliced(A, PEER, 1, [9]))
            world.sub.call("vif.del", name="r1")
            world.vifs.pop("r1").close()
            world.vif("r1", trunk("east"), [A], slice_id=7, worker=1 + i % 2)
        world.sub.alive()
        world.sub.stop()
        assert world.sub.proc.returncode == 0
