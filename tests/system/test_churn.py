# SPDX-License-Identifier: BSD-3-Clause
"""A slice comes and goes many times: nothing may grow. 4 rounds in `make check`, 300 in `make soak`."""

import glob
import os
import pathlib

import pytest

from testbed import TOP, Testbed, leftovers, poll, processes_of

ROUNDS = 300 if os.environ.get("SOAK") else 4
NODE = """<node xmlns="urn:lamina:node:1" name="churn" netns="/run/netns/lmch-churn">
  <substrate cores="0" memory-mb="96"/>
  <slivers cores="0-1" max="4" memory-mb="2048"/>
</node>
"""


@pytest.fixture
def node():
    bed = Testbed("lmch")
    try:
        node = bed.node("churn", NODE)
        node.up()
        yield node
    finally:
        bed.close()
    poll("an end without leftovers", lambda: not leftovers("lmch", ["churn"]), 15)


def held(node):
    """What the node's own processes hold: descriptors a program, memory files, uid ranges, sliver directories."""
    fds = {}
    for pid, line, _ in processes_of(node.name):
        program = os.path.basename(line.split()[0]) if line else ""
        if program in ("lamina-slicemgr", "lamina-substrate"):
            fds[program] = len(os.listdir(f"/proc/{pid}/fd"))
    return {"fds": fds, "uids": len(glob.glob("/run/lamina/.uids/*")),
            "slivers": glob.glob(f"/run/lamina/{node.name}/s/*/*"),
            "cgroups": len(glob.glob(f"/sys/fs/cgroup/*/lamina/{node.name}/*/"))}


def resident_kb(node, program):
    pid = next(p for p, line, _ in processes_of(node.name) if line and os.path.basename(line.split()[0]) == program)
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@pytest.mark.timeout(60 + 10 * ROUNDS)
def test_nothing_grows(node):
    spec = TOP / "docs" / "examples" / "two-routers.xml"

    def turn():
        node.lamina("apply", "-t", spec)
        node.lamina("destroy", "two")

    turn()
    before = held(node)
    rss = resident_kb(node, "lamina-substrate")
    for _ in range(ROUNDS):
        turn()
    poll("what is held is as before", lambda: held(node) == before, 5)
    # a round may touch pages that the first did not; a leak of one region a round would be megabytes
    assert resident_kb(node, "lamina-substrate") - rss < 4096 + 64 * ROUNDS
