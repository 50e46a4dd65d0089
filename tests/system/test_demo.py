# SPDX-License-Identifier: BSD-3-Clause
"""The demo goes away as a whole, whenever and however it is ended."""

import signal
import subprocess
import sys

import pytest

from testbed import TOP, leftovers, run

DEMO = TOP / "tests/demo/demo.py"
NODES = ("demo1", "demo2", "demo3")


@pytest.fixture
def demo():
    """Starts the demo and waits until it has printed a line with that text."""
    procs = []

    def start(until):
        proc = subprocess.Popen([sys.executable, DEMO, "run"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
        procs.append(proc)
        seen = next((line for line in proc.stdout if until in line), None)
        assert seen, "the demo ended early"
        return proc

    yield start
    for proc in procs:
        proc.kill()
        proc.wait()
        proc.stdout.close()
    run([sys.executable, DEMO, "clean"], timeout=120)


@pytest.mark.parametrize("until, number", [("Namespaces, veth", signal.SIGINT), ("Three nodes start", signal.SIGTERM),
                                           ("slice a (id 7)", signal.SIGINT)])
def test_nothing_is_left_after_a_signal(demo, until, number):
    proc = demo(until)
    proc.send_signal(number)
    out, _ = proc.communicate(timeout=60)
    assert proc.returncode == 1
    assert out.splitlines()[-1] == f"demo: failed: ended by {number.name}"
    assert not leftovers("lmdemo", NODES)


def test_clean_ends_what_a_killed_demo_left(demo):
    proc = demo("slice a (id 7)")
    proc.kill()
    proc.wait()
    again = run([sys.executable, DEMO, "run"], check=False)
    assert again.returncode == 1 and "demo-clean" in again.stderr
    done = run([sys.executable, DEMO, "clean"], timeout=120)
    assert done.stdout == "demo: clean\n"
    assert not leftovers("lmdemo", NODES)


def test_nobody_reads_what_it_prints(demo):
    proc = demo("Three nodes start")
    proc.stdout.close()
    assert proc.wait(60) == 1
    assert not leftovers("lmdemo", NODES)
