# tests/lib/ports.py: free TCP ports, and children that cannot outlive their test
# SPDX-License-Identifier: GPL-3.0-or-later
import ctypes
import os
import random
import signal
import socket
import time

# Tests run beside each other. A port that one of them was given is kept from the others by a name in the abstract name space of Unix
# sockets, which the kernel gives back when the process ends, however it ends.
# Below the range from which the kernel takes ports for outgoing connections (32768 and up): nobody takes them by accident
# between the choice and the bind.
FIRST, LAST = 20000, 32000
_claims = {}


def free_port():
    """A port on 127.0.0.1 that nobody listens on and that this process has not given away yet."""
    while True:
        port = random.SystemRandom().randint(FIRST, LAST)
        if port in _claims or not is_free(port):
            continue
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0surel-test-port-{port}")
        except OSError:
            claim.close()
            continue
        _claims[port] = claim
        return port


def is_free(port):
    """Whether a server may listen there now; connections that linger after their end are no hindrance."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_free(port, timeout=60):
    """Until the last process of a server has let go of its port."""
    end = time.monotonic() + timeout
    while not is_free(port) and time.monotonic() < end:
        time.sleep(0.01)


def wait_listening(port, timeout=60):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.01)
    return False


def die_with_parent():
    """For preexec_fn: SIGTERM when the parent is killed (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def stop(process, timeout=20):
    """Ends one child that we started, gently and then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except Exception:
            process.kill()
            process.wait()
    return process.returncode


def demote(uid, gid):
    """For preexec_fn: another user, then die with the parent (a change of uid clears the death signal)."""
    def run():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        die_with_parent()
    return run
