#!/usr/bin/python3
# tests/e2e/test-screen.py: what is on the screen: sizes, resizing, locales, terminal types, hostile mail, the end of the program
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import tap  # noqa: E402
from screen import Screen, surel_env  # noqa: E402

CONFIG = """[general]
{general}
[account lokal]
from = Siti Rahma <siti@contoh.test>
incoming = maildir://{home}/Mail
outgoing = smtps://siti@127.0.0.1:9
password_command = echo rahasia
[keys list]
gg = first
"""
HOSTILE = ("From: \"Pen\x1b[31mjahat\" <x@jahat.test>\r\nTo: siti@contoh.test\r\nSubject: merah \x1b[31m\x1b]0;judul\x07 \xe2\x80\xaebalik \xc2\x9b5m\r\n"
           "Date: Mon, 16 Nov 2026 09:00:00 +0700\r\nMessage-ID: <jahat@jahat.test>\r\nMIME-Version: 1.0\r\n"
           "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
           "teks \x1b[2J\x1b]52;c;cm0=\x07 hapus \x1bPq\x1b\\ dan \x9b31m akhir-isi\r\n")


def message(number, subject, body, sender="Budi Santoso <budi@contoh.test>", extra=""):
    return (f"From: {sender}\r\nTo: Siti Rahma <siti@contoh.test>\r\nSubject: {subject}\r\nDate: Mon, {number % 27 + 1} Jun 2026 09:{number % 60:02}:00 +0700\r\n"
            f"Message-ID: <m{number}@contoh.test>\r\n{extra}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: 8bit\r\n\r\n{body}")


def mailbox(home, messages, general=""):
    for name in ("cur", "new", "tmp"):
        os.makedirs(f"{home}/Mail/{name}", exist_ok=True)
    for number, text in enumerate(messages):
        data = text.encode("latin-1") if text is HOSTILE else text.encode()
        with open(f"{home}/Mail/new/{1700000000 + number}.m{number}.host", "wb") as file:
            file.write(data)
    with open(f"{home}/surel.conf", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(home=home, general=general))
    os.chmod(f"{home}/surel.conf", 0o600)
    return surel_env(home)


def some_mail():
    long = "kata " * 60
    body = "\r\n".join(f"Baris {i} {'panjang ' * (i % 7)}" for i in range(80))
    return [message(1, "Surat pertama", body), message(2, "会議の議事録をお送りします", "日本語の本文です。"), message(3, "Emoji 🎉 dan é", "isi"),
            message(4, long, "isi"), message(5, "Surat kelima", "> kutipan\r\n\r\nJawaban\r\n-- \r\nBudi\r\n")]


def start(tmp, columns=80, rows=24, messages=None, general="", **more):
    messages = messages if messages is not None else some_mail()
    env = mailbox(tmp, messages, general)
    env.update(more.pop("env", {}))
    screen = Screen([tap.surel()], env=env, columns=columns, rows=rows, **more)
    screen.wait_for(re.compile(rf" \d+/{len(messages)}\b"), 15)
    screen.keys("<Home>")
    screen.wait_for(re.compile(rf" 1/{len(messages)}\b"))
    return screen


def no_line_is_too_wide(screen):
    for line in screen.lines():
        if len(line) > screen.columns:
            raise AssertionError(f"{len(line)} columns: {line!r}")


def parts_are_in_place(screen):
    lines = screen.lines()
    tap.has(lines[0], "Inbox", "title bar")
    tap.has(lines[-1] + lines[-2], "? help", "key bar")
    tap.has(lines[-1] + lines[-2], "Enter open", "key bar")
    tap.has(lines[-3], "1/5", "status line")
    no_line_is_too_wide(screen)


def test_layout_at_80x24(tmp):
    with start(tmp) as screen:
        parts_are_in_place(screen)
        tap.eq(screen.lines()[1][23], "│", "border of the folder pane")


def test_layout_at_120x40(tmp):
    with start(tmp, 120, 40) as screen:
        parts_are_in_place(screen)
        tap.has(screen.text(), ": command")


def test_layout_at_200x60(tmp):
    with start(tmp, 200, 60) as screen:
        parts_are_in_place(screen)


def test_resizing_down_to_tiny_and_back_shows_the_same(tmp):
    with start(tmp) as screen:
        screen.settle()
        before = screen.text()
        for columns, rows in ((120, 40), (60, 20), (39, 24), (20, 5), (1, 1), (40, 10), (80, 24)):
            screen.resize(columns, rows)
            if columns == 39:
                screen.wait_for("Window too small (40x10 needed)")
            if columns == 60:
                screen.wait_for("Surat kelima")
            screen.settle()
            no_line_is_too_wide(screen)
        screen.wait_for(lambda s: s.text() == before)


def test_keys_do_nothing_in_a_window_too_small_to_see(tmp):
    with start(tmp) as screen:
        screen.resize(20, 5)
        screen.settle()
        screen.keys("d", "d", "j")
        screen.settle()
        screen.resize(80, 24)
        screen.wait_for("1/5")


def test_reader_scrolls_and_wraps_at_words(tmp):
    with start(tmp) as screen:
        screen.keys("<End>", "<Enter>")
        text = screen.wait_for("Baris 3")
        tap.has(text, "From      Budi Santoso <budi@contoh.test>")
        screen.keys("<Space>")
        screen.wait_gone("From      Budi")
        screen.keys("<End>")
        screen.wait_for("Baris 79")
        screen.keys("q")
        screen.wait_for("5/5")


def test_text_is_found_forwards_and_backwards(tmp):
    with start(tmp) as screen:
        screen.keys("<End>", "<Enter>")
        screen.wait_for("Baris 3")
        screen.keys("<C-s>")
        screen.wait_for("Find:")
        screen.type("Baris 3")
        screen.keys("<Enter>")
        screen.wait_for(lambda s: "Baris 3" in s.lines()[1])
        screen.keys("n")
        screen.wait_for(lambda s: "Baris 30" in s.lines()[1])
        screen.keys("N")
        screen.wait_for(lambda s: "Baris 3 " in s.lines()[1] + " " and "Baris 30" not in s.lines()[1])
        screen.keys("<C-s>", "<C-u>")
        screen.type("tidak ada")
        screen.keys("<Enter>")
        screen.wait_for('"tidak ada" is not in this message.')


def test_every_place_is_drawn_and_left(tmp):
    with start(tmp) as screen:
        for keys, what in (("?", "Keys and commands"), ("M", "What happened"), ("O", "Nothing waits to be sent")):
            screen.keys(keys)
            screen.wait_for(what)
            screen.keys("q")
            screen.wait_for("1/5")
        screen.keys(":").type("help trash")
        screen.wait_for(":help trash")
        screen.keys("<Enter>")
        screen.wait_for("Move to Trash")


def test_completion_shows_keys_of_commands(tmp):
    with start(tmp) as screen:
        screen.keys(":").type("arch")
        text = screen.wait_for("archive-thread")
        tap.has(text, "Move to Archive")
        screen.keys("<Tab>")
        screen.wait_for(":archive")
        screen.keys("<Esc>")
        screen.wait_gone("archive-thread")


def test_count_and_sequence_keys(tmp):
    with start(tmp) as screen:
        screen.keys("3", "j")
        screen.wait_for("4/5")
        screen.keys("g")
        screen.settle()
        screen.keys("g")
        screen.wait_for("1/5")


def test_c_locale_gets_ascii_only(tmp):
    with start(tmp, env={"LANG": "C", "LC_ALL": "C"}) as screen:
        screen.settle()
        screen.keys("<Enter>")
        screen.wait_for("Jawaban")
        odd = [c for c in bytes(screen.raw) if c >= 0x80]
        tap.eq(odd, [], "bytes beyond ASCII")


def test_terminal_types(tmp):
    for term in ("xterm", "screen", "screen-256color", "tmux-256color", "linux", "vt100", "xterm-direct"):
        if subprocess.run(["infocmp", term], capture_output=True).returncode:
            continue
        home = os.path.join(tmp, term)
        os.makedirs(home)
        with start(home, term=term) as screen:
            parts_are_in_place(screen)
            screen.keys("q")
            tap.eq(screen.wait_end(), 0, f"exit status with TERM={term}")


def test_columns_stay_aligned_beside_odd_characters(tmp):
    odd = ["👨‍👩‍👧 keluarga", "🇮🇩 bendera", "❤️ hati", "e\u0301 tanda", "日本語", "\u0627\u0644\u0633\u0644\u0627\u0645"]
    mail = some_mail() + [message(6 + i, word, "isi", f"{word} <a{i}@contoh.test>") for i, word in enumerate(odd)]
    with start(tmp, messages=mail) as screen:
        screen.wait_for("1/11")
        screen.settle(0.5)
        for row in range(1, 12):
            tap.eq(screen.cell(row, 23).data, "│", f"border in row {row}")
        text = screen.text()
        for part in ("ID bendera", "日本語", "👨"):
            tap.has(text, part)


def test_few_colours_get_the_basic_theme(tmp):
    with start(tmp, term="linux") as screen:
        screen.wait_for(lambda s: s.cell(0, 1).bg == "blue" and s.cell(1, 40).reverse)	# title bar, cursor bar


def test_unknown_terminal_type_is_told(tmp):
    env = mailbox(tmp, some_mail())
    with Screen([tap.surel()], env=env, term="no-such-terminal") as screen:
        screen.wait_for("no-such-terminal")
        assert screen.wait_end() != 0


def test_hostile_message_writes_no_control_sequence(tmp):
    mail = some_mail()
    with start(tmp, messages=mail + [HOSTILE], columns=100) as screen:
        screen.wait_for("merah")
        screen.keys("/")
        screen.wait_for("Search all mail")
        screen.keys("<Esc>")
        screen.wait_gone("Search all mail")
        screen.keys("<Home>", "<Enter>")
        screen.wait_for("akhir-isi")
        for key in ("h", "H"):
            screen.keys(key)
            screen.settle()
        screen.keys("q", "q")
        screen.settle()
        tap.eq(screen.odd_escapes(), [])
        raw = bytes(screen.raw)
        for forbidden in (b"\x1b]0;judul", b"\x1b]52;c;cm0=", b"\x1bPq", b"\x1b[5m"):
            assert forbidden not in raw, forbidden
        assert b"\x1b[2J" not in raw[raw.index(b"akhir-isi") - 2000:raw.index(b"akhir-isi")]


def test_terminal_is_given_back(tmp):
    for how in ("q", signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV):
        home = os.path.join(tmp, str(int(how)) if how != "q" else how)
        os.makedirs(home)
        # a sanitizer would take the signal that we send for a mistake of the program
        with start(home, env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"}) as screen:
            if how == "q":
                screen.keys("q")
            else:
                os.kill(screen.pid, how)
            screen.wait_end()
            screen.settle()
            raw = bytes(screen.raw)
            for end in (b"\x1b[?1049l", b"\x1b[?2004l"):
                assert raw.rstrip().rfind(end) > raw.rfind(end[:-1] + b"h"), f"{how}: {end}"


def test_idle_screen_writes_nothing(tmp):
    with start(tmp) as screen:
        screen.settle(quiet=1.0, timeout=20)
        screen.settle(quiet=7.0, timeout=60)
        size = len(screen.raw)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            screen.pump()
        tap.eq(len(screen.raw), size, "bytes written while idle")


def test_ctrl_c_quits_and_ctrl_z_comes_back(tmp):
    env = mailbox(tmp, some_mail())
    with Screen(["/bin/sh", "-c", f"set -m; {tap.surel()}; echo stopped; sleep 0.3; fg >/dev/null; echo ended"], env=env) as screen:
        screen.wait_for("Surat kelima", 15)
        screen.keys("<C-z>")
        screen.settle(0.5)
        screen.wait_for("Surat kelima")
        screen.keys("<C-c>")
        screen.wait_for("ended")


def editor(tmp, lines):
    path = os.path.join(tmp, "editor")
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + lines)
    os.chmod(path, 0o700)
    return {"EDITOR": path, "VISUAL": path}


def open_editor(screen):
    screen.keys("r")
    screen.wait_for("EDITOR IS HERE")
    screen.settle()


def test_editor_has_the_terminal_and_gives_it_back(tmp):
    lines = "stty -a | grep -q ' icanon' && echo cooked\necho EDITOR IS HERE\nread line\necho \"dari editor: $line\" >> \"$1\"\n"
    with start(tmp, env=editor(tmp, lines)) as screen:
        open_editor(screen)
        tap.has(screen.text(), "cooked")
        screen.resize(100, 30)
        screen.type("halo dunia").keys("<Enter>")
        screen.wait_for("Before sending:")
        screen.wait_for("? help")
        screen.wait_for("dari editor: halo dunia")
        tap.eq(len(screen.lines()), 30)


def test_ctrl_c_in_the_editor_ends_neither_surel_nor_its_workers(tmp):
    lines = "trap 'echo caught' INT\necho EDITOR IS HERE\nread line\nread line\n"
    with start(tmp, env=editor(tmp, lines)) as screen:
        before = workers(screen.pid)
        assert before
        open_editor(screen)
        screen.keys("<C-c>")
        screen.wait_for("caught")
        screen.keys("<Enter>", "<Enter>")
        screen.wait_for("Before sending:")
        tap.eq(workers(screen.pid) & before, before, "workers after Ctrl-C")


def test_sigterm_while_the_editor_runs_ends_cleanly(tmp):
    with start(tmp, env=editor(tmp, "echo EDITOR IS HERE\nread line\n")) as screen:
        open_editor(screen)
        os.kill(screen.pid, signal.SIGTERM)
        tap.eq(screen.wait_end(), 0, "exit status")


def workers(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return {int(p) for p in found}


def test_theme_changes_at_once(tmp):
    with start(tmp) as screen:
        screen.settle()
        dark = screen.cell(1, 40).bg
        screen.keys(":").type("set theme light").keys("<Enter>")
        screen.wait_for(lambda s: s.cell(1, 40).bg != dark)
        screen.keys(":").type("set theme nosuch").keys("<Enter>")
        screen.wait_for(re.compile("nosuch"))


def test_mouse_chooses_opens_and_scrolls(tmp):
    with start(tmp) as screen:
        screen.settle()
        row = screen.row_of("Surat pertama")
        screen.write(f"\x1b[<0;40;{row + 1}M\x1b[<0;40;{row + 1}m".encode())
        screen.wait_for("5/5")
        screen.write(f"\x1b[<0;40;{row + 1}M\x1b[<0;40;{row + 1}m".encode())
        screen.wait_for("Baris 3")
        screen.write(b"\x1b[<65;40;10M" * 3)
        screen.wait_gone("From      Budi")
        bar = next(i for i, line in enumerate(screen.lines()) if "q back" in line)
        screen.write(f"\x1b[<0;{screen.lines()[bar].index('q back') + 2};{bar + 1}M".encode())
        screen.wait_for("5/5")


if __name__ == "__main__":
    tap.main()
