# tests/lib/tap.py: a small TAP runner for tests in Python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions named test_* become test cases; the name, with spaces, is the sentence that is shown.

    import tap
    def test_a_message_arrives_once(tmp): ...
    tap.main()

Each case gets a fresh temporary directory of its own (short path, removed afterwards).
`test-x.py arrives` runs only the cases whose name contains the word; SUREL_KEEP=1 keeps the directories.
"""
import contextlib
import inspect
import os
import shutil
import sys
import tempfile
import time
import traceback


class Skip(Exception):
    """Raised by skip(): the case cannot run here."""


def skip(reason):
    raise Skip(reason)


def need(program):
    """Path of a program, or the case is skipped."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        skip(f"{program} is not installed")
    return path


def note(text):
    """A diagnostic line."""
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def surel():
    """Path of the program under test."""
    path = os.environ.get("SUREL") or os.path.join(os.environ.get("SUREL_BUILDDIR", os.getcwd()), "surel")
    return os.path.abspath(path)


def eq(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what or 'value'}: got {got!r}, wanted {want!r}")


def has(text, part, what=""):
    if part not in text:
        raise AssertionError(f"{what or 'text'}: {part!r} is not in {text!r}")


PATIENCE = 6


def limit(seconds):
    """Time limit of a wait that ends as soon as its condition holds. It is there for programs that hang, and no measure of speed:
    on a busy machine the same work takes several times as long. Below two seconds it is taken as it is."""
    return seconds * PATIENCE if seconds >= 2 else seconds


def speed(seconds):
    """Bound of a measured time: as it is where there is a processor for everybody, more on a busy machine."""
    with open("/proc/loadavg") as file:
        words = file.read().split()
    busy = max(float(words[0]), int(words[3].split("/")[0])) / (os.cpu_count() or 1)
    return seconds * (1 if busy <= 1 else PATIENCE * max(1, busy / 2))


def wait_until(predicate, timeout=10, step=0.02, what="condition"):
    """Polls predicate until it is true and returns its value; an AssertionError after timeout seconds."""
    end = time.monotonic() + limit(timeout)
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {limit(timeout):g} s")
        time.sleep(step)


@contextlib.contextmanager
def temp_dir(prefix="surel-"):
    # Not below $TMPDIR when that is deep: Unix sockets allow 107 bytes of path.
    base = tempfile.gettempdir()
    path = tempfile.mkdtemp(prefix=prefix, dir=base if len(base) < 40 else "/tmp")
    try:
        yield path
    finally:
        if os.environ.get("SUREL_KEEP"):
            note("kept: " + path)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _run(number, name, function):
    sentence = name[len("test_"):].replace("_", " ")
    start = time.monotonic()
    try:
        with temp_dir() as tmp:
            if inspect.signature(function).parameters:
                function(tmp)
            else:
                function()
    except Skip as reason:
        print(f"ok {number} - {sentence} # SKIP {reason}", flush=True)
        return True
    except Exception:
        note(traceback.format_exc())
        print(f"not ok {number} - {sentence}", flush=True)
        return False
    note(f"{time.monotonic() - start:.2f} s")
    print(f"ok {number} - {sentence}", flush=True)
    return True


def main(namespace=None):
    namespace = namespace or sys.modules["__main__"].__dict__
    words = sys.argv[1:]
    cases = [(name, f) for name, f in namespace.items() if name.startswith("test_") and callable(f)]
    cases = [(name, f) for name, f in cases if all(w.replace(" ", "_") in name for w in words)]
    print(f"1..{len(cases)}", flush=True)
    results = [_run(i + 1, name, f) for i, (name, f) in enumerate(cases)]
    sys.exit(0 if all(results) else 1)
