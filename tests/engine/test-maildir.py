#!/usr/bin/python3
# tests/engine/test-maildir.py: a Maildir tree that other programs use too
# SPDX-License-Identifier: GPL-3.0-or-later
import collections
import glob
import importlib.util
import mailbox
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import tap	# noqa: E402

spec = importlib.util.spec_from_file_location("pop3", os.path.join(HERE, "test-pop3.py"))
pop3 = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pop3)
mail, mids = pop3.mail, pop3.mids


class Tree:
    """The Maildir as another program sees it, and the account that serves it."""

    def __init__(self, tmp, n=0):
        self.path = os.path.join(tmp, "Maildir")
        self.box = mailbox.Maildir(self.path, create=True)
        for i in range(n):
            self.box.add(mail(i))
        self.account = pop3.Account(tmp, "maildir:" + self.path)
        with open(os.path.join(tmp, "surel.conf"), "w") as f:
            f.write(f"[account a]\nincoming = maildir://{self.path}\n")

    def ids(self, folder=None):
        box = self.box.get_folder(folder) if folder else mailbox.Maildir(self.path)
        return collections.Counter(m["Message-ID"].strip("<>") for m in box)

    def name_of(self, mid, folder=""):
        for path in glob.glob(os.path.join(self.path, folder, "[cn]*", "*")):
            if f"<{mid}>".encode() in open(path, "rb").read():
                return path
        return None


def test_messages_and_folders_of_the_tree_appear(tmp):
    tree = Tree(tmp, 3)
    tree.box.add_folder("Projects.Surel").add(mail(7))
    os.makedirs(os.path.join(tree.path, "plain", "inner", "cur"))
    os.makedirs(os.path.join(tree.path, "plain", "inner", "new"))
    tree.account.run("sync", "again")
    tap.eq(tree.account.ids("INBOX"), mids(0, 1, 2))
    tap.eq(tree.account.ids("Projects/Surel"), mids(7))
    tap.has(tree.account.run("list"), "folder\tplain/inner\t0")
    tap.eq(tree.ids(), mids(0, 1, 2), "the tree keeps its mail")


def test_a_directory_that_is_no_maildir_is_told(tmp):
    tree = Tree(tmp)
    for name in ("cur", "new", "tmp"):
        os.rmdir(os.path.join(tree.path, name))
    tap.has(tree.account.sync(ok=False), "is no Maildir")
    tap.has(tree.account.run("test", ok=False), "step\tfolders\t2")


def test_what_other_programs_do_is_seen(tmp):
    tree = Tree(tmp, 3)
    tree.account.sync()
    os.rename(tree.name_of("m0@contoh.test"), os.path.join(tree.path, "cur", "renamed-base:2,S"))
    old = tree.name_of("m1@contoh.test")
    os.rename(old, os.path.join(tree.path, "cur", os.path.basename(old).split(":")[0] + ":2,FS"))
    os.unlink(tree.name_of("m2@contoh.test"))
    tree.box.add(mail(8))
    tree.account.sync()
    rows = {row[1].strip("<>"): row[2] for row in tree.account.listed()}
    tap.eq(rows, {"m0@contoh.test": 1, "m1@contoh.test": 5, "m8@contoh.test": 0})


def test_flags_moves_and_deletions_reach_the_tree(tmp):
    tree = Tree(tmp, 4)
    tree.account.sync()
    tree.account.run("flag", "m0@contoh.test", "trash", "m1@contoh.test", "delete", "m2@contoh.test", "sync")
    assert tree.name_of("m0@contoh.test").endswith(":2,FS"), tree.name_of("m0@contoh.test")
    tap.eq(tree.ids(), mids(0, 3))
    tap.eq(tree.ids("Trash"), mids(1))
    tree.account.run("sync", "again")
    tap.eq(tree.account.ids("Trash"), mids(1))
    tap.eq(tree.account.ids("INBOX"), mids(0, 3))
    tap.has(tree.account.run("list"), "folder\tTrash\t1")


def test_a_sent_message_is_written_into_the_tree_once(tmp):
    strace = tap.need("strace")
    for i, n in enumerate((0, 1, 3, 5, 7, 9, 11)):
        place = os.path.join(tmp, str(i))
        os.mkdir(place)
        tree = Tree(place, 1)
        tree.account.sync()
        tree.account.run("append", "baru@contoh.test")
        wrapper = (strace, "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", f"inject=fsync,fdatasync:signal=KILL:when={n}") if n else ()
        tree.account.run("sync", ok=None, wrapper=wrapper)
        tree.account.run("sync", "again")
        tap.eq(tree.ids("Sent"), collections.Counter(["baru@contoh.test"]), f"fsync {n}")
        tap.eq(tree.account.ids("Sent"), collections.Counter(["baru@contoh.test"]), f"fsync {n}")
        assert tree.name_of("baru@contoh.test", ".Sent").endswith(":2,S")


def test_a_second_look_without_news_changes_nothing(tmp):
    tree = Tree(tmp, 5)
    tree.account.run("sync", "again")
    numbers = os.path.join(tree.account.data, "accounts", "a", "maildir-uids")
    before = (os.stat(numbers).st_mtime_ns, tree.account.listed(), sorted(glob.glob(tree.path + "/**", recursive=True)))
    tree.account.run("sync", "again")
    tap.eq((os.stat(numbers).st_mtime_ns, tree.account.listed(), sorted(glob.glob(tree.path + "/**", recursive=True))), before)


def test_lost_numbers_double_nothing(tmp):
    tree = Tree(tmp, 5)
    tree.account.sync()
    os.unlink(os.path.join(tree.account.data, "accounts", "a", "maildir-uids"))
    import time
    time.sleep(1.1)	# the new numbers get another validity: seconds
    tree.account.run("sync", "again")
    tap.eq(tree.account.ids(), mids(*range(5)))


def test_a_killed_sync_is_made_good_by_the_next(tmp):
    strace = tap.need("strace")
    for i, (call, n) in enumerate([("fsync", 2), ("fsync", 5), ("rename,renameat,renameat2", 2), ("pwrite64", 30), ("fdatasync", 2)]):
        place = os.path.join(tmp, str(i))
        os.mkdir(place)
        tree = Tree(place, 8)
        out = tree.account.run("sync", ok=None, wrapper=(strace, "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}"))
        assert "ok" not in out, f"{call} {n} was not reached"
        tree.account.run("sync", "again")
        tap.eq(tree.account.ids(), mids(*range(8)))


if __name__ == "__main__":
    tap.main()
