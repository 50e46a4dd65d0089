# SPDX-License-Identifier: BSD-3-Clause
"""A real substrate with two slices, one of whose forwarding planes is an attacker's.

tests/unit/substrate/tool_hostile_client.c takes the place of slice 7's FP on four memif vifs. All it
sends is marked; nothing marked may reach slice 8, another port, or leave under another slice's name.
"""

import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from frames import SLICE, Tap, mac, plain, sliced
from test_substrate import A, B, C, PEER, Substrate, trunk
from testbed import TOP, Testbed, end, poll

TOOL = TOP / "build/rel/unit/substrate/tool_hostile_client"
MARK = b"EVIL"
EVIL = ("e-strip", "e-locator", "e-own", "e-patch")
SO_RCVBUFFORCE = 33


def roomy(tap):
    tap.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
    return tap


class World:
    def __init__(self, bed):
        self.bed = bed
        for port in ("east", "west"):
            bed.trunk("sub", port, "peer", port)
        bed.trunk("sub", "acc", "peer", "acc")
        self.sub = Substrate(bed, "sub")
        self.sub.port("east")
        self.sub.port("west")
        self.sub.port("acc", mode="access", mtu=1500)
        self.peer = {p: roomy(Tap(f"{bed.prefix}-peer", p)) for p in ("east", "west", "acc")}
        self.path = bed.dir / "memif.sock"
        for i, (name, attach, more) in enumerate((
                (EVIL[0], trunk(), {}),
                (EVIL[1], trunk(kind=3), {"header": "inline"}),
                (EVIL[2], trunk(kind=130), {"header": "inline", "max_words": 3}),
                (EVIL[3], {"kind": "patch", "link": "e/l"}, {}))):
            self.sub.call("vif.add", name=name, slice_id=7, attach=attach, macs=[A], mtu=1500,
                          backend={"kind": "memif", "socket": str(self.path), "id": i, "uid": 0, "gid": 0},
                          **more)
        # the other slice: the attacker's own MAC too, the same vif id, a vlink of the same name
        macs = [A, B]
        self.victims = {
            "v-trunk": self.victim("v-trunk", trunk(), macs),
            "v-west": self.victim("v-west", trunk("west"), macs),
            "v-access": self.victim("v-access", {"kind": "access", "port": "acc"}, macs),
            "v-patch": self.victim("v-patch", {"kind": "patch", "link": "v/l"}, macs),
            "legacy": self.victim("legacy", {"kind": "legacy", "port": "east"}, macs)}
        self.evil_peer = self.victim("e-peer", {"kind": "patch", "link": "e/l"}, [C], slice_id=7)

    def victim(self, name, attach, macs, slice_id=8):
        if attach["kind"] == "legacy":
            slice_id = 0
        return roomy(self.sub.tap_vif(name, name, f"t-{name}", attach, macs, slice_id=slice_id))

    def attack(self, kind, seconds):
        proc = subprocess.Popen([TOOL, kind, str(seconds), str(self.path)], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
        assert proc.stdout.readline() == "up\n"
        return proc

    def counters(self):
        return self.sub.call("counters")


@pytest.fixture(scope="module", autouse=True)
def tool():
    user = os.environ.get("AS_USER", "").split()
    subprocess.run([*user, "make", "-s", "-C", str(TOP), str(TOOL.relative_to(TOP))], check=True)


@pytest.fixture(scope="module")
def world():
    with Testbed("lmhos") as bed:
        made = World(bed)
        yield made
        made.sub.alive()
        made.sub.stop()
        assert made.sub.proc.returncode == 0


def marked(tap):
    """All frames with the attacker's mark that came."""
    got = []
    while (frame := tap.recv(0)) is not None:
        if MARK in frame:
            got.append(frame)
    return got


def only_own(frame):
    """A frame as the attacker's vifs on the trunk may send: own key, own source, no header in it."""
    if frame[6:12] != mac(A) or frame[12:14] != struct.pack(">H", SLICE):
        return False
    kind, words = frame[14], frame[15]
    info = struct.unpack(f">{words}I", frame[16:16 + 4 * words])
    if kind == 2:
        at = 24  # strip: what follows is no slice header, behind tags neither
        while frame[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
            at += 4
        return info == (7, 12) and frame[at:at + 2] != struct.pack(">H", SLICE)
    if kind == 3:
        return info[:2] == (7, 12)
    return kind == 130 and info[0] == 7 and words <= 3


def check_nothing_escaped(world):
    for name, tap in (*world.victims.items(), ("west", world.peer["west"]), ("acc", world.peer["acc"])):
        assert not marked(tap), f"frames of slice 7 at {name}"
    bad = [f.hex() for f in marked(world.peer["east"]) if not only_own(f)]
    assert not bad, f"{len(bad)} frames, first {bad[0]}"
    assert all(f[6:12] == mac(A) for f in marked(world.evil_peer))


def test_frames(world):
    """Spoofed sources, foreign ids, headers in headers, tags, all lengths: each passes as the
    attacker's own or is dropped under a name, and the counters leave none out."""
    before = world.counters()
    proc = world.attack("frames", 4)
    sent = list(map(int, proc.communicate(timeout=30)[0].split()))[:4]
    assert min(sent) > 1000

    def taken():
        return [world.counters()["vifs"][v]["tx_pkts"] - before["vifs"][v]["tx_pkts"] for v in EVIL] == sent

    poll("all frames taken", taken, timeout=5)
    after = world.counters()
    drops = {v: after["vifs"][v]["drops"] for v in EVIL}
    for v in EVIL:
        assert drops[v]["bad_source_mac"] > 0 and drops[v]["runt"] > 0
    assert drops["e-strip"]["slice_hopping"] > 0 and drops["e-patch"]["slice_hopping"] > 0
    for reason in ("not_slice", "wrong_type", "truncated", "too_many_words", "over_mtu"):
        assert drops["e-own"].get(reason, 0) > 0, reason
    passed = sum(n - sum(drops[v].values()) for n, v in zip(sent[:3], EVIL))
    east = after["ports"]["east"]
    assert passed > 1000
    assert east["tx_pkts"] - before["ports"]["east"]["tx_pkts"] + sum(east["drops"].values()) == passed
    for port in ("west", "acc"):
        assert after["ports"][port]["tx_pkts"] == before["ports"][port]["tx_pkts"]
    time.sleep(0.05)
    assert len(poll("frames at the peer", lambda: world.peer["east"].recv(0.5))) > 0
    check_nothing_escaped(world)


class Paced:
    """Numbered frames to and from the victim on the west port, `pps` each way; counts what comes."""

    def __init__(self, world, pps, seconds):
        self.n = int(pps * seconds)
        self.period = 1 / pps
        self.world = world
        self.port, self.sliver = world.peer["west"], world.victims["v-west"]

    def run(self):
        self.port.drain()
        self.sliver.drain()
        start = time.monotonic()
        for i in range(self.n):
            payload = b"PACE" + struct.pack(">I", i) + bytes(50)
            self.port.send(sliced(B, PEER, 2, [8, 12], payload=payload))
            self.sliver.send(plain(PEER, B, payload=payload))
            time.sleep(max(0.0, start + (i + 1) * self.period - time.monotonic()))
        return self.n - self.count(self.sliver), self.n - self.count(self.port)

    def count(self, tap):
        seen = set()
        while (frame := tap.recv(0.3)) is not None:
            at = frame.find(b"PACE")
            if at >= 0:
                seen.add(frame[at:at + 8])
        return len(seen)


@pytest.mark.parametrize("kind", ["flood", "break"])
def test_neighbour_is_unharmed(world, kind):
    """Floods with needless wake-ups, then memif clients that break rules for seconds: the other
    slice loses at most 0.1 % of a paced stream, and the control thread answers."""
    before = world.counters()
    # the flood may fill its own peer's socket; nobody reads there meanwhile
    proc = world.attack(kind, 5)
    slowest = [0.0]
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            start = time.monotonic()
            world.sub.call("status")
            slowest[0] = max(slowest[0], time.monotonic() - start)
            stop.wait(0.1)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        paced = Paced(world, 1000, 4)
        lost = paced.run()
    finally:
        stop.set()
        asker.join()
        out = proc.communicate(timeout=30)[0]
        end(proc)
    sent = list(map(int, out.split()))
    assert max(lost) <= paced.n * 0.001, f"{lost} of {paced.n} lost"
    assert slowest[0] < 2, f"an answer took {slowest[0]:.1f} s"
    after = world.counters()
    if kind == "flood":
        assert sent[0] > 10000
    else:
        assert sent[4] > 4, "no vif came up again"
        assert sum(after["vifs"][v]["drops"].get("bad_descriptor", 0) for v in EVIL) > 4
    for name in world.victims:
        assert after["vifs"][name]["drops"] == before["vifs"][name]["drops"]
    check_nothing_escaped(world)
