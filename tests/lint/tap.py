# tests/lint/tap.py: one TAP line per check, with what is wrong below it
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import pathlib
import sys

SRC = pathlib.Path(os.environ.get("SUREL_SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("SUREL_BUILDDIR", SRC / "build"))


class Plan:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, name, complaints, skip=None):
        self.count += 1
        if skip:
            print(f"ok {self.count} - {name} # SKIP {skip}")
            return
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {name}")
        for complaint in complaints:
            print(f"#   {complaint}")
        self.failed += bool(complaints)

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


def sources(*patterns):
    """Paths relative to the source tree, sorted."""
    return sorted(p.relative_to(SRC) for pattern in patterns for p in SRC.glob(pattern))


def text(path):
    return (SRC / path).read_text(encoding="utf-8")
