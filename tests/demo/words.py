# SPDX-License-Identifier: BSD-3-Clause
"""How the demo talks: steps, facts and a progress mark, in colour on a terminal."""

import itertools
import os
import sys
import threading
import time

ON_TTY = sys.stdout.isatty()
COLOUR = ON_TTY and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def bold(text):
    return paint("1", text)


def green(text):
    return paint("32", text)


def red(text):
    return paint("31", text)


def dim(text):
    return paint("2", text)


def fact(text):
    """One thing that was shown to be so."""
    print(f"  {green('ok')}  {text}", flush=True)


def quote(text, limit=14):
    """Output of a command, set in."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    for line in lines[:limit]:
        print(dim(f"      {line}"), flush=True)
    if len(lines) > limit:
        print(dim(f"      ... {len(lines) - limit} more lines"), flush=True)


class Step:
    """`with Step("what happens"):` names a stage, shows that it is alive, and says how long it took."""

    def __init__(self, title):
        self.title = title
        self.done = threading.Event()

    def _spin(self):
        for mark in itertools.cycle("|/-\\"):
            if self.done.wait(0.15):
                return
            try:
                sys.stdout.write(f"\r  {mark} {time.monotonic() - self.begin:.0f} s \r")
                sys.stdout.flush()
            except OSError:  # the terminal is gone; who prints next will see it
                return

    def __enter__(self):
        self.begin = time.monotonic()
        print(bold(f"\n{self.title}"), flush=True)
        self.thread = threading.Thread(target=self._spin, daemon=True)
        if ON_TTY:
            self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.done.set()
        if ON_TTY:
            self.thread.join()
            sys.stdout.write("\r          \r")
        if kind is None:
            print(dim(f"      {time.monotonic() - self.begin:.1f} s"), flush=True)
