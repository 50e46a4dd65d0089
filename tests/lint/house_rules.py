#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tree's own rules: licence line, size of files and functions, nothing of one machine in the text."""
import pathlib
import re
import subprocess
import sys

FILE_LINES = 800
FUNCTION_LINES = 80
CODE = (".c", ".h", ".py", ".sh")
SPDX = "SPDX-License-Identifier: BSD-3-Clause"
# directories of somebody's machine; what the programs themselves use (/run, /etc, /tmp) is no concern
MACHINE = re.compile(r"(?<![\w.}])/(?:work/(?:main|shared)|tmp/w/|home/\w+|root/\w+)")
MARKS = re.compile(r"\b(?:FIXME|XXX|TODO)\b(?!\w)")
ALLOWED = {"tests/lint/house_rules.py"}


def functions(lines):
    """(first line, length) of every function of a C file in the tree's style: braces in column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            yield start, number - start + 1
            start = None


def problems(name):
    """Lines of complaint about one file."""
    try:
        lines = pathlib.Path(name).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return
    script = name.endswith(CODE) or (lines and lines[0].startswith("#!"))
    if (script or name == "Makefile") and not any(SPDX in line for line in lines[:2]):
        yield f"{name}:1: no '{SPDX}' in the first two lines"
    if script and len(lines) > FILE_LINES:
        yield f"{name}:{FILE_LINES}: {len(lines)} lines, at most {FILE_LINES}: split it by idea"
    if name.endswith(".c"):
        for start, length in functions(lines):
            if length > FUNCTION_LINES:
                yield f"{name}:{start}: function of {length} lines, at most {FUNCTION_LINES}"
    if name in ALLOWED:
        return
    for number, line in enumerate(lines, 1):
        if MACHINE.search(line):
            yield f"{name}:{number}: a path of one machine: {line.strip()[:80]}"
        if script and MARKS.search(line):
            yield f"{name}:{number}: an unfinished mark: say what is missing in the issue"


def main():
    """Look at every file git knows."""
    names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    found = [p for name in names.split("\0") if name and "fuzz/corpus/" not in name for p in problems(name)]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
