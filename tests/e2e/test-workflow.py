#!/usr/bin/python3
# tests/e2e/test-workflow.py: a person at the keys: read, answer, send, file, undo, search, attachments, against real servers
# SPDX-License-Identifier: GPL-3.0-or-later
import email
import os
import re

from world import World, message, tap


def parts_message():
    return (b"From: Budi <budi@contoh.test>\nTo: ana@contoh.test\nSubject: Berkas terlampir\nMessage-ID: <berkas@contoh.test>\n"
            b"Date: Mon, 02 Nov 2026 08:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
            b"--b\nContent-Type: text/plain\n\nLihat berkas.\n"
            b"--b\nContent-Type: text/csv; name=\"../../daftar.csv\"\nContent-Disposition: attachment; filename=\"../../daftar.csv\"\n\nsatu,dua\n"
            b"--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"isi.bin\"\n"
            b"Content-Transfer-Encoding: base64\n\nAAEC\n--b--\n")


def test_a_message_is_read_and_marked_read_on_the_server(tmp):
    with World(tmp, mail={"ana": [message("Halo Ana", body="Apa kabar hari ini?\n")]}) as w, w.surel() as s:
        s.wait_for("Halo Ana")
        s.keys("<Enter>")
        s.wait_for("Apa kabar hari ini?")
        tap.wait_until(lambda: "\\Seen" in w.server.list("ana")[0][1], 10, 0.1, "the read mark on the server")
        s.keys("q")
        s.wait_for("1/1")
        s.keys("Q")
        tap.eq(s.wait_end(), 0)
        tap.eq(s.odd_escapes(), [])


def test_an_answer_arrives_once_and_lies_once_in_sent(tmp):
    with World(tmp, mail={"ana": [message("Rapat besok", sender="Budi <budi@contoh.test>", message_id="<rapat@contoh.test>")]}) as w, w.surel() as s:
        s.wait_for("Rapat besok")
        s.keys("r")
        s.wait_for("Before sending")
        s.wait_for("Terima kasih, sampai besok.")
        s.keys("y")
        s.wait_for("Sent: Re: Rapat besok", 20)
        w.wait_subjects("budi", "INBOX", ["Re: Rapat besok"])
        w.wait_subjects("ana", "Sent", ["Re: Rapat besok"])
        tap.eq(len(w.relay.deliveries), 1)
        answer = email.message_from_bytes(w.relay.deliveries[0][2])
        tap.eq(answer["In-Reply-To"], "<rapat@contoh.test>")
        tap.has(answer.get_payload(), "> Halo.")
        tap.wait_until(lambda: "\\Answered" in w.server.list("ana")[0][1], 10, 0.1, "the answered mark on the server")


def test_a_new_message_asks_for_to_and_subject(tmp):
    with World(tmp) as w, w.surel() as s:
        s.wait_for("kantor")
        s.keys("m")
        s.wait_for("To:")
        s.type("budi@contoh.test\r")
        s.wait_for("Subject:")
        s.type("Kabar baru\r")
        s.wait_for("Before sending")
        s.keys("y")
        w.wait_subjects("budi", "INBOX", ["Kabar baru"])
        w.wait_subjects("ana", "Sent", ["Kabar baru"])


def test_a_send_is_taken_back_within_its_window(tmp):
    with World(tmp, undo=30) as w, w.surel() as s:
        s.wait_for("kantor")
        s.keys("m")
        s.wait_for("To:")
        s.type("budi@contoh.test\r")
        s.wait_for("Subject:")
        s.type("Terlalu cepat\r")
        s.wait_for("Before sending")
        s.keys("y")
        s.wait_for("u takes it back")
        s.keys("u")
        s.wait_for("Taken back")
        s.wait_for("Terlalu cepat")
        s.keys("q")
        s.wait_for("Kept as a draft")
        s.settle(1)
        tap.eq(w.relay.deliveries, [])


def test_archive_and_undo_reach_the_server(tmp):
    with World(tmp, mail={"ana": [message("Simpan ini"), message("Biarkan ini")]}) as w, w.surel() as s:
        s.wait_for("Simpan ini")
        s.wait_for("Biarkan ini")
        s.keys("<Home>")
        if "Simpan" not in s.lines()[1]:
            s.keys("j")
        s.settle()
        s.keys("a")
        s.wait_for("1 message archived")
        w.wait_subjects("ana", "Archive", ["Simpan ini"])
        s.keys("u")
        s.wait_for("Undone")
        w.wait_subjects("ana", "INBOX", ["Biarkan ini", "Simpan ini"])
        w.wait_subjects("ana", "Archive", [])


def test_delete_goes_to_trash_and_asks_there(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Buang ini")]}) as w, w.surel() as s:
        s.wait_for("Buang ini")
        s.keys("d")
        s.wait_for("moved to Trash")
        w.wait_subjects("ana", "Trash", ["Buang ini"])
        s.type("cTrash\r")
        s.wait_for("Buang ini")
        s.keys("d")
        s.wait_for("for good?")
        s.keys("n")
        s.settle(0.5)
        w.wait_subjects("ana", "Trash", ["Buang ini"])
        s.keys("d")
        s.wait_for("for good?")
        s.keys("y")
        s.wait_for("deleted for good")
        w.wait_subjects("ana", "Trash", [])


def test_archive_folder_is_made_when_there_is_none(tmp):
    with World(tmp, accounts=("kantor",), folders=(), mail={"ana": [message("Arsipkan aku")]}) as w, w.surel() as s:
        s.wait_for("Arsipkan aku")
        s.keys("a")
        s.wait_for("1 message archived")
        tap.wait_until(lambda: "Archive" in str(w.server.imap("ana").list()), 15, 0.2, "the folder on the server")
        w.wait_subjects("ana", "Archive", ["Arsipkan aku"])


def test_marks_move_together(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message(f"Nomor {i}") for i in range(5)]}) as w, w.surel() as s:
        s.wait_for("1/5")
        s.keys("t", "t", "t", "s")
        s.wait_for("Move to folder")
        s.type("Archive\r")
        s.wait_for("3 messages moved to Archive")
        tap.wait_until(lambda: len(w.subjects("ana", "Archive")) == 3, 15, 0.1, "three in Archive")
        tap.eq(len(w.subjects("ana")), 2)


def test_pop3_mail_is_filed_in_local_folders(tmp):
    with World(tmp, accounts=("rumah",), mail={"budi": [message("Surat rumah")]}) as w, w.surel() as s:
        s.wait_for("1/1")
        s.keys("a")
        s.wait_for("archived")
        s.type("cArchive\r")
        s.wait_for("Surat rumah")
        s.keys("<Enter>")
        s.wait_for("Halo.")


def test_attachments_are_saved_under_safe_names_and_never_over_a_file(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [parts_message()]}) as w, w.surel() as s:
        s.wait_for("Berkas terlampir")
        s.keys("<Enter>")
        s.wait_for("Lihat berkas.")
        s.keys("v")
        s.wait_for("daftar.csv")
        for _ in range(2):
            s.keys("s")
            s.wait_for("Save as:")
            s.keys("<C-u>")
            s.type(f"{w.home}/\r")
            s.wait_for("Saved as")
            s.settle(0.2)
        names = sorted(n for n in os.listdir(w.home) if n.endswith(".csv"))
        tap.eq(len(names), 2, f"files {names}")
        for name in names:
            with open(os.path.join(w.home, name)) as f:
                tap.eq(f.read().strip(), "satu,dua")
        tap.eq([n for n in os.listdir(tmp) if n.endswith(".csv")], [])


def test_attachments_open_by_mailcap_without_a_shell(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [parts_message()]}) as w:
        viewer, seen = os.path.join(w.home, "lihat"), os.path.join(w.home, "terlihat")
        with open(viewer, "w") as f:
            f.write(f"#!/bin/sh\nprintf '%s\\n' \"$#\" \"$1\" > {seen}\ncat \"$1\" >> {seen}\n")
        os.chmod(viewer, 0o700)
        with open(os.path.join(w.home, ".mailcap"), "w") as f:
            f.write(f"# viewers\ntext/html; false %s; copiousoutput\ntext/csv; {viewer} %s; needsterminal\n")
        with w.surel() as s:
            s.wait_for("Berkas terlampir")
            s.keys("<Enter>")
            s.wait_for("Lihat berkas.")
            s.keys("v")
            s.wait_for("daftar.csv")
            s.keys("<Enter>")
            lines = tap.wait_until(lambda: os.path.exists(seen) and open(seen).read().splitlines()[2:] and open(seen).read().splitlines(), 10, 0.1, "the viewer")
            tap.eq(lines[0], "1")
            tap.eq(lines[2], "satu,dua")
            tap.eq(os.stat(os.path.dirname(lines[1])).st_mode & 0o777, 0o700)
            tap.eq(os.path.exists(lines[1]), True)
            s.wait_for("daftar.csv")
            s.keys("j", "<Enter>")
            s.wait_for("No program for application/octet-stream")


def test_forward_keeps_attachments(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [parts_message()]}) as w, w.surel() as s:
        s.wait_for("Berkas terlampir")
        s.keys("f")
        s.wait_for("To:")
        s.type("budi@contoh.test\r")
        s.wait_for("Before sending")
        s.wait_for("isi.bin")
        s.keys("y")
        w.wait_subjects("budi", "INBOX", ["Fwd: Berkas terlampir"])
        sent = email.message_from_bytes(w.relay.deliveries[0][2])
        names = sorted(p.get_filename() for p in sent.walk() if p.get_filename())
        tap.eq(len(names), 2, f"attachments {names}")
        data = [p.get_payload(decode=True) for p in sent.walk() if p.get_filename() == "isi.bin"]
        tap.eq(data, [b"\x00\x01\x02"])


def test_attaching_a_file_and_forgetting_one(tmp):
    with World(tmp, accounts=("kantor",)) as w:
        path = os.path.join(w.home, "laporan akhir.txt")
        with open(path, "w") as f:
            f.write("isi laporan\n")
        w.editor("echo 'Laporan terlampir.' > \"$1\"")
        with w.surel() as s:
            s.wait_for("kantor")
            s.type("mbudi@contoh.test\r")
            s.wait_for("Subject:")
            s.type("Laporan\r")
            s.wait_for("Before sending")
            s.keys("y")
            s.wait_for("speaks of an attachment")
            s.keys("n")
            s.keys("a")
            s.wait_for("Attach file")
            s.keys("<C-u>")
            s.type("~/tidak ada.txt\r")
            s.wait_for("no such file")
            s.keys("a")
            s.wait_for("Attach file")
            s.keys("<C-u>")
            s.type("~/laporan akhir.txt\r")
            s.wait_for("laporan akhir.txt")
            s.keys("y")
            w.wait_subjects("budi", "INBOX", ["Laporan"])
            sent = email.message_from_bytes(w.relay.deliveries[0][2])
            tap.eq([p.get_payload(decode=True) for p in sent.walk() if p.get_filename()], [b"isi laporan\n"])


def test_search_finds_words_of_bodies_in_both_accounts(tmp):
    mail = {"ana": [message("Satu", body="Ada kata kelapa di sini.\n")], "budi": [message("Dua", body="Juga kelapa muda.\n"), message("Tiga")]}
    with World(tmp, mail=mail) as w, w.surel() as s:
        s.wait_for("Tiga")
        tap.wait_until(lambda: len(w.search("kelapa")) == 2, 20, 0.5, "both in the index")
        s.type("/kelapa\r")
        s.wait_for(lambda x: "Satu" in x.text() and "Dua" in x.text() and "Tiga" not in x.text())
        s.keys("<Enter>")
        s.wait_for(re.compile("kelapa"))
        s.keys("q")
        s.wait_for("kelapa")
        s.keys("q")
        s.wait_for("Tiga")


def test_new_mail_shows_by_itself(tmp):
    with World(tmp, mail={"ana": [message("Pertama")]}) as w, w.surel() as s:
        s.wait_for("Pertama")
        s.settle(0.5)
        w.server.append("ana", message("Lewat IDLE", sender="Siti <siti@contoh.test>"))
        s.wait_for("Lewat IDLE", 10)
        w.server.append("budi", message("Lewat POP3"))
        s.wait_for("Lewat POP3", 15)


if __name__ == "__main__":
    tap.main()
