# tests/lint/test-doc.py: the manual pages are complete, agree with the tables and the code, and are clean mdoc
# SPDX-License-Identifier: GPL-3.0-or-later
import re
import shutil
import subprocess

from tap import BUILD, Plan, sources, text

plan = Plan()
MANDOC = shutil.which("mandoc")


def page(name):
    return (BUILD / "doc" / name).read_text(encoding="utf-8")


def rows(table, field):
    """A field of each row of a .def table, by position; quotes are removed."""
    found = re.findall(r"^\w+_ROW\((.*)\)\s*$", text(f"include/surel/{table}.def"), re.M)
    return [re.split(r",\s*(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", row)[field].strip().strip('"') for row in found]


main_page, conf_page = page("surel.1"), page("surel.conf.5")
plan.check("every placeholder is filled", re.findall(r"^@\w+@$", main_page + conf_page, re.M))

missing = [name for name in rows("commands", 2) if not re.search(rf"^\.It Ic {re.escape(name)}(\s|$)", main_page, re.M)]
plan.check("every command is in surel(1)", missing)
missing = [name for name in rows("options", 0) if not re.search(rf"^\.It Cm {re.escape(name)} No =", conf_page, re.M)]
plan.check("every option is in surel.conf(5)", missing)
missing = [name for name in rows("colours", 1) if not re.search(rf"^\.It Li {re.escape(name)} Ta", conf_page, re.M)]
plan.check("every colour is in surel.conf(5)", missing)
missing = [nick for nick in rows("errors", 1) if f".It {nick}\n" not in main_page]
plan.check("every error is in surel(1)", missing)

keys = set(re.findall(r'^\t\{ "(\w+)", key_\w+, (?:true|false) \},$', text("src/conf/accounts.c"), re.M)) - {"password"}
items = set(re.findall(r"\w+", " ".join(re.findall(r"^\.It Cm ([\w ,]+?)(?: =.*)?$", conf_page, re.M))))
plan.check("every key of an account is in surel.conf(5)", sorted(keys - items) if keys else ["the key table was not found"])
schemes = re.findall(r'^\t\{ "([\w+]+)", PROTOCOL_', text("src/conf/url.c"), re.M)
plan.check("every URL scheme is in surel.conf(5)", [s for s in schemes if f"{s}://" not in conf_page] if schemes else ["no schemes found"])

used = set(re.findall(r'getenv\("(SUREL_\w+)"\)', "".join(text(path) for path in sources("src/**/*.c"))))
plan.check("every variable of our own is in surel(1)", sorted(v for v in used if f".It Ev {v}" not in main_page))

prefixes = re.findall(r'\{ "(\w+)", TERM_', text("src/store/query.c"))
search = main_page.split(".Sh SEARCH", 1)[1].split(".Sh COMMANDS", 1)[0]
same = {"cc": "to", "since": "after"}
plan.check("every search prefix is in surel(1)", [p for p in prefixes if f"{same.get(p, p)}:" not in search] if prefixes else ["none found"])

statuses = set(re.findall(r"\bSTATUS_\w+ = (\d+)", text("include/surel/app.h")))
listed = set(re.findall(r"^\.It (\d+)$", main_page, re.M))
plan.check("every exit status is in surel(1), and no other", sorted(statuses ^ listed))

for name in ("surel.1", "surel.conf.5"):
    done = subprocess.run([MANDOC, "-Tlint", "-Wwarning", str(BUILD / "doc" / name)], capture_output=True, text=True) if MANDOC else None
    plan.check(f"mandoc finds nothing in {name}", done.stdout.splitlines()[:20] if done else [], None if MANDOC else "no mandoc")
plan.end()
