# SPDX-License-Identifier: BSD-3-Clause
"""Our memif library against DPDK's net_memif, each as server and as client.

testpmd echoes what it gets on its only port; tests/unit/substrate/tool_memif_peer.c sends numbered
frames and checks that all come back whole and in order, which takes both rings.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = TOP / "build/rel/unit/substrate/tool_memif_peer"
COUNT = 200000
TESTPMD = shutil.which("dpdk-testpmd")
DRIVERS = "librte_net_memif.so"


@pytest.fixture(scope="module", autouse=True)
def tool():
    user = os.environ.get("AS_USER", "").split()
    subprocess.run([*user, "make", "-s", "-C", str(TOP), str(TOOL.relative_to(TOP))], check=True)


@pytest.fixture
def testpmd(tmp_path):
    """Starts testpmd with one memif port that sends everything back; ended with the test."""
    running = []

    def start(role, path, more=""):
        log = open(tmp_path / f"testpmd-{len(running)}.log", "w+", encoding="utf-8")
        child = subprocess.Popen(
            [TESTPMD, "--lcores", "0@(0-1),1@(0-1)", "--no-huge", "-m", "128", "--no-pci",
             "--no-telemetry", "--no-shconf", "-d", DRIVERS, "-d", "librte_mempool_ring.so",
             f"--vdev=net_memif0,role={role},socket={path},socket-abstract=no,id=0{more}", "--",
             "--total-num-mbufs=8192", "--forward-mode=io", "--port-topology=loop", "--auto-start",
             "--no-lsc-interrupt", "--no-flush-rx"],
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        running.append(child)
        return child

    yield start
    for child in running:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def tool_start(role, path, *more):
    return subprocess.Popen([TOOL, role, str(path), str(COUNT), *more], stdout=subprocess.PIPE,
                            text=True)


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


def check(tool_process):
    out, _ = tool_process.communicate(timeout=60)
    result = json.loads(out)
    assert tool_process.returncode == 0, result
    assert (result["sent"], result["back"], result["bad"]) == (COUNT, COUNT, 0)
    return result


@pytest.mark.parametrize("more", [(), ("sleep",)], ids=["poll", "sleep"])
def test_dpdk_as_client(testpmd, tmp_path, more):
    path = tmp_path / "m.sock"
    peer = tool_start("server", path, *more)
    wait_for(path.exists)
    testpmd("client", path)
    check(peer)


@pytest.mark.parametrize("more", [(), ("sleep",)], ids=["poll", "sleep"])
def test_dpdk_as_server(testpmd, tmp_path, more):
    path = tmp_path / "m.sock"
    peer = tool_start("client", path, *more)  # it waits for its server
    testpmd("server", path)
    check(peer)


def test_dpdk_server_serves_client_after_client(testpmd, tmp_path):
    path = tmp_path / "m.sock"
    testpmd("server", path)
    for _ in range(3):
        check(tool_start("client", path))


@pytest.mark.parametrize("log2", [9, 14])
def test_dpdk_client_ring_sizes(testpmd, tmp_path, log2):
    """Rings of any size up to the server's limit, which is 2^10 here and wins over 2^14."""
    path = tmp_path / "m.sock"
    peer = tool_start("server", path)
    wait_for(path.exists)
    testpmd("client", path, f",rsize={log2}")
    check(peer)
