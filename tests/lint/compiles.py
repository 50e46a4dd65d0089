# SPDX-License-Identifier: BSD-3-Clause
"""Compiles the files named, without leaving anything behind."""
import sys

bad = 0
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as f:
        try:
            compile(f.read(), name, "exec")
        except (SyntaxError, SyntaxWarning) as e:
            print(f"{name}:{e.lineno}: {e.msg}")
            bad = 1
sys.exit(bad)
