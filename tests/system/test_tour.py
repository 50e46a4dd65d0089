# SPDX-License-Identifier: BSD-3-Clause
"""Every command of the README's tour runs as pasted."""

import re
import subprocess

import pytest

from testbed import TOP, await_clean, run


def tour():
    text = (TOP / "README.md").read_text()
    block = re.search(r"<!-- tour:.*?-->\n```\n(.*?)```", text, re.S).group(1)
    return [line for line in block.splitlines() if line]


@pytest.fixture
def clean():
    yield
    run([TOP / "build/rel/bin/lamina", "-n", "tour", "node", "down"], check=False)
    run(["ip", "netns", "del", "tour"], check=False)
    await_clean("tour", ["tour"])


def test_each_line_of_the_tour_runs(clean):
    lines = tour()
    assert len(lines) > 8
    for line in lines:
        done = subprocess.run(line, shell=True, cwd=TOP, text=True, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}"
