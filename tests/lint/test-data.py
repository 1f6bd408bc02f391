# tests/lint/test-data.py: no exported data but const tables, and no variable of a module but the few of allow.tab
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import re
import shutil
import subprocess

from tap import BUILD, Plan, text

OBJDUMP = shutil.which("objdump")
SANITIZED = "sanitize" in os.environ.get("LINT_CFLAGS", "")
SKIP = "no objdump" if not OBJDUMP else "sanitizers add data of their own" if SANITIZED else None
# address, flags, section, size, name; only objects (O)
SYMBOL = re.compile(r"^[0-9a-f]+ (.{7}) (\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$")

rows = [line.split() for line in text("tests/lint/allow.tab").splitlines() if line.startswith("data ")]
allowed = {(row[1], row[2]) for row in rows}
used = set()
plan = Plan()


def variables(archive):
    """Names of writable objects; const tables of pointers land in .data.rel.ro, which is read-only after relocation."""
    for line in subprocess.run([OBJDUMP, "-t", str(archive)], capture_output=True, text=True).stdout.splitlines():
        match = SYMBOL.match(line)
        if not match or "O" not in match.group(1):
            continue
        section, name = match.group(2), re.sub(r"\.\d+$", "", match.group(3))
        if re.match(r"\.(bss|tbss|tdata|data)", section) and not section.startswith(".data.rel.ro") or section == "*COM*":
            yield name


for archive in sorted(BUILD.glob("src/lib*.a")):
    name = f"src/{archive.name}"
    found = {(name, symbol) for symbol in variables(archive)} if not SKIP else set()
    used |= found & allowed
    plan.check(f"{name} has no variables", [f"{n}: variable {s}" for n, s in sorted(found - allowed)], SKIP)
plan.check("no row of allow.tab is stale", [f"{n}: there is no variable {s}" for n, s in sorted(allowed - used)], SKIP)
plan.end()
