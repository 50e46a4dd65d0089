# SPDX-License-Identifier: BSD-3-Clause
"""What the demo sends and how it judges what came: ping, traceroute, TCP, own EtherTypes, tagged payloads."""

import json
import re
import subprocess
import sys
import time

from testbed import Failed, end, poll

PYTHON = sys.executable
ETHERTYPE = 0x7A11  # made up

SEND_RAW = """
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
src = s.getsockname()[4]
for i in range(int(sys.argv[2])):
    s.send(b"\\xff" * 6 + src + struct.pack("!H", int(sys.argv[1], 0)) + (sys.argv[3] + " %d" % i).encode().ljust(46, b"."))
"""

RECEIVE_RAW = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(int(sys.argv[1], 0)))
s.bind(("eth0", int(sys.argv[1], 0)))
print("ready", flush=True)
for i in range(int(sys.argv[2])):
    print(s.recv(2048)[14:].rstrip(b".").decode(), flush=True)
"""

SEND_UDP = """
import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[3])):
    s.sendto(("%s %d" % (sys.argv[2], i)).encode(), (sys.argv[1], 7777))
    time.sleep(0.002)
"""


def reachable(ns, address, timeout=30):
    """Wait until `address` answers a ping from namespace `ns`."""
    poll(f"{ns.name}: ping {address}",
         lambda: ns.run("ping", "-c1", "-W1", address, check=False).returncode == 0, timeout)


def ping(ns, address, count=5):
    out = ns.run("ping", "-c", count, "-i", "0.05", "-W", "2", address, check=False).stdout
    match = re.search(r"(\d+) packets transmitted, (\d+) received.*\n.*= [\d.]+/([\d.]+)/", out)
    if not match or match.group(1) != match.group(2):
        raise Failed(f"{ns.name}: ping {address} lost packets: {out.strip()}")
    return f"{match.group(2)} of {match.group(1)} answers, {match.group(3)} ms"


def traceroute(ns, address):
    """Addresses of the hops, in order."""
    out = ns.run("traceroute", "-6" if ":" in address else "-4", "-n", "-q1", "-w2", "-N1", address).stdout
    return [m.group(1) for m in re.finditer(r"^ *\d+  (\S+)", out, re.M)]


def tcp(client, server, address, mbytes=20):
    """Send `mbytes` over TCP with iperf3; returns what was measured in words."""
    listening = server.popen("iperf3", "-s", "-1", "-B", address)
    try:
        poll(f"{server.name}: iperf3 listens",
             lambda: ":5201" in server.run("ss", "-Hltn").stdout, 10)
        done = client.run("iperf3", "-c", address, "-n", f"{mbytes}M", "-J", timeout=60)
        report = json.loads(done.stdout)["end"]
        got = report["sum_received"]["bytes"]
        if got < mbytes * 1024 * 1024 * 0.99:
            raise Failed(f"{client.name}: TCP to {address} brought {got} octets of {mbytes} MiB")
        return (f"{got / 1e6:.0f} MB in {report['sum_received']['seconds']:.1f} s, "
                f"{report['sum_received']['bits_per_second'] / 1e6:.0f} Mb/s, "
                f"{report['sum_sent'].get('retransmits', 0)} retransmissions")
    finally:
        end(listening)


def raw_frames(sender, receiver, count, text):
    """Send frames of the made-up EtherType; returns the payloads that arrived."""
    proc = receiver.popen(PYTHON, "-c", RECEIVE_RAW, hex(ETHERTYPE), count, stdout=subprocess.PIPE, text=True)
    if proc.stdout.readline().strip() != "ready":
        raise Failed(f"{receiver.name}: the receiver did not start")
    sender.run(PYTHON, "-c", SEND_RAW, hex(ETHERTYPE), count, text)
    try:
        out, _ = proc.communicate(timeout=10)
    except subprocess.TimeoutExpired as late:
        end(proc)
        raise Failed(f"{receiver.name}: not all of {count} frames arrived") from late
    return out.splitlines()


def tagged_udp(sender, address, tag, count):
    sender.run(PYTHON, "-c", SEND_UDP, address, tag, count)


class Capture:
    """tcpdump on one interface of a namespace, from `with` to its end; .path is the pcap file."""

    def __init__(self, ns, interface, path, *expression):
        self.ns, self.interface, self.path, self.expression = ns, interface, path, expression

    def __enter__(self):
        self.proc = self.ns.popen("tcpdump", "-i", self.interface, "-U", "-w", self.path, "-s0", "-Z", "root",
                                  *self.expression, stderr=subprocess.PIPE, text=True)
        line = self.proc.stderr.readline()
        if "listening" not in line:
            line += self.proc.stderr.readline()
        if "listening" not in line:
            raise Failed(f"tcpdump on {self.ns.name}/{self.interface}: {line.strip()}")
        return self

    def __exit__(self, *_):
        time.sleep(0.2)  # the ring's last block is handed over after 100 ms at most
        end(self.proc)
