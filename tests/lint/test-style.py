# tests/lint/test-style.py: purpose and licence line, lengths of files and functions, white space, words
# SPDX-License-Identifier: GPL-3.0-or-later
import re

from tap import Plan, sources, text

FILE_MAX, FUNCTION_MAX = 600, 60
C_FILES = sources("src/**/*.c", "src/**/*.h", "include/surel/*.h", "tests/**/*.c", "tests/**/*.h", "doc/*.c")
SCRIPTS = sources("tests/**/*.py", "tests/**/*.sh")
SPDX = "SPDX-License-Identifier: GPL-3.0-or-later"


def allowed(kind):
    rows = [line.split() for line in text("tests/lint/allow.tab").splitlines() if not line.startswith("#")]
    return {tuple(row[1:-1]): int(row[-1]) for row in rows if row and row[0] == kind}


def opening(path):
    """The purpose line must name the file, with or without src/ or include/ before it."""
    if path.name == "empty.c":
        return None
    lines = text(path).splitlines()
    names = (str(path), str(path).removeprefix("include/"), str(path).removeprefix("src/"))
    if not lines or not any(re.match(r"/\* " + re.escape(n) + r": \S.*", lines[0]) for n in names):
        return f"{path}: the first line is not /* {path}: purpose */"
    if len(lines) < 2 or SPDX not in "\n".join(lines[1:4]):
        return f"{path}: no SPDX line after the purpose"
    return None


def script_opening(path):
    head = "\n".join(text(path).splitlines()[:4])
    return None if f"# {path}: " in head and SPDX in head else f"{path}: no purpose or no SPDX line in the first four"


def functions(path):
    """(name, lines) of each function: name in column 0, body between { and } in column 0."""
    name = start = None
    for number, line in enumerate(text(path).splitlines(), 1):
        match = re.match(r"([A-Za-z_]\w*)\(", line)
        if match:
            name = match.group(1)
        if line == "{":
            start = number
        elif line == "}" and start and name:
            yield name, number - start + 1
            name = start = None


def too_long():
    files, funcs = allowed("file"), allowed("function")
    file_complaints, function_complaints = [], []
    for path in C_FILES:
        length, key = len(text(path).splitlines()), (str(path),)
        limit = files.pop(key, FILE_MAX)
        if length > limit:
            file_complaints.append(f"{path}: {length} lines, more than {limit}")
        elif limit > FILE_MAX >= length:
            file_complaints.append(f"{path}: its row in allow.tab is no longer needed")
        for name, lines in functions(path):
            limit = funcs.pop((str(path), name), FUNCTION_MAX)
            if lines > limit:
                function_complaints.append(f"{path}: {name} has {lines} lines, more than {limit}")
            elif limit > FUNCTION_MAX >= lines:
                function_complaints.append(f"{path}: {name}: its row in allow.tab is no longer needed")
    file_complaints += [f"allow.tab: there is no {key[0]}" for key in files]
    function_complaints += [f"allow.tab: there is no {key[1]} in {key[0]}" for key in funcs]
    return file_complaints, function_complaints


def white_space(path):
    found = []
    for number, line in enumerate(text(path).splitlines(), 1):
        if line != line.rstrip():
            found.append(f"{path}:{number}: trailing space")
        if line.startswith("        ") and path.suffix in (".c", ".h"):
            found.append(f"{path}:{number}: indented with spaces")
    return found


def words(path):
    body = text(path)
    found = [f"{path}: {m.group(0).strip()}" for m in re.finditer(r"^\s*goto \w+;", body, re.M)]
    found += [f"{path}: spelt {m.group(0)}" for m in re.finditer(r"\b[Cc]olor\b(?!_|s\()", re.sub(r"COLOR_\w+|\w+_color\w*|color_\w+|\"[^\"]*\"", "", body))]
    found += [f"{path}: {m.group(0)}" for m in re.finditer(r"\b(strcpy|strcat|sprintf|gets|system|popen)\(", body)]
    return found


plan = Plan()
plan.check("every C file opens with its purpose and licence", [c for c in map(opening, C_FILES) if c])
plan.check("every test script opens with its purpose and licence", [c for c in map(script_opening, SCRIPTS) if c])
long_files, long_functions = too_long()
plan.check(f"no file has more than {FILE_MAX} lines", long_files)
plan.check(f"no function has more than {FUNCTION_MAX} lines", long_functions)
plan.check("white space is as .editorconfig says", [c for path in C_FILES for c in white_space(path)])
source = [path for path in C_FILES if path.parts[0] != "tests"]
plan.check("no goto, no unbounded string function, colour is spelt so", [c for path in source for c in words(path)])
plan.end()
