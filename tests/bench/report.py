# SPDX-License-Identifier: BSD-3-Clause
"""What every benchmark prints and writes: a table for people, the same as JSON for programs.

    report = Report("fpm")
    report.row("parse", 2.1e6, "routes/s", rounds=[2.0e6, 2.1e6, 2.2e6])
    report.bar("parse and table", 4.0e5, "routes/s", ">=", 2.0e5)
    sys.exit(report.write())

Rounds that compare belong interleaved (A B A B ...), so that a slow minute of the machine hits
both: `alternate({"ours": f, "reference": g}, pairs=5)` does that and returns the values of each.
"""
import json
import operator
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
OPS = {">=": operator.ge, "<=": operator.le, "==": operator.eq, "<": operator.lt, ">": operator.gt}


def _output(*argv):
    """First line a command prints, or "" when it is missing or fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False, cwd=TOP)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else ""


def _cpu_name():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _cpu_times():
    """(stolen, all) clock ticks of all cores since boot, from /proc/stat."""
    fields = [int(x) for x in Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]]
    return fields[7] if len(fields) > 7 else 0, sum(fields[:8])


def _commit():
    # under sudo git refuses a tree of another user unless told that it is this one
    git = ("git", "-c", f"safe.directory={TOP}")
    name = _output(*git, "rev-parse", "--short=12", "HEAD")
    return name + ("-dirty" if name and _output(*git, "status", "--porcelain", "-uno") else "")


def _frr_version():
    words = _output("/usr/lib/frr/zebra", "--version").split()
    return words[2] if len(words) > 2 else ""


def machine():
    """What a reader must know of the machine to read the numbers ("steal" is added by Report)."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "dpdk": _output("pkg-config", "--modversion", "libdpdk"),
        "frr": _frr_version(),
        "commit": _commit(),
    }


def alternate(runs, pairs=5):
    """Call each function of `runs` (name -> function returning a number) in turn, `pairs` times.

    Returns name -> list of values, in the order they were measured.
    """
    values = {name: [] for name in runs}
    for _ in range(pairs):
        for name, run in runs.items():
            values[name].append(run())
    return values


def _number(value):
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


class Report:
    """Rows and bars of one benchmark. Steal is the share of CPU time the host took meanwhile."""

    def __init__(self, bench):
        self.bench = bench
        self.rows = []
        self.bars = []
        self._start = _cpu_times()

    def row(self, name, value=None, unit="", rounds=()):
        """One measured value; without `value` it is the median of `rounds`."""
        if value is None:
            value = statistics.median(rounds)
        self.rows.append({"name": name, "value": value, "unit": unit, "rounds": list(rounds)})
        return value

    def bar(self, name, value, unit, op, bar):
        """One value with the bar it has to meet; `op` is one of >= <= == < >."""
        self.bars.append({"name": name, "value": value, "unit": unit, "op": op, "bar": bar})
        return OPS[op](value, bar)

    def as_dict(self):
        """The report as it is written."""
        stolen, total = (b - a for a, b in zip(self._start, _cpu_times()))
        info = machine()
        info["steal"] = round(stolen / total, 4) if total else 0.0
        return {"bench": self.bench, "machine": info, "rows": self.rows, "bars": self.bars}

    def write(self, out=None):
        """Write build/bench/BENCH.json, print the table; returns 0, or 1 when a bar is missed."""
        data = self.as_dict()
        path = Path(out) if out else TOP / "build" / "bench" / f"{self.bench}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        if os.geteuid() == 0 and os.environ.get("SUDO_UID"):
            owner = int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", "-1"))
            for made in (path.parent, path):
                os.chown(made, *owner)
        self._print(data)
        return 0 if all(OPS[b["op"]](b["value"], b["bar"]) for b in self.bars) else 1

    def _print(self, data):
        info = data["machine"]
        print(f"{self.bench}: {info['cpu']}, {info['cores']} cores, kernel {info['kernel']}, "
              f"DPDK {info['dpdk'] or '-'}, FRR {info['frr'] or '-'}, commit {info['commit'] or '-'}, "
              f"steal {info['steal']:.2%}")
        width = max([len(r["name"]) for r in self.rows + self.bars] + [4])
        for row in self.rows:
            rounds = " ".join(_number(v) for v in row["rounds"])
            print(f"  {row['name']:<{width}}  {_number(row['value']):>14} {row['unit']:<12} {rounds}".rstrip())
        for bar in self.bars:
            met = "met" if OPS[bar["op"]](bar["value"], bar["bar"]) else "MISSED"
            print(f"  {bar['name']:<{width}}  {_number(bar['value']):>14} {bar['unit']:<12} "
                  f"bar {bar['op']} {_number(bar['bar'])}: {met}")
        sys.stdout.flush()
