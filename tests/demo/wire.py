# SPDX-License-Identifier: BSD-3-Clause
"""Reads slice headers in a capture file with nothing of Lamina's own code: struct and the rules of docs/wire-format.md."""

import struct

SLICE_ETHERTYPE = 0x88B5
TYPES = {1: "SLICE", 2: "VIF", 3: "LOCATOR"}
INNER = {0x0800: "IPv4", 0x86DD: "IPv6", 0x0806: "ARP"}


class SliceFrame:
    """One frame as it was on a trunk."""

    def __init__(self, raw):
        self.raw = raw
        self.dst, self.src = raw[0:6].hex(":"), raw[6:12].hex(":")
        self.ethertype = struct.unpack_from("!H", raw, 12)[0]
        self.slice_id = self.vif_id = self.inner = None
        self.payload = raw[14:]
        if self.ethertype == SLICE_ETHERTYPE:
            self.type, self.words = raw[14], raw[15]
            info = struct.unpack_from(f"!{self.words}I", raw, 16)
            self.slice_id = info[0]
            self.vif_id = info[1] if self.type in (2, 3) else None
            self.inner = struct.unpack_from("!H", raw, 16 + 4 * self.words)[0]
            self.payload = raw[18 + 4 * self.words:]

    def explain(self):
        """The header field by field, in words."""
        head = self.raw[12:18 + 4 * self.words].hex(" ")
        vif = f", vif id {self.vif_id}" if self.vif_id is not None else ""
        return (f"{self.src} > {self.dst}\n{head}\n"
                f"{self.raw[12:14].hex()}: slice EtherType; type {self.type} ({TYPES.get(self.type, 'experiment')}), "
                f"len {self.words} word{'s' * (self.words != 1)}; slice id {self.slice_id}{vif}; "
                f"inner EtherType 0x{self.inner:04x} ({INNER.get(self.inner, 'own protocol')}), "
                f"{len(self.payload)} octets of payload")


def read_pcap(path):
    """Frames of a little- or big-endian pcap file (microseconds or nanoseconds)."""
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 24:
        return []
    endian = "<" if data[0:1] in (b"\xd4", b"\x4d") else ">"
    frames, at = [], 24
    while at + 16 <= len(data):
        length = struct.unpack_from(endian + "I", data, at + 8)[0]
        if at + 16 + length > len(data):
            break
        if length >= 14:
            frames.append(SliceFrame(data[at + 16:at + 16 + length]))
        at += 16 + length
    return frames
