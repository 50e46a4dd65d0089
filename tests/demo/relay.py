# SPDX-License-Identifier: BSD-3-Clause
"""An experimenter's protocol daemon, unmodified Linux: relays frames of one EtherType between two interfaces.

usage: relay.py ETHERTYPE INTERFACE INTERFACE; says "ready" when it relays. Runs inside a raw sliver.
"""

import select
import socket
import sys

PACKET_OUTGOING = 4


def main():
    ethertype = int(sys.argv[1], 0)
    socks = []
    for interface in sys.argv[2:4]:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
        sock.bind((interface, ethertype))
        socks.append(sock)
    other = {socks[0]: socks[1], socks[1]: socks[0]}
    print("ready", flush=True)
    while True:
        for sock in select.select(socks, [], [])[0]:
            frame, (_, _, kind, _, _) = sock.recvfrom(2048)
            if kind != PACKET_OUTGOING:
                other[sock].send(frame)


if __name__ == "__main__":
    main()
