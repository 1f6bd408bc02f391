# tests/engine/test-imap.py: the IMAP engine against a real server: both sides alike after every kind of change
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("SUREL_SRCDIR", "."), "tests", "lib"))
import synclab
import tap
from dovecot import Dovecot, message
from proxy import Proxy
from synclab import ANSWERED, FLAGGED, FULL, SEEN, Lab, same_as_server

FOLDERS = (("Sent", "\\Sent"), ("Drafts", "\\Drafts"), ("Trash", "\\Trash"), ("Archive", "\\Archive"), ("Arsip Kerja", None))
# What Dovecot offers by itself, less what the tier must do without.
PLAIN = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ NAMESPACE UNSELECT CHILDREN LIST-EXTENDED SPECIAL-USE"
POOR = "IMAP4rev1"
NO_MOVE = PLAIN + " UIDPLUS CONDSTORE ESEARCH"


def server(tmp, **more):
    return Dovecot(tmp, folders=FOLDERS, **more)


def lab_for(tmp, dovecot, **more):
    return Lab(tmp, dovecot.port["imaps"], dovecot.ca, **more)


def mails(count, prefix="m", body="Isi surat.\n", date=1700000000):
    return [message(subject=f"{prefix} {i}", message_id=f"<{prefix}-{i}@contoh.test>", date=date + i * 60, body=body) for i in range(count)]


ALL = ["INBOX"] + [name for name, _ in FOLDERS]


# ---- first sync ----

def test_a_first_sync_brings_folders_roles_headers_flags_and_bodies(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(230))
        dovecot.append("ana", *mails(3, "s"), folder="Sent", flags="\\Seen")
        dovecot.flag("ana", "INBOX", range(1, 101), "\\Seen")
        dovecot.flag("ana", "INBOX", [7], "\\Flagged \\Answered $Forwarded")
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            same_as_server(lab, dovecot, ALL)
            folders = lab.dump()[0]
            tap.eq([folders[n].role for n in ("INBOX", "Drafts", "Sent", "Archive", "Trash")], [1, 2, 3, 4, 6], "roles")
            tap.eq(folders["INBOX"].unread, 130, "unread")
            tap.eq(folders["INBOX"].name, "Inbox")
            news = [v for name, v in lab.worker.frames if name == "NEW_MAIL"]
            tap.eq(news, [], "NEW_MAIL at the first sync of a folder")


def test_names_in_modified_utf7_are_shown_decoded(tmp):
    with server(tmp) as dovecot:
        dovecot.create("ana", "Entw&APw-rfe", "&ZeVnLIqe-/&U,BTFw-", "A &- B")
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            names = {f.name for f in lab.dump()[0].values()}
            for name in ("Entwürfe", "日本語/台北", "A & B"):
                assert name in names, (name, names)


def test_special_folders_are_found_by_localized_names_and_by_configuration(tmp):
    names = (("Terkirim", None), ("Papierkorb", None), ("Lama", None))
    with Dovecot(tmp, folders=names, imap_capability="IMAP4rev1 UIDPLUS") as dovecot:
        dovecot.create("ana", "Entw&APw-rfe")
        with lab_for(tmp, dovecot, extra="archive = Lama\n") as lab:
            lab.sync()
            roles = {f.raw: f.role for f in lab.dump()[0].values()}
            tap.eq((roles["Terkirim"], roles["Papierkorb"], roles["Entw&APw-rfe"], roles["Lama"]), (3, 6, 2, 4), "roles")


def test_a_message_without_header_or_with_odd_bytes_arrives_as_it_is(tmp):
    odd = [b"\r\nNo header at all\r\n", b"Subject: nul\r\nMessage-ID: <nul@x>\r\n\r\nhigh \xff\xfe bytes\r\n",
           b"Subject: =?utf-8?B?8J+YgA==?=\r\nMessage-ID: <emoji@x>\r\n\r\n" + b"x" * 200000 + b"\r\n",
           b"Subject: big\r\nMessage-ID: <big@x>\r\n\r\n" + b"0123456789abcdef" * 200000 + b"\r\n", b"Subject: only a header\r\n\r\n"]
    with server(tmp) as dovecot:
        dovecot.append("ana", *odd)
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            same_as_server(lab, dovecot, ["INBOX"])


# ---- changes of others ----

def change_as_another_client(dovecot):
    dovecot.flag("ana", "INBOX", [3, 4], "\\Seen \\Flagged")
    dovecot.flag("ana", "INBOX", [1], "\\Seen", add=False)
    dovecot.expunge("ana", "INBOX", [10, 11, 20])
    dovecot.append("ana", *mails(4, "new"))
    dovecot.append("ana", *mails(1, "filed"), folder="Archive")
    dovecot.append("ana", *mails(1, "spaced"), folder="Arsip Kerja")


def check_incremental(tmp, capability):
    with server(tmp, imap_capability=capability) as dovecot:
        dovecot.append("ana", *mails(40))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            change_as_another_client(dovecot)
            lab.sync()
            same_as_server(lab, dovecot, ALL)
            new = lab.worker.wait_frame("NEW_MAIL")
            tap.eq(new["count"], 4, "new messages announced")
            # all of them gone, but few: no second look is needed
            dovecot.expunge("ana", "INBOX", [m.uid for m in lab.messages()])
            lab.sync()
            same_as_server(lab, dovecot, ALL)


def test_changes_of_other_clients_come_with_condstore(tmp):
    check_incremental(tmp, None)


def test_changes_of_other_clients_come_without_condstore(tmp):
    check_incremental(tmp, PLAIN)


def test_changes_of_other_clients_come_from_a_server_with_no_extension(tmp):
    check_incremental(tmp, POOR)


def test_a_mass_removal_is_looked_at_twice_and_the_files_are_kept(tmp):
    with server(tmp) as dovecot:
        proxy = Proxy(dovecot.port["imaps"]).start()
        dovecot.append("ana", *mails(120))
        with Lab(tmp, proxy.port, dovecot.ca) as lab:
            lab.sync()
            connections = proxy.count
            dovecot.expunge("ana", "INBOX", range(1, 101))
            lab.sync()
            same_as_server(lab, dovecot, ["INBOX"])
            tap.eq(proxy.count, connections + 1, "connections for the second look")
            assert lab.worker.wait_frame("NOTICE", lambda v: "30 days" in v["text"]), "the person is told"
            kept = sum(len(files) for where, _, files in os.walk(lab.tmp + "/data") if "cur" not in where.split("/")[-1:])
            assert kept >= 100, f"{kept} files kept"
        proxy.stop()


def test_a_new_uidvalidity_loses_nothing_and_downloads_nothing_again(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(30))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            before = {m.id: m.path for m in lab.messages()}
            dovecot.stop()
            mailbox = os.path.join(dovecot.dir, "mail", "ana", "Maildir")
            for name in os.listdir(mailbox):
                if name.startswith("dovecot") and name != "dovecot-keywords":
                    os.unlink(os.path.join(mailbox, name))
            dovecot.start()
            lab.end()
            lab.sync()
            same_as_server(lab, dovecot, ["INBOX"])
            tap.eq({m.id: m.path for m in lab.messages()}, before, "files")


def test_folders_made_and_removed_by_others_follow(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(2))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            dovecot.create("ana", "Baru")
            dovecot.append("ana", *mails(2, "b"), folder="Baru")
            lab.sync()
            same_as_server(lab, dovecot, ["Baru"])
            other = dovecot.imap("ana")
            other.delete("Baru")
            other.logout()
            lab.sync()
            assert "Baru" not in lab.dump()[0]


# ---- changes of ours ----

def check_push(tmp, capability, folders=ALL):
    with server(tmp, imap_capability=capability) as dovecot:
        dovecot.append("ana", *mails(12))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            mid = [f"m-{i}@contoh.test" for i in range(12)]
            lab.act("flags", "INBOX", mid[0], SEEN | FLAGGED, 0)
            lab.act("flags", "INBOX", mid[1], ANSWERED | 32, 0)
            lab.act("move", "INBOX", mid[2], "Archive")
            lab.act("move", "INBOX", mid[3], "Trash")
            lab.act("copy", "INBOX", mid[4], "Arsip Kerja")
            lab.act("delete", "INBOX", mid[5])
            lab.act("flags", "INBOX", mid[2], 0, 0, ok=False)
            with open(tmp + "/own.eml", "wb") as file:
                file.write(message(subject="buatan sendiri", message_id="<own@contoh.test>", body="satu\n\ndua\n"))
            lab.act("append", "Sent", tmp + "/own.eml", SEEN)
            lab.act("flags", "Archive", mid[2], FLAGGED, 0)     # of a message that is on its way
            lab.act("create", "Proyek/Ünïcode")
            lab.journal_ready()
            tap.wait_until(lambda: lab.dump()[1] == 0, 20, 0.1, "an empty journal")
            lab.sync()
            same_as_server(lab, dovecot, folders)
            tap.eq(dovecot.message_ids("ana", "Sent"), ["<own@contoh.test>"], "Sent")
            tap.eq(dovecot.message_ids("ana", "Archive"), ["<m-2@contoh.test>"], "Archive")
            tap.eq(dovecot.message_ids("ana", "Trash"), ["<m-3@contoh.test>"], "Trash")
            tap.eq(dovecot.message_ids("ana", "Arsip Kerja"), ["<m-4@contoh.test>"], "the copy")
            tap.eq(len(dovecot.list("ana", "INBOX")), 9, "what is left")
            flags = {m[0]: m[1] for m in dovecot.list("ana", "INBOX")}
            tap.eq(flags[1], {"\\Seen", "\\Flagged"}, "flags of 1")
            tap.eq(dovecot.list("ana", "Archive")[0][1], {"\\Flagged"}, "flags of the moved one")
            assert "Proyek/&ANw-n&AO8-code" in lab.dump()[0], lab.dump()[0].keys()


def test_changes_of_a_person_reach_the_server(tmp):
    check_push(tmp, None)


def test_changes_of_a_person_reach_a_server_without_move(tmp):
    check_push(tmp, NO_MOVE)


def test_changes_of_a_person_reach_a_server_without_uidplus(tmp):
    check_push(tmp, PLAIN)


def test_changes_of_a_person_reach_a_server_with_no_extension(tmp):
    check_push(tmp, POOR)


def test_without_uidplus_the_marks_of_another_client_are_not_expunged(tmp):
    with server(tmp, imap_capability=PLAIN) as dovecot:
        dovecot.append("ana", *mails(5))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            dovecot.flag("ana", "INBOX", [2], "\\Deleted")
            lab.act("delete", "INBOX", "m-0@contoh.test")
            lab.journal_ready()
            tap.wait_until(lambda: lab.dump()[1] == 0, 20, 0.1, "an empty journal")
            left = {uid: flags for uid, flags, _ in dovecot.list("ana", "INBOX")}
            tap.eq(sorted(left), [1, 2, 3, 4, 5], "nothing is expunged")
            tap.eq((left[1], left[2]), ({"\\Deleted"}, {"\\Deleted"}), "marks")


def test_changes_made_offline_arrive_once_on_reconnect(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(10))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            dovecot.stop()
            status, text = lab.end()
            tap.eq(status, synclab.RETRY, "exit status")
            assert text.endswith("Press $ to try now."), text
            for i in range(3):
                lab.act("flags", "INBOX", f"m-{i}@contoh.test", SEEN, 0)
                lab.act("move", "INBOX", f"m-{i + 3}@contoh.test", "Archive")
                lab.act("move", "Archive", f"m-{i + 3}@contoh.test", "Trash")
            lab.act("apply")
            lab.start()
            status, text = lab.end()
            tap.eq(status, synclab.RETRY, "exit status while the server is away")
            dovecot.start()
            lab.sync()
            same_as_server(lab, dovecot, ALL)
            tap.eq(len(dovecot.list("ana", "Trash")), 3, "moved twice")
            tap.eq(len(dovecot.list("ana", "Archive")), 0, "moved on")


def test_a_flag_set_on_both_sides_keeps_what_the_person_did_last(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(3), flags="\\Seen")
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            lab.stop()
            lab.act("flags", "INBOX", "m-0@contoh.test", FLAGGED, SEEN)
            lab.act("apply")
            dovecot.flag("ana", "INBOX", [1], "\\Answered")
            lab.sync()
            same_as_server(lab, dovecot, ["INBOX"])
            tap.eq(dovecot.list("ana", "INBOX")[0][1], {"\\Flagged", "\\Answered"})


def test_a_message_moved_by_another_client_is_not_lost_when_we_move_it_too(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(3))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            lab.stop()
            lab.act("move", "INBOX", "m-1@contoh.test", "Archive")
            with dovecot.box("ana", "INBOX") as box:
                box.uid("MOVE", "2", "Trash")
            lab.sync()
            lab.sync()
            everywhere = [m.id for f in lab.dump()[0].values() for m in f.messages]
            assert everywhere.count("m-1@contoh.test") >= 1, everywhere
            tap.eq(dovecot.message_ids("ana", "Trash"), ["<m-1@contoh.test>"], "the server's position")


# ---- waiting ----

def test_idle_brings_new_mail_within_two_seconds(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(3))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            assert lab.wait_state(synclab.IDLE)
            time.sleep(0.3)
            start = time.monotonic()
            dovecot.append("ana", *mails(1, "fresh", date=1800000000))
            new = lab.worker.wait_frame("NEW_MAIL", timeout=10)
            took = time.monotonic() - start
            assert new and new["count"] == 1, new
            assert took < tap.speed(2.5), f"{took:.1f} s"
            tap.note(f"noticed after {took:.2f} s")
            tap.wait_until(lambda: (lab.find("INBOX", "fresh-0@contoh.test") or None) and lab.find("INBOX", "fresh-0@contoh.test").state == FULL, 5)
            assert str(new["newest"]) in lab.act("id", "INBOX", "fresh-0@contoh.test")


def test_other_folders_and_servers_without_idle_are_polled(tmp):
    with server(tmp, imap_capability=PLAIN.replace(" IDLE", "")) as dovecot:
        dovecot.append("ana", *mails(3))
        with lab_for(tmp, dovecot, extra="poll = 60s\n") as lab:
            lab.configure(dovecot.port["imaps"], dovecot.ca, extra="")
            lab.sync()
            dovecot.append("ana", *mails(1, "fresh"))
            dovecot.append("ana", *mails(1, "filed"), folder="Archive")
            lab.sync()
            same_as_server(lab, dovecot, ALL)


def test_a_journal_bell_is_answered_while_idle_within_a_second(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(3))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            assert lab.wait_state(synclab.IDLE)
            lab.act("flags", "INBOX", "m-0@contoh.test", SEEN, 0)
            start = time.monotonic()
            lab.journal_ready()
            tap.wait_until(lambda: "\\Seen" in dovecot.list("ana")[0][1], 5, 0.02)
            took = time.monotonic() - start
            assert took < tap.speed(1.5), f"{took:.1f} s"


def test_a_body_a_person_waits_for_comes_before_the_bulk(tmp):
    with server(tmp) as dovecot:
        proxy = Proxy(dovecot.port["imaps"]).start()
        dovecot.append("ana", *mails(600, body="x" * 40000 + "\n"))
        lab = Lab(tmp, proxy.port, dovecot.ca)
        lab.start()
        tap.wait_until(lambda: os.path.exists(lab.tmp + "/data") and "m-3@" in lab.act("dump"), 20, 0.05, "the oldest header")
        lab.worker.send("FETCH_BODY", request=77, msg=int(lab.act("id", "INBOX", "m-3@contoh.test")))
        done = lab.worker.wait_frame("DONE", lambda v: v["request"] == 77)
        assert done, lab.log()[-2000:]
        states = [m.state for m in lab.messages()]
        assert lab.find("INBOX", "m-3@contoh.test").state == FULL
        assert 0 in states, "the bulk was still under way"
        lab.sync()
        same_as_server(lab, dovecot, ["INBOX"])
        lab.stop()
        proxy.stop()


def test_headers_only_accounts_fetch_a_body_when_it_is_opened(tmp):
    with server(tmp) as dovecot:
        dovecot.append("ana", *mails(5))
        with lab_for(tmp, dovecot, extra="keep_offline = headers\n") as lab:
            lab.sync()
            tap.eq([m.state for m in lab.messages()], [0] * 5, "states")
            lab.worker.send("FETCH_BODY", request=5, msg=int(lab.act("id", "INBOX", "m-2@contoh.test")))
            assert lab.worker.wait_frame("DONE", lambda v: v["request"] == 5)
            tap.eq(lab.find("INBOX", "m-2@contoh.test").state, FULL)
            lab.worker.send("FETCH_BODY", request=6, msg=424242)
            assert lab.worker.wait_frame("FAILED", lambda v: v["request"] == 6)
            tap.eq([m.state for m in lab.messages()].count(FULL), 1)


# ---- nothing new, nothing done ----

CHANGING = ("STORE", "MOVE", "COPY", "APPEND", "EXPUNGE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE")


def snapshot(lab):
    import sqlite3
    rows = []
    for name in ("cache.db", "ops.db"):
        db = sqlite3.connect(f"file:{lab.tmp}/data/accounts/a/{name}?mode=ro", uri=True)
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%fts%' ORDER BY name").fetchall():
            rows.append((name, table, sorted(map(repr, db.execute(f'SELECT * FROM "{table}"').fetchall()))))
        db.close()
    return rows


def check_still(tmp, capability):
    with server(tmp, imap_capability=capability) as dovecot:
        dovecot.append("ana", *mails(20))
        with lab_for(tmp, dovecot) as lab:
            lab.sync()
            lab.act("flags", "INBOX", "m-0@contoh.test", SEEN, 0)
            lab.act("move", "INBOX", "m-1@contoh.test", "Archive")
            lab.sync()
            lab.sync()
            before, log = snapshot(lab), len(lab.log())
            lab.sync()
            lab.sync()
            tap.eq(snapshot(lab), before, "rows")
            verbs = [line.split("> ")[1].split()[1:] for line in lab.log()[log:].splitlines() if " > " in line]
            assert verbs, "the log shows commands"
            said = {" ".join(v) for v in verbs}
            assert not any(word in s for s in said for word in CHANGING), said
            assert not any(name == "CHANGED" for name, _ in lab.worker.frames[-6:]), lab.worker.frames[-6:]


def test_two_syncs_without_news_change_nothing(tmp):
    check_still(tmp, None)


def test_two_syncs_without_news_change_nothing_without_condstore(tmp):
    check_still(tmp, PLAIN)


if __name__ == "__main__":
    tap.main()
