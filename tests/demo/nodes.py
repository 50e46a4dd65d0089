# SPDX-License-Identifier: BSD-3-Clause
"""The demo's world: three Lamina nodes in a triangle, eight hosts, and how they are wired."""

PREFIX = "lmdemo"
NODES = ("demo1", "demo2", "demo3")
# (node, port, node, port): trunks carry slice headers, and legacy frames beside them
TRUNKS = (("demo1", "to2", "demo2", "to1"), ("demo2", "to3", "demo3", "to2"), ("demo1", "to3", "demo3", "to1"))

# name: (node, port, IPv4 network, IPv6 network). Hosts of slice A and B carry *the same* addresses.
HOSTS = {
    "a1": ("demo1", "ha", "10.1.0", "2001:db8:1:"),
    "a3": ("demo3", "ha", "10.3.0", "2001:db8:3:"),
    "b1": ("demo1", "hb", "10.1.0", "2001:db8:1:"),
    "b3": ("demo3", "hb", "10.3.0", "2001:db8:3:"),
    "c1": ("demo1", "hc", None, None),
    "c3": ("demo3", "hc", None, None),
    "l1": ("demo1", "hl", "192.168.1", "2001:db8:a1:"),
    "l3": ("demo3", "hl", "192.168.3", "2001:db8:a3:"),
}


def build(bed):
    """Make all namespaces, trunks and hosts in Testbed `bed`."""
    for name in NODES:
        bed.netns(name)
    for trunk in TRUNKS:
        bed.trunk(*trunk)
    for name, (node, port, v4, v6) in HOSTS.items():
        if v4 is None:
            bed.host(name, node, port)
        else:
            bed.host(name, node, port, [f"{v4}.10/24", f"{v6}:10/64"],
                     [f"default via {v4}.1", f"default via {v6}:1"])
