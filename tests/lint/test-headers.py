# tests/lint/test-headers.py: each header of include/surel compiles alone, twice over, and names only base.h and its own needs
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import shlex
import subprocess

from tap import SRC, Plan, sources

CC = shlex.split(os.environ.get("CC", "cc"))
CPPFLAGS = shlex.split(os.environ.get("LINT_CPPFLAGS", ""))

plan = Plan()
for header in sources("include/surel/*.h", "src/*/*.h"):
    name = str(header).removeprefix("include/")
    source = f'#include "{name}"\n#include "{name}"\nint unused;\n'
    command = CC + ["-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c"]
    command += [f"-I{SRC}/include", f"-I{SRC}"] + CPPFLAGS + ["-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    plan.check(f"{name} stands alone", done.stderr.splitlines()[:6] if done.returncode else [])
plan.end()
