# tests/engine/test-imap-faults.py: the IMAP engine when it is killed, cut off or lied to: it converges, and loses and doubles nothing
# SPDX-License-Identifier: GPL-3.0-or-later
import collections
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("SUREL_SRCDIR", "."), "tests", "lib"))
import synclab
import tap
from dovecot import Dovecot, message
from fake_imap import Box, FakeImap
from proxy import Proxy
from synclab import FLAGGED, FULL, RETRY, SEEN, STOP, Lab, same_as_server

FOLDERS = (("Sent", "\\Sent"), ("Trash", "\\Trash"), ("Archive", "\\Archive"))
ALL = ["INBOX", "Sent", "Trash", "Archive"]
SEED = int(os.environ.get("SUREL_SEED", "4"))
QUARANTINED = 2


def mails(count, prefix="m", body="Isi surat.\n"):
    return [message(subject=f"{prefix} {i}", message_id=f"<{prefix}-{i}@contoh.test>", date=1700000000 + i * 60, body=body) for i in range(count)]


def plain(tmp, server, **more):
    return Lab(tmp, server.port, scheme="imap+insecure", **more)


# ---- kill -9 ----

def test_killed_at_random_points_of_a_pull_it_ends_whole(tmp):
    chance = random.Random(SEED)
    with Dovecot(tmp, folders=FOLDERS) as dovecot:
        dovecot.append("ana", *mails(300, body="Isi.\n" * 200))
        lab = Lab(tmp, dovecot.port["imaps"], dovecot.ca)
        for _ in range(12):
            lab.start()
            time.sleep(chance.uniform(0.05, 0.6))
            lab.kill()
        lab.sync()
        same_as_server(lab, dovecot, ALL)
        lab.stop()


def do_everything(lab, tmp, round_number):
    """A person's changes: what they leave on the server is known."""
    with open(f"{tmp}/own-{round_number}.eml", "wb") as file:
        file.write(message(subject="buatan sendiri", message_id=f"<own-{round_number}@contoh.test>", body="satu\n"))
    base = round_number * 6
    lab.act("flags", "INBOX", f"m-{base}@contoh.test", SEEN | FLAGGED, 0)
    lab.act("move", "INBOX", f"m-{base + 1}@contoh.test", "Archive")
    lab.act("move", "INBOX", f"m-{base + 2}@contoh.test", "Trash")
    lab.act("copy", "INBOX", f"m-{base + 3}@contoh.test", "Archive")
    lab.act("delete", "INBOX", f"m-{base + 4}@contoh.test")
    lab.act("append", "Sent", f"{tmp}/own-{round_number}.eml", SEEN)


def check_everything(dovecot, rounds):
    places = collections.Counter()
    for folder in ALL:
        for message_id in dovecot.message_ids("ana", folder):
            places[(folder, message_id.strip("<>"))] += 1
    tap.eq([p for p, n in places.items() if n > 1], [], "doubled")
    for r in range(rounds):
        base = r * 6
        for want in (("INBOX", f"m-{base}@contoh.test"), ("Archive", f"m-{base + 1}@contoh.test"), ("Trash", f"m-{base + 2}@contoh.test"),
                     ("INBOX", f"m-{base + 3}@contoh.test"), ("Archive", f"m-{base + 3}@contoh.test"), ("INBOX", f"m-{base + 5}@contoh.test"),
                     ("Sent", f"own-{r}@contoh.test")):
            assert places[want] == 1, f"{want} is not there"
            del places[want]
    tap.eq(sorted(places), [], "more than there should be")


def settle(lab, dovecot, folders=ALL, timeout=90):
    """Syncs until the journal is empty; an append in doubt takes two looks 30 seconds apart."""
    until = time.monotonic() + timeout
    while lab.dump()[1] and time.monotonic() < until:
        lab.sync()
        time.sleep(0.5)
    lab.sync()
    same_as_server(lab, dovecot, folders)


def check_killed_pushes(tmp, capability, rounds=8):
    chance = random.Random(SEED)
    with Dovecot(tmp, folders=FOLDERS, imap_capability=capability) as dovecot:
        dovecot.append("ana", *mails(rounds * 6))
        lab = Lab(tmp, dovecot.port["imaps"], dovecot.ca)
        lab.sync()
        lab.stop()
        for r in range(rounds):
            do_everything(lab, tmp, r)
            lab.start()
            time.sleep(chance.uniform(0.04, 0.25))
            lab.kill()
        settle(lab, dovecot)
        check_everything(dovecot, rounds)
        lab.stop()


def test_killed_at_random_points_of_a_push_nothing_is_lost_or_doubled(tmp):
    check_killed_pushes(tmp, None)


def test_killed_while_pushing_to_a_server_with_no_extension_nothing_is_lost_or_doubled(tmp):
    check_killed_pushes(tmp, "IMAP4rev1", 5)


# ---- cuts ----

def run_through(lab, timeout=20):
    """Starts the worker and lets it run until it idles or ends."""
    lab.start()
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        lab.worker.poll(0.02)
        if lab.worker.process.poll() is not None or any(s == "idle" for s, _ in lab.states()):
            break
    lab.stop()


def check_cuts(tmp, direction, where, how):
    with Dovecot(tmp, folders=FOLDERS) as dovecot:
        rounds = len(where)
        dovecot.append("ana", *mails(rounds * 6))
        proxy = Proxy(dovecot.port["imap"]).start()
        lab = Lab(tmp, proxy.port, scheme="imap+insecure")
        lab.sync()
        lab.stop()
        for r, at in enumerate(where):
            do_everything(lab, tmp, r)
            proxy.plan(direction, times=1, cut=at, how=how)
            run_through(lab)
            proxy.clear()
        settle(lab, dovecot)
        check_everything(dovecot, rounds)
        lab.stop()
        proxy.stop()


def test_cut_after_sampled_bytes_to_the_server_it_converges(tmp):
    check_cuts(tmp, "up", [30, 160, 300, 380, 460, 540, 620, 700, 800, 1000], "rst")


def test_cut_after_sampled_bytes_from_the_server_it_converges(tmp):
    check_cuts(tmp, "down", [10, 200, 700, 1100, 1300, 1500, 1700, 2000, 2400, 3000], "fin")


def test_a_first_sync_cut_again_and_again_goes_on_where_it_was(tmp):
    with Dovecot(tmp, folders=FOLDERS) as dovecot:
        dovecot.append("ana", *mails(400, body="Isi.\n" * 100))
        proxy = Proxy(dovecot.port["imap"]).start()
        lab = Lab(tmp, proxy.port, scheme="imap+insecure")
        done = []
        for at in (3000, 40000, 90000, 150000, 200000, 250000, 250000, 250000):
            proxy.plan("down", times=1, cut=at, how="rst")
            run_through(lab)
            folders = lab.dump()[0]
            done.append(sum(m.state == FULL for m in folders["INBOX"].messages) if "INBOX" in folders else 0)
        assert done == sorted(done) and done[-1] > 0, done
        proxy.clear()
        lab.sync()
        same_as_server(lab, dovecot, ALL)
        lab.stop()
        proxy.stop()


def test_a_server_that_falls_silent_does_not_hold_up_the_end(tmp):
    with FakeImap() as server:
        server.before = lambda line: b"" if line.startswith("LIST") else None
        lab = plain(tmp, server)
        lab.start()
        tap.wait_until(lambda: any(line.startswith("LIST") for line in server.said), what="LIST")
        lab.worker.send("QUIT")
        tap.eq(lab.worker.wait_end(5), 0, "ends while the server says nothing")
        lab.stop()


# ---- nonsense ----

NONSENSE = (
    ("a greeting of another protocol", {"greeting": "220 mail.example.org ESMTP\r\n"}, RETRY, "not an IMAP server"),
    ("garbage", {"greeting": b"\x00\xff\x01garbage\r\n"}, RETRY, ""),
    ("an endless line", {"greeting": b"* OK " + b"x" * (9 << 20)}, RETRY, ""),
    ("a goodbye at once", {"greeting": "* BYE Too many connections\r\n"}, RETRY, "Too many connections"),
    ("a code that crashes parsers", {"greeting": '* OK [BADCHARSET ("UTF-8")] x\r\n'}, RETRY, ""),
    ("login refused", {"answers": {"LOGIN": b"TAG NO [AUTHENTICATIONFAILED] wrong password\r\n"}}, STOP, "wrong password"),
    ("login refused without code", {"answers": {"LOGIN": b"TAG NO no\r\n"}}, STOP, "login"),
    ("no service now", {"answers": {"LOGIN": b"TAG NO [UNAVAILABLE] try later\r\n"}}, RETRY, "try later"),
    ("login switched off", {"caps": "IMAP4rev1 LOGINDISABLED"}, RETRY, ""),
    ("a huge literal", {"answers": {"LIST": b'* LIST () "/" {4294967290}\r\nx'}}, RETRY, ""),
    ("a literal beyond 32 bits", {"answers": {"LIST": b'* LIST () "/" {4294967299}\r\nabcTAG OK done\r\n'}}, RETRY, ""),
    ("nested without end", {"answers": {"LIST": b"* LIST " + b"(" * 5000 + b"\r\nTAG OK done\r\n"}}, RETRY, ""),
    ("a tag of its own", {"answers": {"LIST": b"zz OK done\r\n"}}, RETRY, ""),
    ("BAD to everything", {"answers": {"SELECT": b"TAG BAD what?\r\n"}}, RETRY, ""),
    ("a goodbye in between", {"answers": {"SELECT": b"* BYE maintenance\r\n"}}, RETRY, "maintenance"),
    ("no inbox", {"answers": {"LIST": b"TAG OK done\r\n"}}, RETRY, "no inbox"),
)


def test_nonsense_ends_in_one_sentence_with_a_remedy(tmp):
    for number, (name, how, want, words) in enumerate(NONSENSE):
        with FakeImap() as server:
            server.boxes["INBOX"].add(mails(1)[0])
            server.greeting = how.get("greeting", server.greeting)
            server.caps = how.get("caps", server.caps)
            answers = how.get("answers", {})
            server.before = lambda line, answers=answers: answers.get(line.split(" ")[0])
            lab = plain(f"{tmp}/{number}", server)
            lab.start()
            status, text = lab.end(30)
            tap.eq(status, want, f"{name}: exit status, {text}")
            tap.has(text, words, name)
            assert text.count("\n") == 0 and len(text) > 40 and text.endswith("."), (name, text)
            tap.note(f"{name}: {text}")


def test_preauth_before_starttls_is_refused_and_no_password_is_sent(tmp):
    with FakeImap() as server:
        server.greeting = "* PREAUTH welcome\r\n"
        lab = Lab(tmp, server.port, scheme="imap+starttls")
        lab.start()
        status, text = lab.end()
        tap.eq(status, STOP, text)
        tap.has(text, "PREAUTH")
        tap.eq(server.said, [], "commands")


def test_a_server_without_starttls_gets_no_password(tmp):
    with FakeImap() as server:
        lab = Lab(tmp, server.port, scheme="imap+starttls")
        lab.start()
        status, text = lab.end()
        assert status in (RETRY, STOP), status
        tap.has(text, "STARTTLS")
        assert not any("LOGIN" in s or "secret" in s for s in server.said), server.said


def test_line_breaks_in_a_password_are_not_sent(tmp):
    with FakeImap() as server:
        lab = plain(tmp, server, secret=False)
        lab.start()
        lab.worker.send("SECRET", incoming="x\r\n9 LOGOUT", outgoing="")
        status, text = lab.end()
        tap.eq(status, STOP, text)
        tap.has(text, "line break")
        tap.eq(server.said, ["CAPABILITY", "LOGOUT"], "commands")


# ---- poisoned messages ----

def check_poison(tmp, row, want=QUARANTINED, count=40):
    with FakeImap() as server:
        for data in mails(count):
            server.boxes["INBOX"].add(data)
        server.row = row
        lab = plain(tmp, server)
        lab.sync(timeout=60)
        states = {m.uid: m.state for m in lab.messages()}
        tap.eq(sorted(states), list(range(1, count + 1)), "messages listed")
        tap.eq(states.pop(7), want, "state of the poisoned one")
        tap.eq(set(states.values()), {FULL}, "states of the others")
        return lab, server


def test_a_body_that_breaks_the_parser_is_put_aside_alone(tmp):
    def row(box, uid, data):
        return data.replace(b"BODY[] {", b"BODY[] ~{") if uid == 7 else data
    lab, _ = check_poison(tmp, row)
    lab.stop()


def test_headers_that_break_the_connection_are_put_aside_alone(tmp):
    def row(box, uid, data):
        return data.replace(b"UID 7 ", b"UID 7 \0") if uid == 7 and b"BODY" in data else data
    lab, _ = check_poison(tmp, row)
    lab.stop()


def test_a_message_the_server_never_sends_is_put_aside_alone(tmp):
    def row(box, uid, data):
        return None if uid == 7 and b"BODY[]" in data else data
    lab, _ = check_poison(tmp, row)
    lab.stop()


def test_a_fetch_that_ends_in_no_is_not_taken_for_success(tmp):
    with FakeImap() as server:
        for data in mails(40):
            server.boxes["INBOX"].add(data)
        server.fetch_end = lambda uids, items: "NO one message is damaged" if 7 in uids and "BODY.PEEK[]" in items else "OK done"
        lab = plain(tmp, server)
        lab.sync()
        states = {m.uid: m.state for m in lab.messages()}
        tap.eq(states.pop(7), QUARANTINED)
        tap.eq(set(states.values()), {FULL})
        lab.stop()


# ---- liars ----

def liar(tmp, count):
    server = FakeImap()
    for data in mails(count):
        server.boxes["INBOX"].add(data)
    lab = plain(tmp, server)
    lab.sync()
    tap.eq(len(lab.messages()), count)
    return lab, server


def test_flags_that_end_in_no_make_nothing_vanish(tmp):
    lab, server = liar(tmp, 40)
    server.row = lambda box, uid, row: row if uid < 20 else None
    server.fetch_end = lambda uids, items: "NO half of it"
    lab.sync()
    tap.eq(len(lab.messages()), 40)
    lab.stop()
    server.server.close()


def test_rows_left_out_make_nothing_vanish(tmp):
    lab, server = liar(tmp, 40)
    server.row = lambda box, uid, row: row if uid < 20 else None
    lab.sync()
    tap.eq(len(lab.messages()), 40)
    lab.stop()
    server.server.close()


def test_a_row_that_cannot_be_read_makes_nothing_vanish(tmp):
    lab, server = liar(tmp, 40)
    server.row = lambda box, uid, row: b"* 9 FETCH (UID 9 FLAGS ((\r\n" if uid == 9 else row
    lab.sync()
    tap.eq(len(lab.messages()), 40)
    lab.stop()
    server.server.close()


def test_a_lie_about_exists_makes_nothing_vanish(tmp):
    lab, server = liar(tmp, 40)
    server.exists = lambda box, n: n - 30
    server.row = lambda box, uid, row: row if uid <= 15 else None
    lab.sync()
    tap.eq(len(lab.messages()), 40)
    lab.stop()
    server.server.close()


def test_an_empty_folder_in_its_place_must_stay_empty_to_be_believed(tmp):
    lab, server = liar(tmp, 80)
    boxes = [server.boxes["INBOX"]]
    empty = Box()
    empty.uidnext = 81
    selects = []

    def before(line):
        if line.startswith("SELECT"):
            selects.append(line)
            # empty once, and whole again when asked on another connection
            server.boxes["INBOX"] = empty if len(selects) == 1 else boxes[0]
    server.before = before
    lab.sync()
    server.before = lambda line: None
    lab.sync()
    tap.eq(len(lab.messages()), 80)
    lab.stop()
    server.server.close()


def test_a_list_without_inbox_or_with_damage_hides_no_folder(tmp):
    lab, server = liar(tmp, 3)
    server.boxes["Arsip"] = Box()
    lab.sync()
    assert "Arsip" in lab.dump()[0]
    server.before = lambda line: b'* LIST () "/" "INBOX"\r\n* LIST ((( "/" "Arsip"\r\nTAG OK done\r\n' if line.startswith("LIST") else None
    lab.sync()
    assert "Arsip" in lab.dump()[0], "damaged LIST"
    server.before = lambda line: b'* LIST () "/" "Lain"\r\nTAG OK done\r\n' if line.startswith("LIST") else None
    lab.sync()
    assert "Arsip" in lab.dump()[0], "LIST without INBOX"
    lab.stop()
    server.server.close()


def test_one_folder_that_refuses_does_not_block_the_others(tmp):
    with FakeImap() as server:
        server.boxes["INBOX"].add(mails(1)[0])
        for name in ("Arsip", "Terkunci", "Zebra"):
            server.boxes[name] = Box()
            server.boxes[name].add(mails(1, name)[0])
        server.before = lambda line: b"TAG NO [NOPERM] not yours\r\n" if line.startswith('SELECT "Terkunci"') else None
        lab = plain(tmp, server)
        lab.sync()
        folders = lab.dump()[0]
        tap.eq([len(folders[n].messages) for n in ("INBOX", "Arsip", "Terkunci", "Zebra")], [1, 1, 0, 1])
        lab.stop()


def test_folder_names_of_a_hostile_server_stay_inside_the_maildir(tmp):
    names = ["../../../../../tmp/surel-evil", "a/../../b", "/etc/x", "esc\x1b[2J", "dot/.", "con\x07trol", "x" * 900]
    with FakeImap() as server:
        server.boxes["INBOX"].add(mails(1)[0])
        for name in names:
            server.boxes[name] = Box()
            server.boxes[name].add(mails(1, "evil")[0])
        lab = plain(tmp, server)
        lab.sync()
        assert not os.path.exists("/tmp/surel-evil")
        inside = lab.tmp + "/data/mail/a/"
        for folder in lab.dump()[0].values():
            assert not re.search(r"[\x00-\x1f\x7f]", folder.name), folder.name
            for found in folder.messages:
                path = os.path.realpath(found.path)
                assert path.startswith(os.path.realpath(inside)) and ".." not in path, path
        lab.stop()


if __name__ == "__main__":
    tap.main()
