# SPDX-License-Identifier: BSD-3-Clause
"""What the demo sends and how it judges what came: ping, traceroute, TCP, own EtherTypes, tagged payloads."""

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

TCP_SERVER = """
import hashlib, socket, sys
s = socket.create_server((sys.argv[1], 7799), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("ready", flush=True)
c, _ = s.accept()
h, n = hashlib.sha256(), 0
while d := c.recv(65536):
    h.update(d)
    n += len(d)
c.sendall(b"done")
print(n, h.hexdigest(), flush=True)
"""

TCP_CLIENT = """
import hashlib, os, socket, sys, time
data = os.urandom(int(sys.argv[2]) << 20)
begin = time.monotonic()
s = socket.create_connection((sys.argv[1], 7799), 30)
s.sendall(data)
s.shutdown(socket.SHUT_WR)
assert s.recv(4) == b"done"
print(time.monotonic() - begin, hashlib.sha256(data).hexdigest(), flush=True)
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


def tcp(client, server, address, mbytes=10):
    """Send `mbytes` of random octets over TCP; both ends' SHA-256 must agree. Returns what was measured, in words."""
    listening = server.popen(PYTHON, "-c", TCP_SERVER, address, stdout=subprocess.PIPE, text=True)
    try:
        if listening.stdout.readline().strip() != "ready":
            raise Failed(f"{server.name}: the TCP server did not start")
        sent = client.run(PYTHON, "-c", TCP_CLIENT, address, mbytes, timeout=60).stdout.split()
        got = listening.stdout.readline().split()
        if sent[1] != got[1]:
            raise Failed(f"{client.name}: TCP to {address}: {got[0]} octets of {mbytes} MiB arrived, or altered")
        return f"{int(got[0]) / 1e6:.1f} MB in {float(sent[0]):.2f} s, {int(got[0]) * 8 / float(sent[0]) / 1e6:.0f} Mb/s, SHA-256 agrees"
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
        self.proc = self.ns.popen("tcpdump", "-i", self.interface, "-U", "--immediate-mode", "-w", self.path, "-s0", "-Z", "root",
                                  *self.expression, stderr=subprocess.PIPE, text=True)
        line = self.proc.stderr.readline()
        if "listening" not in line:
            line += self.proc.stderr.readline()
        if "listening" not in line:
            raise Failed(f"tcpdump on {self.ns.name}/{self.interface}: {line.strip()}")
        return self

    def __exit__(self, *_):
        time.sleep(0.2)  # frames already on the interface reach the file
        end(self.proc)
