#!/usr/bin/python3
# tests/engine/test-pop3.py: POP3 against a real Dovecot and against bad servers: nothing lost, nothing twice
# SPDX-License-Identifier: GPL-3.0-or-later
import collections
import glob
import os
import random
import signal
import shutil
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import tap			# noqa: E402
import proxy			# noqa: E402
from dovecot import Dovecot, message	# noqa: E402
from fake_pop3 import FakePop3		# noqa: E402

PROBE = os.path.join(os.environ.get("SUREL_BUILDDIR", "."), "tests", "engine", "pop3-probe")


class Account:
    """One account of one data directory, and the probe that syncs it."""

    def __init__(self, tmp, url, leave="yes", ca=None, password="rahasia"):
        self.tmp, self.data = tmp, os.path.join(tmp, "data")
        self.write(url, leave, ca, password)

    def write(self, url, leave="yes", ca=None, password="rahasia"):
        with open(os.path.join(self.tmp, "surel.conf"), "w") as f:
            f.write(f"[account a]\nuser = ana\nincoming = {url}\nleave_on_server = {leave}\npassword_command = echo {password}\n"
                    + (f"ca_file = {ca}\n" if ca else ""))

    def env(self):
        return {**os.environ, "SUREL_CONFIG": os.path.join(self.tmp, "surel.conf"), "SUREL_DATA": self.data, "HOME": self.tmp,
                "XDG_STATE_HOME": os.path.join(self.tmp, "state"), "XDG_CONFIG_HOME": os.path.join(self.tmp, "config")}

    def start(self, *words, wrapper=()):
        return subprocess.Popen([*wrapper, PROBE, "a", *words], env=self.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words, ok=True, timeout=60, wrapper=()):
        probe = self.start(*words, wrapper=wrapper)
        try:
            out, err = probe.communicate(timeout=tap.limit(timeout))
        except subprocess.TimeoutExpired:
            probe.kill()
            out, err = probe.communicate()
            raise AssertionError(f"{words}: not done within {timeout} s\n{out}{err}") from None
        if ok is not None and (probe.returncode == 0) != ok:
            raise AssertionError(f"{words}: status {probe.returncode}\n{out}{err}")
        return out

    def sync(self, **how):
        return self.run("sync", **how)

    def listed(self):
        """[(folder, Message-ID, flags, path)]"""
        rows = [line.split("\t") for line in self.run("list").splitlines()]
        return [(r[1], r[2], int(r[3]), r[4]) for r in rows if r[0] == "msg"]

    def ids(self, folder=None):
        return collections.Counter(row[1].strip("<>") for row in self.listed() if folder in (None, row[0]))

    def files(self):
        """Contents of every mail file of the account, line ends made plain."""
        paths = glob.glob(os.path.join(self.data, "mail", "a", "*", "cur", "*")) + glob.glob(os.path.join(self.data, "mail", "a", "*", "new", "*"))
        return collections.Counter(open(p, "rb").read().replace(b"\r\n", b"\n") for p in paths)

    def ops(self, query, *values):
        connection = sqlite3.connect(os.path.join(self.data, "accounts", "a", "ops.db"), timeout=10)
        with connection:
            rows = connection.execute(query, values).fetchall()
        connection.close()
        return rows


def plain(messages):
    return collections.Counter(m.replace(b"\r\n", b"\n") for m in messages)


def mail(n, size=0):
    return message(subject=f"Pesan {n}", message_id=f"<m{n}@contoh.test>", body=f"Isi {n}\n.\n..dua titik\nFrom x\n" + "baris panjang\n" * (size // 14))


def mids(*numbers):
    return collections.Counter(f"m{n}@contoh.test" for n in numbers)


def dovecot(tmp, n=0, **how):
    server = Dovecot(tmp, {"ana": "rahasia"}, **how)
    server.start()
    if n:
        server.append("ana", *[mail(i) for i in range(n)])
    return server


def insecure(server):
    return f"pop3+insecure://127.0.0.1:{server.port if isinstance(server.port, int) else server.port['pop3']}"


def fake(tmp, messages, leave="yes"):
    server = FakePop3(messages)
    return server, Account(tmp, insecure(server), leave)


# ---- a real server ----

def test_all_messages_arrive_with_every_kind_of_encryption(tmp):
    with dovecot(tmp, 5) as server:
        for i, url in enumerate((f"pop3s://127.0.0.1:{server.port['pop3s']}", f"pop3+starttls://localhost:{server.port['pop3']}", insecure(server))):
            place = os.path.join(tmp, str(i))
            os.mkdir(place)
            account = Account(place, url, ca=server.ca)
            account.sync()
            tap.eq(account.ids("Inbox"), mids(*range(5)))
            tap.eq(account.files(), plain(m for _, _, m in server.list("ana")))


def test_a_server_that_is_not_trusted_gets_no_password(tmp):
    with dovecot(tmp, 1) as server:
        out = Account(tmp, f"pop3s://127.0.0.1:{server.port['pop3s']}").sync(ok=False)
        tap.has(out, "error certificate")
        assert "pop3-login: Info: Login:" not in server.log(), "it logged in"


def test_the_five_local_folders_are_made_and_a_wrong_password_is_told(tmp):
    with dovecot(tmp, 1) as server:
        account = Account(tmp, insecure(server), password="salah")
        tap.has(account.sync(ok=False), "error login refused")
        out = account.run("list")
        for folder in ("Inbox", "Sent", "Drafts", "Archive", "Trash"):
            tap.has(out, f"folder\t{folder}\t")


def test_account_test_reports_each_step_and_leaves_the_mail(tmp):
    with dovecot(tmp, 2) as server:
        out = Account(tmp, f"pop3s://localhost:{server.port['pop3s']}", "no", server.ca).run("test")
        for step in ("login\t0", "mailbox\t0\t2 messages"):
            tap.has(out, "step\t" + step)
        tap.eq(len(server.list("ana")), 2)


def test_leave_yes_keeps_the_server_and_fetches_once(tmp):
    with dovecot(tmp, 30) as server:
        account = Account(tmp, insecure(server))
        account.run("sync", "again", "again")
        account.sync()
        server.append("ana", mail(99))
        account.sync()
        tap.eq(account.ids(), mids(*range(30), 99))
        tap.eq(len(server.list("ana")), 31)


def test_a_poll_without_news_writes_nothing(tmp):
    with dovecot(tmp, 10) as server:
        account = Account(tmp, insecure(server))
        account.run("sync", "again")

        def state():
            return {p: open(p, "rb").read() for name in ("ops.db", "cache.db")
                    for p in glob.glob(os.path.join(account.data, "accounts", "a", name))} | {"dump": account.ops("SELECT * FROM uidl ORDER BY uidl")}
        before = state()
        account.sync()
        tap.eq(state()["dump"], before["dump"])


def test_leave_no_deletes_what_is_safe_here(tmp):
    with dovecot(tmp, 450) as server:
        account = Account(tmp, insecure(server), "no")
        sent = plain(m for _, _, m in server.list("ana"))
        account.sync()
        tap.eq(len(server.list("ana")), 0, "left on the server")
        tap.eq(account.files(), sent)
        tap.eq(account.ids(), mids(*range(450)))


def test_a_long_download_is_cut_into_sessions(tmp):
    server, account = fake(tmp, [mail(i) for i in range(2100)], "no")
    account.sync()
    tap.eq(sum(account.files().values()), 2100)
    tap.eq(server.messages, [])
    assert 2 < server.sessions < 10, server.sessions


def test_one_sync_deletes_what_was_here_and_what_is_new(tmp):
    server, account = fake(tmp, [mail(i) for i in range(480)], "yes")
    account.sync()
    for i in range(480, 580):
        server.add(mail(i))
    account.write(insecure(server), "no")
    account.sync()
    tap.eq(sum(account.files().values()), 580)
    tap.eq(len(server.messages), 0, "left on the server")


def test_many_damaged_copies_do_not_keep_a_sync_going(tmp):
    server, account = fake(tmp, [mail(i) for i in range(500)], "yes")
    account.sync()
    for row in account.listed():
        with open(row[3], "ab") as f:
            f.write(b"x")
    account.write(insecure(server), "no")
    before = server.sessions
    account.sync(timeout=20)
    tap.eq((len(server.messages), server.sessions - before), (500, 1), "messages on the server, sessions")


def test_leave_for_days_counts_from_the_first_sight(tmp):
    with dovecot(tmp, 3) as server:
        account = Account(tmp, insecure(server), "14 days")
        account.sync()
        tap.eq(len(server.list("ana")), 3)
        uidls = [row[0] for row in account.ops("SELECT uidl FROM uidl ORDER BY uidl")]
        account.ops("UPDATE uidl SET first_seen = first_seen - 15*86400 WHERE uidl=?", uidls[0])
        account.sync()
        tap.eq(len(server.list("ana")), 2)
        tap.eq(account.ids(), mids(0, 1, 2))


def test_until_deleted_follows_trash_and_delete_here(tmp):
    with dovecot(tmp, 4) as server:
        account = Account(tmp, insecure(server), "until-deleted")
        account.sync()
        account.run("trash", "m1@contoh.test", "delete", "m2@contoh.test", "sync")
        tap.eq(server.message_ids("ana"), ["<m0@contoh.test>", "<m3@contoh.test>"])
        tap.eq(account.ids("Trash"), mids(1))
        account.sync()
        tap.eq(account.ids(), mids(0, 1, 3))


def test_a_lost_mail_directory_deletes_nothing_on_the_server(tmp):
    for leave in ("until-deleted", "1 days"):
        place = os.path.join(tmp, leave.split()[0])
        os.mkdir(place)
        with dovecot(place, 4) as server:
            account = Account(place, insecure(server), leave)
            account.sync()
            account.ops("UPDATE uidl SET first_seen = first_seen - 3*86400")
            shutil.rmtree(os.path.join(account.data, "mail"))
            account.sync(ok=None)
            tap.eq(len(server.list("ana")), 4, leave)


def test_a_damaged_file_keeps_its_copy_on_the_server(tmp):
    with dovecot(tmp, 3) as server:
        account = Account(tmp, insecure(server))
        account.sync()
        path = next(row[3] for row in account.listed() if "m1@" in row[1])
        with open(path, "ab") as f:
            f.write(b"x")
        account.write(insecure(server), "no")
        account.sync()
        tap.eq(server.message_ids("ana"), ["<m1@contoh.test>"])


def test_another_client_holding_the_mailbox_is_no_login_failure(tmp):
    with dovecot(tmp, 1, pop3_extra=" pop3_lock_session = yes", extra="mail_max_lock_timeout = 1s") as server:
        import poplib
        other = poplib.POP3("127.0.0.1", server.port["pop3"], timeout=tap.limit(20))
        other.user("ana")
        other.pass_("rahasia")
        out = Account(tmp, insecure(server)).sync(ok=False)
        tap.has(out, "error mailbox in use")
        other.quit()


def test_identical_messages_are_all_kept(tmp):
    with dovecot(tmp) as server:
        server.append("ana", *[mail(1)] * 3)
        account = Account(tmp, insecure(server), "no")
        account.sync()
        tap.eq(sum(account.files().values()), 3)
        tap.eq(len(server.list("ana")), 0)


# ---- power cuts ----

def converge(account, server, sent):
    """After a crash: sync again until it works; then everything that was sent is here once."""
    for _ in range(5):
        if account.run("sync", ok=None).endswith("ok\n"):
            break
    else:
        raise AssertionError("it does not recover: " + account.run("sync", ok=None))
    tap.eq(account.files(), sent, "files")
    tap.eq(sum(account.ids().values()), sum(sent.values()), "rows")
    tap.eq(len(server.list("ana")), 0, "left on the server")


def kill_cases(tmp, cases, run, at_least=0.5):
    """run does one sync with its mishap and returns true when the mishap took place."""
    hit = 0
    with dovecot(tmp) as server:
        for i, case in enumerate(cases):
            place = os.path.join(tmp, f"c{i}")
            os.mkdir(place)
            server.append("ana", *[mail(f"{i}-{k}", 3000 if k % 5 == 0 else 0) for k in range(12)])
            sent = plain(m for _, _, m in server.list("ana"))
            account = Account(place, insecure(server), "no")
            hit += bool(run(account, server, case))
            converge(account, server, sent)
            shutil.rmtree(place)
    tap.note(f"{hit} of {len(cases)} cases hit")
    assert hit >= at_least * len(cases), "too few cases interrupted something"


def test_killed_at_each_step_to_the_disk_nothing_is_lost_or_doubled(tmp):
    strace = tap.need("strace")

    def run(account, server, case):
        call, n = case
        return "ok" not in account.run("sync", ok=None, wrapper=(strace, "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}"))
    cases = [(c, n) for c, steps in (("fsync", (1, 3, 8, 14, 15, 16, 18)), ("rename,renameat,renameat2", (1, 2, 7, 12)), ("fdatasync", (1, 2, 3, 4, 5, 6, 8)),
                                     ("pwrite64", (4, 25, 60, 100, 130)), ("unlink,unlinkat", (1, 2, 3)), ("write", (5, 20, 40, 44))) for n in steps]
    kill_cases(tmp, cases, run)


def test_killed_at_random_moments_nothing_is_lost_or_doubled(tmp):
    chance = random.Random(int(os.environ.get("SUREL_SEED", "1")))
    took = []

    def run(account, server, share):
        start = time.monotonic()
        probe = account.start("sync")
        if share is not None:
            time.sleep(share * took[0])
            probe.send_signal(signal.SIGKILL)
        out = probe.communicate()[0]
        took.append(time.monotonic() - start)
        return "ok" not in out
    # The first case runs undisturbed: it tells how long a sync takes here.
    kill_cases(tmp, [None] + [chance.uniform(0.05, 0.95) for _ in range(20)], run, at_least=0.2)


def test_a_line_cut_at_any_byte_loses_and_doubles_nothing(tmp):
    chance = random.Random(int(os.environ.get("SUREL_SEED", "1")))

    def run(account, server, case):
        direction, at, how = case
        with proxy.Proxy(server.port["pop3"]) as middle:
            middle.plan(direction, times=1, cut=at, how=how)
            account.write(f"pop3+insecure://127.0.0.1:{middle.port}", "no")
            out = account.run("sync", ok=None)
        account.write(insecure(server), "no")
        return "ok" not in out or middle.count > 1
    cases = [("down", chance.randint(1, 13000), chance.choice(("rst", "fin"))) for _ in range(15)]
    cases += [("up", chance.randint(1, 300), "fin") for _ in range(15)]
    kill_cases(tmp, cases, run)


# ---- bad servers ----

def refuses(tmp, messages, words, kept=0, **habits):
    server, account = fake(tmp, messages, habits.pop("leave", "no"))
    for name, value in habits.items():
        setattr(server, name, value)
    out = account.sync(ok=False, timeout=30)
    tap.has(out, words)
    tap.eq(len(server.messages), len(messages), "left on the server")
    tap.eq(sum(account.ids().values()), kept, "stored")
    server.stop()


def test_message_number_zero_is_refused(tmp):
    refuses(tmp, [mail(1)], "error bad reply", list_lines=["0 100"])


def test_negative_and_huge_numbers_are_refused(tmp):
    for i, row in enumerate(("-1 100", "99999999999999999999 1", "4294967297 5", "x 1", "1x 1")):
        place = os.path.join(tmp, str(i))
        os.mkdir(place)
        refuses(place, [mail(1)], "error bad reply", list_lines=[row])
        os.rename(place, place + ".uidl")
        os.mkdir(place)
        refuses(place, [mail(1)], "error bad reply", uidl_lines=[row.split()[0] + " abc"])


def test_a_number_listed_twice_is_refused(tmp):
    refuses(tmp, [mail(1), mail(2)], "listed twice", list_lines=["1 100", "1 100"])


def test_gaps_in_the_numbers_are_fine(tmp):
    server, account = fake(tmp, [mail(1), mail(2), mail(3)])
    server.list_lines, server.uidl_lines = ["1 100", "3 100"], ["1 a", "3 c"]
    account.sync()
    tap.eq(account.ids(), mids(1, 3))


def test_zero_bytes_and_bare_dots_in_a_body_are_data(tmp):
    body = b"From: a@b.test\r\nMessage-ID: <m7@contoh.test>\r\nSubject: x\r\n\r\nnol \0 byte\r\nbare\n.\nafter\rcr\r\n"
    server, account = fake(tmp, [mail(1)], "no")
    server.retr[0] = b"+OK\r\n" + body + b"..stuffed\r\n.\r\n"
    account.sync()
    tap.eq(account.files(), plain([body + b".stuffed\r\n"]))
    tap.eq(server.messages, [])


def test_an_endless_line_is_ended_by_us(tmp):
    server, account = fake(tmp, [mail(1), mail(2)], "no")
    server.retr[1] = b"+OK\r\nX: " + b"a" * (20 << 20)
    out = account.sync(ok=None, timeout=60)
    tap.eq(account.ids(), mids(1), out)
    tap.eq(len(server.messages), 1)


def test_an_endless_listing_line_is_ended_by_us(tmp):
    refuses(tmp, [mail(1)], "longer than", list_lines=[b"1 " + b"9" * (1 << 20)])


def test_end_of_file_within_a_message_keeps_the_others_and_blocks_none(tmp):
    server, account = fake(tmp, [mail(1), mail(2), mail(3)], "no")
    server.retr[1] = b"+OK\r\nFrom: x@y.test\r\n\r\nhalf<EOF>"
    account.sync(ok=None)
    tap.eq(account.ids(), mids(1, 3))
    tap.eq(len(server.messages), 1, "left on the server")
    server.retr.clear()
    account.sync()
    tap.eq(account.ids(), mids(1, 2, 3))


def test_a_message_the_server_refuses_does_not_block_its_neighbours(tmp):
    server, account = fake(tmp, [mail(1), mail(2), mail(3)], "no")
    server.retr_err = {1}
    account.sync()
    tap.eq(account.ids(), mids(1, 3))
    tap.eq(len(server.messages), 1)


def test_a_message_that_is_too_large_stays_there(tmp):
    server, account = fake(tmp, [mail(1), mail(2)], "no")
    server.list_lines = ["1 100", "2 999999999999"]
    account.run("sync", "again")
    tap.eq(account.ids(), mids(1))
    assert not [line for line in server.log if line == "RETR 2"]


def test_minus_err_at_quit_forgets_nothing_and_deletes_again(tmp):
    server, account = fake(tmp, [mail(1), mail(2)], "no")
    server.quit = "err"
    tap.has(account.sync(ok=False), "error refused by server")
    tap.eq(len(server.messages), 2)
    server.quit = "eof"
    account.sync(ok=False)
    server.quit = "ok"
    server.log.clear()
    account.sync()
    tap.eq([line for line in server.log if line.startswith("RETR")], [], "fetched again")
    tap.eq(server.messages, [])
    tap.eq(account.ids(), mids(1, 2))


def test_a_lost_answer_to_quit_is_no_trouble(tmp):
    server, account = fake(tmp, [mail(1), mail(2)], "no")
    server.quit = "eof_late"
    account.sync(ok=False)
    server.quit = "ok"
    server.add(mail(3))
    account.sync()
    tap.eq(account.ids(), mids(1, 2, 3))


def test_without_uidl_messages_are_known_by_their_headers(tmp):
    server, account = fake(tmp, [mail(1), mail(2), mail(1)])
    server.uidl = False
    server.capa = ["TOP", "USER"]
    account.run("sync", "again")
    server.add(mail(4))
    account.sync()
    tap.eq(account.ids(), mids(1, 1, 2, 4))
    tap.eq(sum(1 for line in server.log if line.startswith("RETR")), 4)


def test_without_capabilities_it_works_too(tmp):
    server, account = fake(tmp, [mail(1), mail(2)], "no")
    server.capa = None
    account.sync()
    tap.eq(account.ids(), mids(1, 2))
    tap.eq(server.messages, [])


def test_without_uidl_and_top_only_taking_away_is_offered(tmp):
    server, account = fake(tmp, [mail(1), mail(2)])
    server.uidl = server.top = False
    server.capa = ["USER"]
    tap.has(account.sync(ok=False), "leave_on_server = no")
    account.write(insecure(server), "no")
    account.sync()
    tap.eq(account.ids(), mids(1, 2))
    tap.eq(server.messages, [])


def test_a_uidl_given_twice_does_not_hide_a_message(tmp):
    server, account = fake(tmp, [mail(1), mail(2), mail(3)])
    server.uidls = {0: "same", 1: "same"}
    account.run("sync", "again")
    tap.eq(account.ids(), mids(1, 2, 3))


def test_an_empty_listing_erases_no_memory(tmp):
    server, account = fake(tmp, [mail(1), mail(2)])
    account.sync()
    left, server.left = server.left, set()
    account.sync()
    server.left = left
    account.sync()
    tap.eq(account.ids(), mids(1, 2))
    tap.eq(sum(1 for line in server.log if line.startswith("RETR")), 2)


def test_a_server_with_all_uidls_new_doubles_nothing(tmp):
    server, account = fake(tmp, [mail(i) for i in range(6)])
    account.sync()
    server.uidls = {i: f"renumbered{i}" for i in range(6)}
    server.add(mail(9))
    account.run("sync", "again")
    tap.eq(account.ids(), mids(0, 1, 2, 3, 4, 5, 9))


def test_an_old_uidl_on_a_new_message_hides_it_not(tmp):
    server, account = fake(tmp, [mail(1)], "no")
    server.uidls = {0: "reused", 1: "reused"}
    account.sync()
    server.add(mail(2, 500))
    account.sync()
    tap.eq(account.ids(), mids(1, 2))


def test_login_delay_and_in_use_are_told_as_busy(tmp):
    for i, words in enumerate((b"-ERR [LOGIN-DELAY] wait", b"-ERR [IN-USE] held", b"-ERR [SYS/TEMP] later", b"-ERR maildrop is locked")):
        place = os.path.join(tmp, str(i))
        os.mkdir(place)
        server, account = fake(place, [mail(1)])
        server.pass_reply = words
        tap.has(account.sync(ok=False), "error mailbox in use")


def test_starttls_that_is_not_offered_sends_nothing(tmp):
    server, account = fake(tmp, [mail(1)])
    account.write(f"pop3+starttls://127.0.0.1:{server.port}")
    tap.has(account.sync(ok=False), "error refused by server")
    tap.eq([line for line in server.log if line not in ("CAPA", "QUIT")], [])


if __name__ == "__main__":
    tap.main()
