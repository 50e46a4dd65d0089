# SPDX-License-Identifier: BSD-3-Clause
"""Lets system tests import tests/testbed.py, and refuses to run where they cannot."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        pytest.exit("system tests make network namespaces and need root; run: sudo make check", 1)
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(120))
