#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Record what a real zebra says over FPM into tests/unit/fp/data/*.fpm (root; replaces the files).

Each file holds connections one after another: a 4-octet little-endian length, then the octets.
test_fpm_recorded.c replays them and knows what must come out.
"""
import pathlib
import socket
import struct
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS))
from private_frr import PrivateFrr  # noqa: E402  pylint: disable=wrong-import-position

DATA = TESTS / "unit" / "fp" / "data"


class Listener:
    """Takes zebra's connections in the namespace `netns` and keeps what each one sent."""

    def __init__(self, netns, port):
        self.connections = []
        self.current = None
        self.listener = None
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(netns, port, ready), daemon=True)
        self.thread.start()
        ready.wait(5)

    def _serve(self, netns, port, ready):
        # a thread may live in another network namespace than its process
        import ctypes  # pylint: disable=import-outside-toplevel
        with open(f"/run/netns/{netns}", "rb") as ns:
            if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), 0) != 0:
                sys.exit("setns failed")
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(4)
        ready.set()
        while True:
            self.current, _ = self.listener.accept()
            data = bytearray()
            self.connections.append(data)
            while True:
                try:
                    more = self.current.recv(65536)
                except OSError:
                    more = b""
                if not more:
                    break
                data += more

    def drop(self):
        """End the present connection; zebra connects again after 3 s."""
        self.current.shutdown(socket.SHUT_RDWR)

    def wait(self, connections, seconds=15):
        """Until that many connections were made and the last has been silent for 1.5 s."""
        deadline = time.monotonic() + seconds
        size, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            now = sum(map(len, self.connections))
            if now != size or len(self.connections) < connections or not self.connections[-1]:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > 1.5:
                return
            time.sleep(0.05)
        sys.exit(f"zebra did not connect {connections} times and settle")


def record(name, nhg):
    """Static routes of every kind, changes, a reconnect, a restart of zebra."""
    frr = PrivateFrr(f"lmfpm-rec{int(nhg)}", nhg=nhg)
    try:
        listener = Listener(frr.netns, frr.port)
        frr.port_pair("eth0", ["10.0.0.1/24", "2001:db8::1/64"], "peer0")
        frr.port_pair("eth1", ["10.0.1.1/24", "2001:db8:1::1/64"], "peer1")
        frr.start_zebra()
        frr.start_staticd()
        listener.wait(1)
        frr.configure(
            "ip route 192.0.2.0/24 10.0.0.2",
            "ip route 192.0.3.0/24 10.0.0.2", "ip route 192.0.3.0/24 10.0.1.2",
            "ip route 192.0.4.0/24 blackhole", "ip route 192.0.5.0/24 reject",
            "ip route 192.0.6.0/24 eth1", "ip route 0.0.0.0/0 10.0.0.254",
            "ip route 192.0.7.0/24 192.0.3.9",
            "ipv6 route 2001:db8:11::/48 2001:db8::2",
            "ipv6 route 2001:db8:12::/48 2001:db8::2", "ipv6 route 2001:db8:12::/48 2001:db8:1::2",
            "ipv6 route 2001:db8:13::/48 fe80::2 eth1", "ipv6 route 2001:db8:14::/48 blackhole",
            "ip route 198.51.100.0/24 10.0.0.3")
        listener.wait(1)
        # changes: a second next hop, another next hop, one less, a delete; a kernel route; a link down
        frr.configure("ip route 192.0.2.0/24 10.0.1.2")
        frr.configure("no ip route 192.0.3.0/24 10.0.0.2", "ip route 198.51.100.0/24 10.0.1.3",
                      "no ip route 198.51.100.0/24 10.0.0.3")
        frr.configure("no ip route 192.0.4.0/24 blackhole", "no ipv6 route 2001:db8:14::/48 blackhole")
        frr.run("ip", "route", "add", "203.0.113.0/24", "via", "10.0.1.9")
        listener.wait(1)
        listener.drop()
        listener.wait(2)
        frr.kill("zebra")
        frr.remove_file("/run/frr/zserv.api")
        frr.start_zebra()
        listener.wait(3, 30)
        # staticd finds the new zebra 10 s after it lost the old one
        deadline = time.monotonic() + 15
        size = len(listener.connections[2])
        while len(listener.connections[2]) == size and time.monotonic() < deadline:
            time.sleep(0.1)
        listener.wait(3, 30)
        DATA.mkdir(exist_ok=True)
        blob = b"".join(struct.pack("<I", len(c)) + c for c in listener.connections)
        (DATA / f"{name}.fpm").write_bytes(blob)
        print(name, [len(c) for c in listener.connections])
        print(frr.run("ip", "route", "show", "table", "main"))
        print(frr.run("ip", "-6", "route", "show", "table", "main"))
    finally:
        frr.close()


if __name__ == "__main__":
    record("zebra-plain", False)
    record("zebra-nhg", True)
