# tests/lib/fake_imap.py: a small IMAP server in memory that can be told to lie
# SPDX-License-Identifier: GPL-3.0-or-later
import re

from fake_server import FakeServer


class Box:
    def __init__(self, uidvalidity=1000):
        self.uidvalidity, self.uidnext, self.messages = uidvalidity, 1, {}    # uid -> [flags, bytes]

    def add(self, data, flags=()):
        self.messages[self.uidnext] = [set(flags), data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")]
        self.uidnext += 1
        return self.uidnext - 1


class FakeImap:
    """lies: callables by name, see the tests. `said` are the commands of the clients, in order."""

    CAPS = "IMAP4rev1"

    def __init__(self, certs=None, tls=None):
        self.boxes = {"INBOX": Box()}
        self.caps = self.CAPS
        self.said = []
        self.greeting = "* OK ready\r\n"
        self.exists = lambda box, n: n                      # what SELECT says
        self.row = lambda box, uid, row: row                # bytes of one FETCH row, or None to leave it out
        self.listed = lambda names: names
        self.fetch_end = lambda uids, items: "OK done"      # tagged answer of a FETCH
        self.before = lambda line: None                     # bytes instead of any answer, or None
        self.server = FakeServer(self.talk, certs, tls)
        self.port = self.server.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()

    def talk(self, conn):
        conn.send(self.greeting)
        box = None
        while True:
            line = conn.line().decode("utf-8", "replace")
            tag, _, rest = line.partition(" ")
            self.said.append(rest)
            instead = self.before(rest)
            if instead is not None:
                conn.send(instead.replace(b"TAG", tag.encode()))
                if instead.startswith(b"* BYE"):
                    return
                continue
            verb = rest.split(" ")[0].upper()
            if verb == "UID":
                verb += " " + rest.split(" ")[1].upper()
            act = getattr(self, "do_" + verb.lower().replace(" ", "_"), None)
            if verb in ("SELECT", "EXAMINE"):
                box = self.boxes.get(re.search(r'"(.*?)"', rest).group(1))
            if act is None:
                conn.send(f"{tag} BAD what?\r\n")
                continue
            conn.send(act(box, tag, rest))
            if verb == "LOGOUT":
                return

    def do_capability(self, box, tag, rest):
        return f"* CAPABILITY {self.caps}\r\n{tag} OK done\r\n"

    def do_login(self, box, tag, rest):
        return f"{tag} OK in\r\n"

    def do_logout(self, box, tag, rest):
        return f"* BYE bye\r\n{tag} OK out\r\n"

    def do_noop(self, box, tag, rest):
        return f"{tag} OK done\r\n"

    def do_list(self, box, tag, rest):
        return "".join(f'* LIST () "/" "{name}"\r\n' for name in self.listed(list(self.boxes))) + f"{tag} OK done\r\n"

    def do_status(self, box, tag, rest):
        name = re.search(r'"(.*?)"', rest).group(1)
        box = self.boxes.get(name)
        if box is None:
            return f"{tag} NO no such mailbox\r\n"
        unseen = sum("\\Seen" not in m[0] for m in box.messages.values())
        return (f'* STATUS "{name}" (MESSAGES {len(box.messages)} UIDNEXT {box.uidnext} UIDVALIDITY {box.uidvalidity} UNSEEN {unseen})\r\n'
                f"{tag} OK done\r\n")

    def do_select(self, box, tag, rest):
        if box is None:
            return f"{tag} NO [NONEXISTENT] no such mailbox\r\n"
        return (f"* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n* {self.exists(box, len(box.messages))} EXISTS\r\n* 0 RECENT\r\n"
                f"* OK [UIDVALIDITY {box.uidvalidity}] ok\r\n* OK [UIDNEXT {box.uidnext}] ok\r\n{tag} OK [READ-WRITE] open\r\n")

    def chosen(self, box, text):
        uids = sorted(box.messages)
        top = uids[-1] if uids else 0
        out = set()
        for part in text.split(","):
            low, _, high = part.partition(":")
            a = top if low == "*" else int(low)
            b = a if not high else top if high == "*" else int(high)
            out |= {u for u in uids if min(a, b) <= u <= max(a, b)}
        return sorted(out)

    def do_uid_search(self, box, tag, rest):
        words = rest.split(" ")
        uids = self.chosen(box, words[3]) if len(words) > 3 and words[2] == "UID" else sorted(box.messages)
        if "DELETED" in words:
            uids = [u for u in uids if "\\Deleted" in box.messages[u][0]]
        return "* SEARCH" + "".join(f" {u}" for u in uids) + f"\r\n{tag} OK done\r\n"

    def do_uid_store(self, box, tag, rest):
        _, _, text, what, flags = rest.split(" ", 4)
        for uid in self.chosen(box, text):
            flags_set = set(flags.strip("()").split())
            box.messages[uid][0] = box.messages[uid][0] | flags_set if what[0] == "+" else box.messages[uid][0] - flags_set
        return f"{tag} OK done\r\n"

    def do_expunge(self, box, tag, rest):
        for uid in [u for u, m in box.messages.items() if "\\Deleted" in m[0]]:
            del box.messages[uid]
        return f"{tag} OK done\r\n"

    def do_uid_fetch(self, box, tag, rest):
        text, items = rest.split(" ", 3)[2:]
        out, uids = b"", self.chosen(box, text)
        for number, uid in enumerate(sorted(box.messages), 1):
            if uid not in uids:
                continue
            flags, data = box.messages[uid]
            parts = [f"UID {uid} FLAGS ({' '.join(sorted(flags))})".encode()]
            if "INTERNALDATE" in items:
                parts.append(b'INTERNALDATE "17-Jul-2025 02:44:25 +0700"')
            if "RFC822.SIZE" in items:
                parts.append(f"RFC822.SIZE {len(data)}".encode())
            if "BODY.PEEK[HEADER]" in items:
                head = data.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
                parts.append(f"BODY[HEADER] {{{len(head)}}}\r\n".encode() + head)
            if "BODY.PEEK[]" in items:
                parts.append(f"BODY[] {{{len(data)}}}\r\n".encode() + data)
            row = self.row(box, uid, b"* %d FETCH (" % number + b" ".join(parts) + b")\r\n")
            out += row or b""
        return out + f"{tag} {self.fetch_end(uids, items)}\r\n".encode()
