#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""FPM consumer: octets to routes in the table, without the FIB behind it.

FPM_ROUTES (900000) routes are generated, always the same; FPM_STREAM=FILE takes the octets of a
recorded connection in their place.
"""
import os
import subprocess
import sys

from report import TOP, Report, alternate

BAR = 200_000
BINARY = TOP / "build" / "rel" / "unit" / "fp" / "bench_fpm"
ROUTES = os.environ.get("FPM_ROUTES", "900000")
STREAM = os.environ.get("FPM_STREAM", "")
MODES = {
    "parse": "parse only",
    "load": "parse and table, empty at first",
    "refresh": "a replay that changes nothing",
    "update": "a change of every route",
    "socket": "through the listener over loopback",
}


def main():
    """Run all modes in alternating rounds."""
    subprocess.run(["make", "-s", str(BINARY.relative_to(TOP))], cwd=TOP, check=True)
    sizes = {}

    def run(mode):
        argv = [str(BINARY), mode, ROUTES] + ([STREAM] if STREAM else [])
        rate, size = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
        sizes[mode] = int(size)
        return float(rate)

    report = Report("fpm")
    # a recorded connection has no second half that changes it
    modes = [m for m in MODES if not (STREAM and m == "update")]
    values = alternate({m: lambda m=m: run(m) for m in modes}, pairs=5)
    rates = {m: report.row(MODES[m], unit="routes/s", rounds=values[m]) for m in modes}
    report.row("memory of the table", sizes["load"] / 1e6, "MB")
    for mode in ("load", "socket"):
        report.bar(MODES[mode], rates[mode], "routes/s", ">=", BAR)
    return report.write()


if __name__ == "__main__":
    sys.exit(main())
