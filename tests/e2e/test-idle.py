#!/usr/bin/python3
# tests/e2e/test-idle.py: an idle surel sleeps, and still sees what others do
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import re
import signal
import time

from world import World, message, tap

IDLE_S = 5
WAKES_MAX = 3		# of all processes together: one slow timer of each kind may fall into the five seconds


def family(pid):
    """pid and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [pid] + [int(child) for child in f.read().split()]


def wakes(pid):
    found = {}
    for one in family(pid):
        with open(f"/proc/{one}/status") as f:
            found[one] = int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(), re.M).group(1))
    return found


def woken(before, after):
    return sum(count - before.get(pid, 0) for pid, count in after.items())


def seldom(w):
    """The tests' servers are asked every two seconds, a person's every ten minutes."""
    path = os.path.join(w.home, "surel.conf")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace("poll = 2 seconds", "poll = 10 minutes"))


def wait_asleep(s):
    """Until nobody woke for a second: the first sync, the index and the first frames are over."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        before = wakes(s.pid)
        s.settle(1, 2)
        if woken(before, wakes(s.pid)) == 0:
            return
    raise AssertionError(f"surel does not come to rest: {before}, {wakes(s.pid)}")


def test_idle_surel_does_not_wake(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Halo")]}) as w:
        seldom(w)
        with w.surel() as s:
            s.wait_for("Halo")
            wait_asleep(s)
            before = wakes(s.pid)
            time.sleep(IDLE_S)
            after = wakes(s.pid)
            tap.eq(sorted(before), sorted(after), "no process came or went")
            count = woken(before, after)
            tap.note(f"{count} wake-ups in {IDLE_S} s")
            if count > WAKES_MAX:
                raise AssertionError(f"{count} wake-ups in {IDLE_S} s: {before} {after}")


def test_change_of_another_surel_shows_by_itself(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Halo")]}) as w:
        with w.surel() as first:
            first.wait_for("Halo")
            first.settle(0.5)
            with w.surel() as second:
                second.wait_for("Another surel syncs kantor")
                second.wait_for("Halo")
                second.keys("d")
                second.wait_gone("Halo")
                first.wait_gone("Halo")
                second.keys("u")
                first.wait_for("Halo")
                w.server.append("ana", message("Surat baru"))
                first.wait_for("Surat baru")
                second.wait_for("Surat baru")


def test_second_surel_takes_over_when_the_first_is_killed(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Halo")]}) as w:
        first = w.surel()
        first.wait_for("Halo")
        with w.surel() as second:
            second.wait_for("Another surel syncs kantor")
            first.kill(signal.SIGKILL)
            second.wait_for("this one syncs kantor now")
            w.server.append("ana", message("Surat baru"))
            second.wait_for("Surat baru")


if __name__ == "__main__":
    tap.main()
