#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""sudo make demo: three Lamina nodes, two IP slices with the same addresses, one slice without IP, a legacy path.

usage: demo.py run|clean. KEEP=1 leaves the world up. See docs/demo.md.
"""

import contextlib
import errno
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

# pylint: disable=wrong-import-position
import nodes  # noqa: E402
import traffic  # noqa: E402
import wire  # noqa: E402
from testbed import Failed, Interrupted, LAMINA, Signals, Testbed, leftovers, own_dirs, poll, processes_of, run  # noqa: E402
from words import Step, bold, fact, green, quote, red  # noqa: E402

SLICES = {"a": 7, "b": 8, "c": 9}
TARGET = {"v4": "10.3.0.10", "v6": "2001:db8:3::10"}
LEGACY_TARGET = {"v4": "192.168.3.10", "v6": "2001:db8:a3::10"}


def start_nodes(bed):
    for name in nodes.NODES:
        node = bed.node(name, (HERE / f"{name}.xml").read_text())
        node.up()
        ports = node.inspect().get("ports", [])
        fact(f"{name} is up, ports {', '.join(p['name'] for p in ports)}")


def apply_slices(bed):
    for name, slice_id in SLICES.items():
        begin = time.monotonic()
        for node in bed.nodes.values():
            if name != "c" or node.name != "demo2":
                node.lamina("apply", "-t", HERE / f"slice-{name}.xml")
        fact(f"slice {name} (id {slice_id}) on all its nodes after {time.monotonic() - begin:.1f} s")


def ospf_full(node, sliver, neighbors):
    """True when all neighbours of OSPFv2 and OSPFv3 are Full."""
    v2 = node.vtysh_json(sliver, "show ip ospf neighbor json")
    v3 = node.vtysh_json(sliver, "show ipv6 ospf6 neighbor json")
    states2 = [str(n.get("nbrState", n.get("state", ""))) for ns in v2.get("neighbors", {}).values() for n in ns]
    states3 = [n.get("state", "") for n in v3.get("neighbors", [])]
    return all(len(s) == neighbors and all(n.startswith("Full") for n in s) for s in (states2, states3))


def bgp_established(node, sliver, peers):
    summary = node.vtysh_json(sliver, "show bgp summary json")
    states = [p.get("state") for af in ("ipv4Unicast", "ipv6Unicast")
              for p in summary.get(af, {}).get("peers", {}).values()]
    return len(states) == 2 * peers and all(s == "Established" for s in states)


def adjacencies(bed):
    for name in nodes.NODES:
        poll(f"{name}: OSPF of a/r{name[-1]}", lambda n=name: ospf_full(bed.nodes[n], f"a/r{n[-1]}", 2), 60)
    fact("slice a: every OSPFv2 and OSPFv3 neighbour is Full")
    for name in nodes.NODES:
        peers = 2 if name == "demo2" else 1
        poll(f"{name}: BGP of b/r{name[-1]}",
             lambda n=name, p=peers: bgp_established(bed.nodes[n], f"b/r{n[-1]}", p), 60)
    fact("slice b: every BGP session is Established, for IPv4 and IPv6")
    for name in ("demo1", "demo3"):
        poll(f"{name}: OSPF of the legacy router", lambda n=name: ospf_full(bed.nodes[n], "legacy/router", 1), 60)
    fact("legacy routers: OSPFv2 and OSPFv3 neighbours are Full")
    quote(bed.nodes["demo1"].vtysh("a/r1", "show ip ospf neighbor"))


def fib_counts(bed):
    for name, node in bed.nodes.items():
        # every sliver knows: three slice networks by protocol or connected; FPM has replayed
        poll(f"{name}: FIBs filled over FPM", lambda n=node: all(
            s["fpm"]["connected"] and s["fpm"]["synced"] for s in fibs(n)), 30)
        for sliver in fibs(node):
            fact(f"{name} {sliver['path']}: {sliver['fib']['ipv4']} IPv4 and {sliver['fib']['ipv6']} IPv6 routes "
                 f"in the FP's FIB, {sliver['fpm']['routes']} by FPM")


def fibs(node):
    """Slivers of a node that have a forwarding plane, as `lamina inspect` tells."""
    return [dict(sliver, path=f"{s['name']}/{sliver['name']}") for s in node.inspect()["slices"]
            for sliver in s["slivers"] if sliver.get("fib")]


def forwarded_by_kernels(bed):
    return {f"{n.name} {s['path']}": n.kernel_forwarded(s["path"]) for n in bed.nodes.values() for s in fibs(n)}


def paths(bed):
    """(title, client namespace, server namespace, targets, hops expected)"""
    ns = bed.netns
    return [("slice a", ns("a1"), ns("a3"), TARGET, 4), ("slice b", ns("b1"), ns("b3"), TARGET, 4),
            ("legacy", ns("l1"), ns("l3"), LEGACY_TARGET, 3)]


def ping_and_trace(bed):
    for title, client, _, targets, hops in paths(bed):
        for version, address in targets.items():
            traffic.reachable(client, address)
            answer = traffic.ping(client, address)
            route = poll(f"{title}: traceroute {address} shows {hops} hops", lambda c=client, a=address, h=hops:
                         (lambda r: r if len(r) == h and "*" not in r else None)(traffic.traceroute(c, a)), 20, 0.5)
            fact(f"{title} {version}: {answer}; path {' > '.join(route)}")


def tcp_transfers(bed):
    for title, client, server, targets, _ in paths(bed):
        for version, address in targets.items():
            fact(f"{title} TCP/{version}: {traffic.tcp(client, server, address)}")


def header_on_the_wire(bed):
    trunk = bed.netns("demo2")
    pcap = bed.dir / "header.pcap"
    with traffic.Capture(trunk, "to1", pcap, "ether", "proto", hex(wire.SLICE_ETHERTYPE)):
        traffic.ping(bed.netns("a1"), TARGET["v4"], 2)
    frames = [f for f in wire.read_pcap(pcap) if f.slice_id == SLICES["a"] and f.inner == 0x0800]
    if not frames:
        raise Failed("no frame of slice a was seen on the trunk demo1-demo2")
    fact("a ping of slice a, captured on the trunk between demo1 and demo2:")
    quote(frames[0].explain())


def own_protocol(bed):
    relay = (HERE / "relay.py").read_text()
    procs = []
    try:
        for name, sliver in (("demo1", "c/x1"), ("demo3", "c/x3")):
            proc = subprocess.Popen([LAMINA, "-n", name, "exec", sliver, "--", "python3", "-c", relay,
                                     hex(traffic.ETHERTYPE), "lan", "wan"], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, text=True, start_new_session=True)
            procs.append(proc)
            if proc.stdout.readline().strip() != "ready":
                raise Failed(f"{sliver}: the relay did not start")
        pcap = bed.dir / "own.pcap"
        with traffic.Capture(bed.netns("demo3"), "to1", pcap, "ether", "proto", hex(wire.SLICE_ETHERTYPE)):
            got = traffic.raw_frames(bed.netns("c1"), bed.netns("c3"), 20, "hello, no IP here")
        if got != [f"hello, no IP here {i}" for i in range(20)]:
            raise Failed(f"slice c: wrong payloads arrived: {got}")
        fact(f"20 of 20 frames of EtherType {traffic.ETHERTYPE:#06x} came from c1 to c3 through two raw slivers")
        frames = [f for f in wire.read_pcap(pcap) if f.slice_id == SLICES["c"]]
        if not frames or any(f.inner != traffic.ETHERTYPE or f.vif_id != 13 for f in frames):
            raise Failed("slice c: its frames on the trunk do not carry header type 2 with vif id 13")
        quote(frames[0].explain())
    finally:
        for proc in procs:
            proc.terminate()
            proc.wait()
            proc.stdout.close()


def isolation(bed):
    """Tagged payloads in both slices at once; every capture point may only hold its own tag."""
    count = 200
    points = {"a3": ("a3", "eth0"), "b3": ("b3", "eth0"), "c3": ("c3", "eth0"), "l3": ("l3", "eth0"),
              "trunk12": ("demo2", "to1"), "trunk23": ("demo3", "to2"), "trunk13": ("demo3", "to1")}
    # only what arrives: hosts answer some of it with ICMP that quotes the tag
    captures = {name: traffic.Capture(bed.netns(ns), interface, bed.dir / f"{name}.pcap", "-Q", "in")
                for name, (ns, interface) in points.items()}
    before = forwarded_by_kernels(bed)
    for capture in captures.values():
        capture.__enter__()
    try:
        for sender, tag in (("a1", "TAG-OF-SLICE-A"), ("b1", "TAG-OF-SLICE-B")):
            for address in TARGET.values():
                traffic.tagged_udp(bed.netns(sender), address, tag, count)
    finally:
        for capture in captures.values():
            capture.__exit__()
    after = forwarded_by_kernels(bed)
    seen = {name: wire.read_pcap(capture.path) for name, capture in captures.items()}
    count_tags(seen, count)
    moved = {path: (now[0] - before[path][0], now[1] - before[path][1]) for path, now in after.items()
             if now != before[path]}
    if moved:
        raise Failed(f"frames crossed a sliver's kernel: {moved}")
    fact(f"no frame of them crossed a kernel: IpForwDatagrams of {len(after)} slivers did not move")


def count_tags(seen, count):
    tag_a, tag_b = b"TAG-OF-SLICE-A", b"TAG-OF-SLICE-B"
    for name, own, other in (("a3", tag_a, tag_b), ("b3", tag_b, tag_a)):
        mine = sum(own in f.raw for f in seen[name])
        foreign = sum(other in f.raw for f in seen[name])
        if mine != 2 * count or foreign:
            raise Failed(f"host {name} got {mine} of {2 * count} own frames and {foreign} of the other slice")
        fact(f"host {name}: all {mine} frames of its own slice, {foreign} of the other")
    for name in ("c3", "l3"):
        if any(tag_a in f.raw or tag_b in f.raw for f in seen[name]):
            raise Failed(f"host {name} got a frame of slice a or b")
    total = 0
    for name in ("trunk12", "trunk23", "trunk13"):
        for frame in seen[name]:
            expected = SLICES["a"] if tag_a in frame.raw else SLICES["b"] if tag_b in frame.raw else None
            if expected is not None:
                total += 1
                if frame.slice_id != expected:
                    raise Failed(f"{name}: a frame of slice id {expected} travels as {frame.slice_id}")
    if total < 4 * count:
        raise Failed(f"only {total} tagged frames were seen on the trunks")
    fact(f"trunks: {total} tagged frames, each under its own slice id; none at the hosts of c and legacy")


STAGES = (
    ("Three nodes start", start_nodes),
    ("Three slices are applied: a (OSPF), b (BGP, the same addresses), c (no IP)", apply_slices),
    ("Routers find each other through the slices", adjacencies),
    ("FRR fills the forwarding planes over FPM", fib_counts),
    ("ping and traceroute", ping_and_trace),
    ("TCP", tcp_transfers),
    ("The slice header on the wire", header_on_the_wire),
    ("A protocol of one's own", own_protocol),
    ("Isolation", isolation),
)


def what_to_try():
    lamina = os.path.relpath(LAMINA)
    print(f"""
{bold('The demo is up. Try, as root:')}
  {lamina} -n demo1 inspect
  {lamina} -n demo1 vtysh a/r1 -c 'show ip route'
  {lamina} -n demo1 exec a/r1 -- ip address
  {lamina} -n demo1 counters
  ip netns exec lmdemo-a1 ping 10.3.0.10
  ip netns exec lmdemo-demo2 tcpdump -eni to1 ether proto 0x88b5
{bold('End it with:')} sudo make demo-clean""")


def build_world(bed):
    with Step("Namespaces, veth trunks and hosts"):
        nodes.build(bed)
        fact(f"{len(nodes.NODES)} node namespaces in a triangle, {len(nodes.HOSTS)} hosts")


def end_world(bed):
    """Take everything away; returns what could not be."""
    with Step("Everything goes away"):
        bed.close()
        try:
            poll("an end without leftovers", lambda: not leftovers(nodes.PREFIX, nodes.NODES), 10)
            fact("no process, namespace, container, TAP, hugetlbfs file or socket is left")
        except Failed:
            pass
    return leftovers(nodes.PREFIX, nodes.NODES)


def play(bed):
    """All stages in order; returns why it failed, or None."""
    try:
        build_world(bed)
        for title, stage in STAGES:
            with Step(title):
                stage(bed)
    except (Failed, Interrupted) as why:
        return str(why)
    except OSError as broken:
        if broken.errno not in (errno.EPIPE, errno.EIO):
            raise
        # nobody reads what we say any more; what was made goes away all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return "its output was closed"
    return None


def run_demo():
    if leftovers(nodes.PREFIX, nodes.NODES):
        sys.exit("demo: it is up already (or an earlier one left something); end it with: sudo make demo-clean")
    begin = time.monotonic()
    bed = Testbed(nodes.PREFIX)
    why = "an unforeseen error"
    try:
        why = play(bed)
    finally:
        keep = why is None and bool(os.environ.get("KEEP"))
        if keep:
            what_to_try()
        else:
            Signals.ignore()
            left = end_world(bed)
            if left:
                why = (f"{why}; " if why else "") + "left behind: " + "; ".join(left)
    print(f"\nafter {time.monotonic() - begin:.0f} s")
    if why:
        print(red(f"demo: failed: {why}"), flush=True)
        return 1
    print(green(bold("demo: passed")), flush=True)
    return 0


def end_node(name):
    """End a node, also one that is still starting or whose slice manager was killed."""
    begin = time.monotonic()

    def gone():
        if not pathlib.Path("/run/lamina", name).exists() and not processes_of(name):
            return True
        down = run([LAMINA, "-n", name, "node", "down"], check=False)
        if down.returncode != 0 and time.monotonic() - begin > 5:
            # a new slice manager takes away what a dead one left
            run([LAMINA, "node", "up", "-c", HERE / f"{name}.xml"], check=False)
        return False

    try:
        poll(f"the end of node {name}", gone, 60, 0.3)
    except Failed as why:
        print(why)


def end_namespace(name):
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in run(["ip", "netns", "pids", name], check=False).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), number)
        with contextlib.suppress(Failed):
            poll("no processes", lambda: not run(["ip", "netns", "pids", name], check=False).stdout.split(), 2)
    run(["ip", "netns", "del", name], check=False)


def clean():
    """End what a kept or killed demo left: nodes first, then namespaces, then files."""
    for name in nodes.NODES:
        end_node(name)
    for line in run(["ip", "netns", "list"]).stdout.splitlines():
        name = line.split()[0]
        if name.startswith(nodes.PREFIX + "-"):
            end_namespace(name)
    for path in own_dirs(nodes.PREFIX):
        shutil.rmtree(path)
    dirty = leftovers(nodes.PREFIX, nodes.NODES)
    for thing in dirty:
        print(f"left behind: {thing}")
    print("demo: clean" if not dirty else "demo: not clean")
    return 1 if dirty else 0


def main():
    if os.geteuid() != 0:
        sys.exit("demo: it makes network namespaces and needs root; run: sudo make demo")
    if sys.argv[1:] == ["run"]:
        Signals.watch()
        sys.exit(run_demo())
    if sys.argv[1:] == ["clean"]:
        sys.exit(clean())
    sys.exit(__doc__)


if __name__ == "__main__":
    main()
