#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds and runs the tests and closes with one plain line: N passed, N failed.

unit    every tests/unit/*/test_*.c, as shipped and under ASan+UBSan
fuzz    every tests/fuzz/*/fuzz_*.c for FUZZ_SECONDS (30) from its corpus
system  tests/system with pytest: real processes, real FRR, network namespaces (root)
soak    fuzz and system, with SOAK=1 and FUZZ_SECONDS=600 from `make soak`: for hours, not for CI
"""

import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
AS_USER = shlex.split(os.environ.get("AS_USER", ""))
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "30"))
UNIT_TIMEOUT_S = 300
CHECKS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)


class Tally:
    """Counts results and remembers what failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.failures = []

    def add(self, passed, failed, what):
        self.passed += passed
        self.failed += failed
        if failed:
            self.failures.append(what)


def make(*args):
    subprocess.run(AS_USER + ["make", "--no-print-directory", f"-j{os.cpu_count()}", *args],
                   cwd=TOP, check=True)


def run_one(argv, timeout_s, env=None):
    """Run one test program; returns (exit code, its output, seconds)."""
    begin = time.monotonic()
    try:
        done = subprocess.run(argv, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=timeout_s, check=False,
                              env=dict(os.environ, **(env or {})))
        code, out = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        code, out = 124, (late.stdout or b"") + f"\nno end after {timeout_s} s\n".encode()
    return code, out.decode(errors="replace"), time.monotonic() - begin


def unit(tally):
    for flavor in ("rel", "asan"):
        make(f"FLAVOR={flavor}", "unit-bins")
        env = {"CK_VERBOSITY": "normal", "CK_DEFAULT_TIMEOUT": "60",
               "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0"}
        for binary in sorted((BUILD / flavor / "unit").glob("*/test_*")):
            if binary.suffix:
                continue
            code, out, seconds = run_one([str(binary)], UNIT_TIMEOUT_S, env)
            name = f"unit {binary.parent.name}/{binary.name} ({flavor})"
            counts = [tuple(map(int, m)) for m in CHECKS.findall(out)]
            checks = sum(c[0] for c in counts)
            bad = sum(c[1] + c[2] for c in counts)
            if code != 0 and bad == 0:
                bad = 1
            if not counts:
                bad = max(bad, 1)
            print(f"{'ok  ' if bad == 0 else 'FAIL'} {name}: {checks} checks, {seconds:.1f} s", flush=True)
            if bad:
                print(out)
            tally.add(max(checks - bad, 0), bad, name)


def fuzz_one(binary):
    corpus = TOP / "tests" / "fuzz" / "corpus" / binary.name.removeprefix("fuzz_")
    work = BUILD / "fuzz" / "run" / binary.name
    shutil.rmtree(work, ignore_errors=True)
    (work / "new").mkdir(parents=True)
    argv = [str(binary), f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048",
            "-print_final_stats=1", f"-artifact_prefix={work}/", str(work / "new")]
    if corpus.is_dir():
        argv.append(str(corpus))
    return run_one(argv, FUZZ_SECONDS + 120)


def fuzz(tally):
    make("FLAVOR=fuzz", "fuzz-bins")
    binaries = [b for b in sorted((BUILD / "fuzz" / "fuzz").glob("*/fuzz_*")) if not b.suffix]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for binary, (code, out, _) in zip(binaries, pool.map(fuzz_one, binaries)):
            runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", out)
            name = f"fuzz {binary.parent.name}/{binary.name}"
            print(f"{'ok  ' if code == 0 else 'FAIL'} {name}: {runs.group(1) if runs else '?'} runs"
                  f" in {FUZZ_SECONDS} s", flush=True)
            if code != 0:
                print(out[-6000:])
            tally.add(int(code == 0), int(code != 0), name)


def system(tally):
    if os.geteuid() != 0:
        sys.exit("check: system tests need root; run: sudo make check")
    report = BUILD / "system.xml"
    report.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-ra", "--durations=15",
            f"--junitxml={report}", "tests/system"]
    subprocess.run(argv, cwd=TOP, check=False, stdin=subprocess.DEVNULL)
    if not report.exists():
        tally.add(0, 1, "system: pytest did not run")
        return
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        name = f"system {case.get('classname')}.{case.get('name')}"
        if case.find("skipped") is not None:
            tally.skipped += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            tally.add(0, 1, name)
        else:
            tally.add(1, 0, name)


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else "all"
    steps = {"unit": [unit], "fuzz": [fuzz], "system": [system], "all": [unit, fuzz, system], "soak": [fuzz, system]}
    if what not in steps:
        sys.exit(f"check: no such part '{what}'; there are: {', '.join(steps)}")
    tally = Tally()
    for step in steps[what]:
        begin = time.monotonic()
        step(tally)
        print(f"-- {step.__name__}: {time.monotonic() - begin:.0f} s", flush=True)
    for failure in tally.failures:
        print(f"failed: {failure}")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {tally.failed} failed{skipped}", flush=True)
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
