# tests/lint/test-layers.py: include directives against the table of layers.tab
# SPDX-License-Identifier: GPL-3.0-or-later
import fnmatch
import re

from tap import SRC, Plan, sources, text

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def read_table():
    folders, tables, libraries = {}, {}, []
    for line in text("tests/lint/layers.tab").splitlines():
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        kind, rest = line.split(None, 1)
        name, words = rest.rsplit(":", 1)
        if kind == "folder":
            folders[name] = words.split()
        elif kind == "table":
            tables[name] = words.split()
        elif kind == "library":
            libraries.append((name, words.split()))
    return folders, tables, libraries


FOLDERS, TABLES, LIBRARIES = read_table()


def folder_of(path):
    return str(path) if str(path) in FOLDERS else "/".join(path.parts[:2])


def judge(path, style, name):
    """A complaint about one include of one file, or None."""
    folder = folder_of(path)
    if "../" in name:
        return f'{path}: "{name}" climbs out of its folder'
    if name.startswith("surel/") and name.endswith(".def"):
        if any(str(path).startswith(p) for p in TABLES.get(name[6:-4], [])):
            return None
        return f"{path}: {name} is not its table"
    if name.startswith("surel/"):
        if name[6:-2] in FOLDERS[folder]:
            return None
        return f"{path}: {folder} may not see {name}"
    if name.startswith("src/"):
        if name.startswith(folder + "/"):
            return None
        return f"{path}: private header {name} of another folder"
    if style == '"' and name != "config.h":
        return f'{path}: "{name}" must be written from the root, as src/... or surel/...'
    for pattern, allowed in LIBRARIES:
        if fnmatch.fnmatch(name, pattern) and not any(fnmatch.fnmatch(str(path), a) for a in allowed):
            return f"{path}: <{name}> belongs to {' '.join(allowed)} only"
    return None


plan = Plan()
for folder in sorted(FOLDERS):
    if not (SRC / folder).exists():
        plan.check(folder, [f"{folder} is in layers.tab and not in the tree"])
        continue
    files = sources(folder) if folder.endswith(".c") else sources(f"{folder}/*.c", f"{folder}/*.h")
    found = [judge(path, *match) for path in files for match in INCLUDE.findall(text(path))]
    plan.check(f"{folder} includes only what its row allows", [c for c in found if c])

strays = [p for p in sources("src/**/*.c", "src/**/*.h") if folder_of(p) not in FOLDERS]
plan.check("every source folder has a row", [f"{p}: no row in layers.tab" for p in strays])

# Proof that the judge can say no.
probe = sources("src/main.c")[0].parent / "ui" / "probe.c"
verdicts = [judge(probe, *i) for i in (("<", "openssl/ssl.h"), ('"', "surel/engine.h"), ('"', "src/app/x.h"), ('"', "../x.h"))]
plan.check("a forbidden include is found", [] if all(verdicts) else [f"not found: {verdicts}"])
plan.end()
