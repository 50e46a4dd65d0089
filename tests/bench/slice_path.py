#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The slice path: frames from a source through the substrate, memif, an FP that forwards, and back out.

    source -> [core A: substrate] -> memif -> [core B: FP, IPv4] -> memif -> [core A: substrate] -> sink

ours       lamina-substrate takes frames with a slice header off a trunk port, removes it, passes them to
           lamina-fp, which does full IPv4 forwarding, writes the header again and sends them.
reference  dpdk-testpmd (io) passes plain frames to DPDK's l3fwd (lpm) over the net_memif PMD, and back to the sink.

Both have net_pcap with infinite_rx as the source (its sink counts and frees), rings of 1024, one core each for
substrate and FP, no huge pages. The FP gets the same 64-octet frames in both; on our trunk they are 72. The source
is faster than the path: what counts is the frames that come out, per second. Rounds alternate.

    SECONDS=3 PAIRS=5 CORES=0,1 LENGTH=64   what a run takes (these are the defaults)
    L3FWD=PATH                              an l3fwd that is built already (see l3fwd.py)

Needs root (a network namespace for the FP's TAP, and priority over what else runs).
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import l3fwd  # noqa: E402
import report  # noqa: E402

from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.utils import wrpcap  # noqa: E402

BIN = report.TOP / "build" / "rel" / "bin"
SECONDS = float(os.environ.get("SECONDS", "3"))
PAIRS = int(os.environ.get("PAIRS", "5"))
CORE_A, CORE_B = os.environ.get("CORES", "0,1").split(",")
LENGTH = int(os.environ.get("LENGTH", "64"))
SETTLE_S = 1.0
FRAMES = 256
VMAC, PEER_MAC = "02:4c:00:00:00:01", "02:00:00:00:00:02"
SLICE_HEADER = bytes.fromhex("88b5 01 01 00000007")  # EtherType, type SLICE, one word, slice 7
DETAILS = []  # of each of our rounds
NETNS = f"lm-bench-{os.getpid()}"


def make_frames(directory):
    """plain.pcap for the reference and trunk.pcap for us: the same frames, without and with slice header."""
    plain, trunk = [], []
    for i in range(FRAMES):
        ip = IP(src=f"198.18.1.{i % 254 + 1}", dst=f"198.18.0.{i % 254 + 1}") / UDP(sport=1024 + i, dport=9)
        frame = bytes(Ether(dst=VMAC, src=PEER_MAC) / ip / bytes(LENGTH - 42))
        plain.append(frame)
        trunk.append(frame[:12] + SLICE_HEADER + frame[12:])
    for name, frames in (("plain", plain), ("trunk", trunk)):
        wrpcap(str(directory / f"{name}.pcap"), frames, linktype=1)


def first(priority=2):
    """Before everything else that wants the cores; the threads that poll come after those that control."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))


def demote_pollers(*children):
    """The threads that are bound to one core are those that poll."""
    for child in children:
        for pid in (child.pid, *descendants(child.pid)):
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                if len(os.sched_getaffinity(int(task.name))) == 1:
                    os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(1))


def descendants(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [p for c in children for p in (int(c), *descendants(int(c)))]


def wait_until(what, test, seconds=15):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise SystemExit(f"slice-path: {what}: not within {seconds} s")
        time.sleep(0.02)


class Processes(contextlib.ExitStack):
    """Starts processes with a log each; ends them with the block, last first."""

    def __init__(self, directory):
        super().__init__()
        self.dir = directory

    def start(self, name, argv):
        log = open(self.dir / f"{name}.log", "w", encoding="utf-8")
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=log,
                                 stderr=subprocess.STDOUT, preexec_fn=first)
        self.callback(self._end, child, log)
        return child

    @staticmethod
    def _end(child, log):
        for pid in (child.pid, *descendants(child.pid)):  # as all others: what waits for a worker may spin
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        log.close()


def eal(core, prefix, memory):
    """A main thread that sleeps and one worker on `core`; l3fwd, which works on its main thread, is given one."""
    return ["--no-huge", "-m", memory, "--no-pci", "--no-telemetry", "--no-shconf", "--file-prefix", f"{prefix}{os.getpid()}",
            "-d", "librte_mempool_ring.so", "-d", "librte_net_memif.so", "-d", "librte_net_pcap.so", "--lcores", core]


def reference_commands(directory, binary):
    """The reference's command lines: its substrate and its FP."""
    sock = directory / "reference.sock"
    return (["dpdk-testpmd", *eal(f"0@({CORE_A},{CORE_B}),1@{CORE_A}", "lmtp", 256),
             f"--vdev=net_pcap0,rx_pcap={directory}/plain.pcap,infinite_rx=1",
             f"--vdev=net_memif0,role=server,socket={sock},socket-abstract=no,id=0,rsize=10", "--",
             "--total-num-mbufs=32768", "--burst=64", "--forward-mode=io", "--auto-start", "--no-lsc-interrupt",
             "--no-flush-rx", "--stats-period=1"],
            [binary, *eal(f"1@{CORE_B}", "lml3", 256),
             f"--vdev=net_memif0,role=client,socket={sock},socket-abstract=no,id=0,rsize=10", "--",
             "-P", "-p", "0x1", "--config=(0,0,1)", "--lookup=lpm", "--parse-ptype"])


def reference(directory, binary):
    """Frames a second that come back to testpmd's first port, by its own clock and counters."""
    substrate, fp = reference_commands(directory, binary)
    sock, log = directory / "reference.sock", directory / "reference-substrate.log"
    sock.unlink(missing_ok=True)
    with Processes(directory) as processes:
        testpmd = processes.start("reference-substrate", substrate)
        wait_until("testpmd", lambda: "NIC statistics" in log.read_text(encoding="utf-8"))
        router = processes.start("reference-fp", fp)
        rates = lambda: [int(n) for n in re.findall(  # noqa: E731
            r"statistics for port 0 .*?Tx-pps:\s+(\d+)", log.read_text(encoding="utf-8"), re.S)]
        wait_until("l3fwd", lambda: any(rates()))
        demote_pollers(testpmd, router)
        seen = len(rates()) + int(SETTLE_S)  # this second is not whole
        wait_until("testpmd's counters", lambda: len(rates()) >= seen + 1 + max(1, int(SECONDS)), 60)
        return statistics.mean(rates()[seen + 1:])


def rpc(path, method, params=None):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}).encode() + b"\n")
        reply = json.loads(s.makefile("rb").readline())
    if "error" in reply:
        raise SystemExit(f"slice-path: {method}: {reply['error']['message']}")
    return reply["result"]


def our_commands(directory):
    """Our command lines; also writes the files that they name."""
    load = [("port.add", {"name": "east", "devargs": f"net_pcap_east,rx_pcap={directory}/trunk.pcap,infinite_rx=1",
                          "mode": "trunk", "mtu": 1600, "poll": True}),
            ("vif.add", {"name": "b/r1/eth0", "slice_id": 7, "attach": {"kind": "trunk", "port": "east", "type": 1},
                         "header": "strip", "macs": [VMAC], "mtu": 1500,
                         "backend": {"kind": "memif", "socket": f"{directory}/memif.sock", "id": 0, "uid": 0, "gid": 0,
                                     "ring_size_log2": 10}})]
    (directory / "load.json").write_text("".join(json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": m, "params": p}) + "\n" for m, p in load), encoding="utf-8")
    (directory / "sliver.json").write_text(json.dumps({
        "node": "n1", "slice": "b", "sliver": "r1", "slice_id": 7, "type": "vrouter",
        "fp": {"cpus": [int(CORE_B)], "mode": "dedicated", "memory_mb": 64}, "cp": {"daemons": [], "config": ""},
        "interfaces": [{"name": "eth0", "client_id": "r1:if0", "macs": [VMAC], "mtu": 1500, "plane": "fp",
                        "header": "strip", "memif_id": 0, "promisc": False, "addresses": []}]}), encoding="utf-8")
    return ([BIN / "lamina-substrate", "--name", f"bench{os.getpid()}", "--mode", "poll", "--cores", CORE_A,
             "--memory", "256", "--rpc", directory / "substrate.sock", "--load", directory / "load.json"],
            ["ip", "netns", "exec", NETNS, BIN / "lamina-fp", "--config", directory / "sliver.json", "--memif",
             directory / "memif.sock", "--socket", directory / "fp.sock", "--tap", "--poll"])


def configure_sliver():
    """What FRR would do, by hand: an address, one route, a neighbour that is known."""
    for line in ("addr add 10.0.0.1/24 dev eth0", "link set eth0 up",
                 f"neigh replace 10.0.0.2 lladdr {PEER_MAC} nud permanent dev eth0",
                 "route add 198.18.0.0/24 via 10.0.0.2"):
        subprocess.run(["ip", "-n", NETNS, *line.split()], check=True)


def answers(path, method="status"):
    try:
        return rpc(path, method)
    except OSError:
        return None


def ours(directory):
    """Frames a second that leave our trunk port, by the substrate's counters."""
    substrate, fp = our_commands(directory)
    with Processes(directory) as processes:
        subprocess.run(["ip", "netns", "add", NETNS], check=True)
        processes.callback(subprocess.run, ["ip", "netns", "del", NETNS], check=True)
        subprocess.run(["ip", "netns", "exec", NETNS, "sysctl", "-qw", "net.ipv4.ip_forward=1",
                        "net.ipv6.conf.all.disable_ipv6=1"], check=True)
        mover = processes.start("our-substrate", substrate)
        wait_until("lamina-substrate", lambda: answers(directory / "substrate.sock"))
        router = processes.start("our-fp", fp)
        wait_until("lamina-fp", lambda: (answers(directory / "fp.sock") or {}).get("ready"))
        configure_sliver()
        wait_until("frames from lamina-fp", lambda: snapshot(directory)["out"])
        demote_pollers(mover, router)
        time.sleep(SETTLE_S)
        before = snapshot(directory)
        time.sleep(SECONDS)
        after = snapshot(directory)
        DETAILS.append(details(before, after))
        return (after["out"] - before["out"]) / (after["time"] - before["time"])


def snapshot(directory):
    substrate, fp = rpc(directory / "substrate.sock", "counters"), rpc(directory / "fp.sock", "counters")
    port, vif = substrate["ports"]["east"], substrate["vifs"]["b/r1/eth0"]
    return {"time": time.monotonic(), "in": port["rx_pkts"], "out": port["tx_pkts"], "nodes": fp["nodes"],
            "drops": {**{f"port {k}": n for k, n in port["drops"].items()}, **{f"vif {k}": n for k, n in vif["drops"].items()},
                      **{f"fp {k}": n for k, n in fp["drops"].items()}}}


def details(before, after):
    """Where frames and cycles of one of our rounds went: row name -> (value, unit)."""
    seconds = after["time"] - before["time"]
    rows = {"ours: taken from the source": ((after["in"] - before["in"]) / seconds, "frames/s")}
    for reason, n in after["drops"].items():
        if n != before["drops"].get(reason, 0):
            rows[f"ours: dropped, {reason}"] = ((n - before["drops"].get(reason, 0)) / seconds, "frames/s")
    for node, c in after["nodes"].items():
        frames, cycles = (c[k] - before["nodes"].get(node, {}).get(k, 0) for k in ("pkts", "cycles"))
        if frames > SECONDS * 1000 and node != "memif_rx":  # that one's cycles are those of polling, too
            rows[f"ours: lamina-fp {node}"] = (cycles / frames, "cycles/frame")
    return rows


def main():
    if os.geteuid() != 0:
        sys.exit("slice-path: needs root, for a network namespace and priority; run: sudo make bench-slice-path")
    binary = l3fwd.build()
    first()
    bench = report.Report("slice-path")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="lm-bench-"))
    try:
        make_frames(directory)
        if "--show" in sys.argv:
            for argv in (*our_commands(directory), *reference_commands(directory, binary)):
                print(" ".join(map(str, argv)))
            return 0
        rates = report.alternate({"ours": lambda: ours(directory), "reference": lambda: reference(directory, binary)}, PAIRS)
    except BaseException:
        print(f"slice-path: logs are left in {directory}", file=sys.stderr)
        raise
    shutil.rmtree(directory)
    for name, values in rates.items():
        bench.row(f"{name}, {LENGTH} octets", unit="frames/s", rounds=values)
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["reference"])
    bench.row("ours / reference, each pair", unit="x", rounds=[a / b for a, b in zip(*rates.values())])
    for name in DETAILS[-1]:
        rounds = [d[name][0] for d in DETAILS if name in d]
        bench.row(name, unit=DETAILS[-1][name][1], rounds=rounds)
    bench.bar("ours / reference", ratio, "x", ">=", 1.0)
    return bench.write()


if __name__ == "__main__":
    sys.exit(main())
