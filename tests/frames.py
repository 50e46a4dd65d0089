# SPDX-License-Identifier: BSD-3-Clause
"""Raw frames in and out of interfaces of other namespaces, and slice headers for tests."""

import ctypes
import os
import select
import socket
import struct
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TP_STATUS_VLAN_VALID = 0x10
CLONE_NEWNET = 0x40000000
SLICE = 0x88B5

_libc = ctypes.CDLL(None, use_errno=True)


def _setns(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(fd)


class Tap:
    """A packet socket on an interface of a namespace: sends and takes whole frames, tags included."""

    def __init__(self, netns, interface):
        self.name = f"{netns}/{interface}"
        _setns(f"/run/netns/{netns}")
        try:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.sock.bind((interface, ETH_P_ALL))
        finally:
            _setns("/proc/1/ns/net" if os.getpid() == 1 else f"/proc/{os.getpid()}/ns/net")
        self.drain()

    def send(self, frame):
        self.sock.send(bytes(frame))

    def recv(self, timeout=2.0):
        """The next frame, or None after `timeout` seconds."""
        if not select.select([self.sock], [], [], timeout)[0]:
            return None
        data, anc, _, _ = self.sock.recvmsg(65536, 256)
        for level, kind, value in anc:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                if status & TP_STATUS_VLAN_VALID:  # the kernel took the tag out
                    data = data[:12] + struct.pack(">HH", tpid or 0x8100, tci) + data[12:]
        return data

    def expect(self, frame, timeout=2.0):
        """Wait for exactly this frame; others before it are an error."""
        got = self.recv(timeout)
        assert got is not None, f"{self.name}: no frame, wanted {bytes(frame).hex()}"
        assert got == bytes(frame), f"{self.name}: got\n{got.hex()}, wanted\n{bytes(frame).hex()}"

    def drain(self):
        while self.recv(0) is not None:
            pass

    def expect_none(self, seconds=0.1):
        """Nothing comes: call it when a counter already shows that the frame was dealt with."""
        end = time.monotonic() + seconds
        got = self.recv(max(0.0, end - time.monotonic()))
        assert got is None, f"{self.name}: unwanted frame {got.hex()}"

    def close(self):
        self.sock.close()


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def plain(dst, src, inner=0x0800, payload=b"x" * 50, tags=()):
    """An ordinary frame; tags: (TPID, id) from the outside in."""
    return (mac(dst) + mac(src) + b"".join(struct.pack(">HH", *t) for t in tags) +
            struct.pack(">H", inner) + payload)


def sliced(dst, src, kind, words, inner=0x0800, payload=b"x" * 50, vlan=None, length=None):
    """A frame with slice header: words are its slice info; length overrides the len field."""
    return (mac(dst) + mac(src) + (struct.pack(">HH", 0x8100, vlan) if vlan is not None else b"") +
            struct.pack(">HBB", SLICE, kind, len(words) if length is None else length) +
            b"".join(struct.pack(">I", w) for w in words) + struct.pack(">H", inner) + payload)
