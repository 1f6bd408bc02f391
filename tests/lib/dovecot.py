# tests/lib/dovecot.py: private Dovecot instances on high ports of 127.0.0.1
# SPDX-License-Identifier: GPL-3.0-or-later
"""with Dovecot(tmp, users={"ana": "secret"}) as server: server.append("ana", b"From: ..."); server.port["imaps"]

Everything (sockets, mail, certificates, logs) lies below the given directory. Works as root (mail belongs to an unprivileged
user) and as a normal user (everything belongs to that user). The instance ends with the object, with the process, and when
the process is killed (PR_SET_PDEATHSIG of the master, which runs in the foreground)."""
import atexit
import contextlib
import imaplib
import os
import pwd
import ssl
import subprocess
import time

import certs
import ports
import tap

SERVICES = ("imap", "imaps", "pop3", "pop3s", "submission", "submissions")


class Dovecot:
    def __init__(self, tmp, users=None, masks=None, extra="", relay_port=None, storage="maildir", folders=(), pop3_extra="",
                 imap_capability=None, names=("localhost",)):
        """users: name -> password. imap_capability: the exact capability string after login. extra: further dovecot.conf lines.
        folders: (name, special-use attribute or None) that exist from the start in every account."""
        self.binary = tap.need("dovecot")
        self.dir = os.path.join(tmp, "dovecot")
        self.users = dict(users or {"ana": "secret"})
        self.relay_port = relay_port
        self.storage = storage
        self.folders = list(folders)
        self.imap_capability = imap_capability
        self.extra, self.pop3_extra = extra, pop3_extra
        self.port = {s: ports.free_port() for s in SERVICES}
        self.process = None
        self.root = os.geteuid() == 0
        if self.root:
            self.mail_user = pwd.getpwnam("nobody")
        else:
            self.mail_user = pwd.getpwuid(os.geteuid())
        os.makedirs(self.dir, exist_ok=True)
        for name in ("base", "state", "mail"):
            os.makedirs(os.path.join(self.dir, name), exist_ok=True)
        self.ca, self.cert, self.key = certs.make(os.path.join(self.dir, "tls"), names=names)
        self.lmtp = os.path.join(self.dir, "base", "lmtp")
        self._permissions()
        self.write_users()
        self.write_config()

    # ---- set-up ----

    def _permissions(self):
        if not self.root:
            return
        # Dovecot's unprivileged processes must reach the sockets and the mail; mkdtemp made the parents 0700.
        path = self.dir
        while path != "/" and os.stat(path).st_uid == os.geteuid() and not os.stat(path).st_mode & 0o1000:
            os.chmod(path, os.stat(path).st_mode | 0o111)
            path = os.path.dirname(path)
        os.chown(os.path.join(self.dir, "mail"), self.mail_user.pw_uid, self.mail_user.pw_gid)

    def write_users(self):
        """passwd-file of self.users; read anew at each login, so passwords may change while it runs."""
        path = os.path.join(self.dir, "users")
        with open(path + ".new", "w") as f:
            for user, password in self.users.items():
                home = os.path.join(self.dir, "mail", user)
                f.write(f"{user}:{{PLAIN}}{password}:{self.mail_user.pw_uid}:{self.mail_user.pw_gid}::{home}::\n")
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def _settings(self):
        user = self.mail_user.pw_name
        internal = "dovecot" if self.root else user
        login = "dovenull" if self.root else user
        group = "dovecot" if self.root else _group(self.mail_user.pw_gid)
        location = {"maildir": "maildir:~/Maildir:LAYOUT=fs", "sdbox": "sdbox:~/sdbox"}[self.storage]
        lines = [
            f"base_dir = {self.dir}/base", f"state_dir = {self.dir}/state", f"log_path = {self.dir}/log", "instance_name = surel-test",
            "protocols = imap pop3 submission lmtp", "listen = 127.0.0.1", f"default_internal_user = {internal}",
            f"default_internal_group = {group}", f"default_login_user = {login}",
            f"first_valid_uid = {self.mail_user.pw_uid}", f"last_valid_uid = {self.mail_user.pw_uid}",
            f"first_valid_gid = {self.mail_user.pw_gid}", f"last_valid_gid = {self.mail_user.pw_gid}",
            f"mail_uid = {self.mail_user.pw_uid}", f"mail_gid = {self.mail_user.pw_gid}",
            f"mail_location = {location}", "mail_fsync = never", "disable_plaintext_auth = no",
            "ssl = yes", f"ssl_cert = <{self.cert}", f"ssl_key = <{self.key}", "ssl_min_protocol = TLSv1.2",
            "auth_mechanisms = plain login scram-sha-256",
            "auth_failure_delay = 0", "auth_verbose = yes", "submission_max_mail_size = 50 M", "hostname = localhost",
            f"passdb {{\n driver = passwd-file\n args = username_format=%n {self.dir}/users\n}}",
            f"userdb {{\n driver = passwd-file\n args = username_format=%n {self.dir}/users\n}}",
            "protocol lmtp {\n auth_username_format = %n\n}", "recipient_delimiter = +",
            "mail_max_userip_connections = 100", "pop3_uidl_format = %g" if self.storage == "sdbox" else "pop3_uidl_format = %08Xu%08Xv",
        ]
        lines += self._services()
        if self.relay_port:
            lines += ["submission_relay_host = 127.0.0.1", f"submission_relay_port = {self.relay_port}", "submission_relay_trusted = yes",
                      "submission_relay_ssl = no"]
        if self.imap_capability:
            lines.append(f"imap_capability = {self.imap_capability}")
        boxes = "".join(f" mailbox \"{name}\" {{\n  auto = subscribe\n" + (f"  special_use = {use}\n" if use else "") + " }\n"
                        for name, use in self.folders)
        lines.append(f"namespace inbox {{\n inbox = yes\n separator = /\n{boxes}}}")
        if self.pop3_extra:
            lines.append("protocol pop3 {\n" + self.pop3_extra + "\n}")
        return lines

    def _services(self):
        def listener(name, port, tls=False):
            return f" inet_listener {name} {{\n  port = {port}\n  ssl = {'yes' if tls else 'no'}\n }}\n"
        p = self.port
        fast = " service_count = 0\n chroot =\n client_limit = 500\n process_min_avail = 0\n"
        return [
            "service imap-login {\n" + fast + listener("imap", p["imap"]) + listener("imaps", p["imaps"], True) + "}",
            "service pop3-login {\n" + fast + listener("pop3", p["pop3"]) + listener("pop3s", p["pop3s"], True) + "}",
            "service submission-login {\n" + fast + listener("submission", p["submission"]) + listener("submissions", p["submissions"], True) + "}",
            "service lmtp {\n unix_listener lmtp {\n  mode = 0666\n }\n}",
            "service anvil {\n chroot =\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}", "service stats {\n chroot =\n client_limit = 1000\n}",
        ] + ([] if self.root else ["service auth-worker {\n user = $default_internal_user\n}", "service imap-hibernate {\n chroot =\n}"])

    def write_config(self):
        self.config = os.path.join(self.dir, "dovecot.conf")
        with open(self.config, "w") as f:
            f.write("\n".join(self._settings()) + "\n" + self.extra + "\n")

    # ---- life ----

    def start(self):
        """Starts (again) on the same ports."""
        if self.process:
            return self
        with open(os.path.join(self.dir, "stderr"), "ab") as err:
            self.process = subprocess.Popen([self.binary, "-F", "-c", self.config], stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                            preexec_fn=ports.die_with_parent, cwd="/", start_new_session=True)
        atexit.register(self.stop)
        for service in ("imap", "pop3", "submission"):
            if not ports.wait_listening(self.port[service]):
                text = self.log()
                self.stop()
                raise RuntimeError("Dovecot did not start:\n" + text)
        return self

    def stop(self):
        """Pulls the network: every connection ends. start() brings the same server back."""
        if self.process:
            ports.stop(self.process)
            self.process = None
            atexit.unregister(self.stop)
            for port in self.port.values():
                ports.wait_free(port)	# the login processes outlive the master by a moment
        return self

    def restart(self):
        return self.stop().start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self):
        text = ""
        for name in ("stderr", "log"):
            with contextlib.suppress(OSError), open(os.path.join(self.dir, name), errors="replace") as f:
                text += f.read()
        return text

    # ---- mail, seen by another client ----

    def imap(self, user=None):
        """A logged-in imaplib connection. user None: the first."""
        user = user or next(iter(self.users))
        connection = imaplib.IMAP4("127.0.0.1", self.port["imap"], timeout=tap.limit(30))
        connection.login(user, self.users[user])
        return connection

    @contextlib.contextmanager
    def box(self, user=None, folder="INBOX", readonly=False):
        connection = self.imap(user)
        try:
            status, data = connection.select(_quote(folder), readonly)
            if status != "OK":
                raise RuntimeError(f"{folder}: {data}")
            yield connection
        finally:
            with contextlib.suppress(Exception):
                connection.logout()

    def append(self, user, *messages, folder="INBOX", flags="", when=None):
        """Adds messages (bytes); bare line feeds become CRLF."""
        connection = self.imap(user)
        try:
            when = imaplib.Time2Internaldate(time.time() if when is None else when)
            for message in messages:
                message = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                status, data = connection.append(_quote(folder), f"({flags})", when, message)
                if status != "OK":
                    raise RuntimeError(f"APPEND: {data}")
        finally:
            connection.logout()

    def create(self, user, *folders):
        connection = self.imap(user)
        for folder in folders:
            connection.create(_quote(folder))
            connection.subscribe(_quote(folder))
        connection.logout()

    def list(self, user=None, folder="INBOX"):
        """[(uid, set of flags, message bytes)] by uid."""
        with self.box(user, folder, readonly=True) as connection:
            status, data = connection.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
            rows = []
            for item in data or []:
                if isinstance(item, tuple):
                    head = item[0].decode()
                    uid = int(head.split("UID ")[1].split()[0].rstrip(")"))
                    flags = {f.decode() for f in imaplib.ParseFlags(item[0])} - {"\\Recent"}
                    rows.append((uid, flags, item[1]))
            return sorted(rows)

    def message_ids(self, user=None, folder="INBOX"):
        """Sorted Message-IDs, one per message."""
        import email
        return sorted((email.message_from_bytes(m).get("Message-ID") or "").strip() for _, _, m in self.list(user, folder))

    def expunge(self, user, folder, uids):
        with self.box(user, folder) as connection:
            connection.uid("STORE", ",".join(map(str, uids)), "+FLAGS.SILENT", "(\\Deleted)")
            connection.expunge()

    def flag(self, user, folder, uids, flags, add=True):
        with self.box(user, folder) as connection:
            connection.uid("STORE", ",".join(map(str, uids)), "+FLAGS.SILENT" if add else "-FLAGS.SILENT", f"({flags})")

    def wait_count(self, user, folder, count, timeout=15):
        return tap.wait_until(lambda: len(self.list(user, folder)) == count, timeout, 0.1, f"{count} messages in {folder} of {user}")

    def tls_context(self):
        return ssl.create_default_context(cafile=self.ca)


def _quote(folder):
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _group(gid):
    import grp
    return grp.getgrgid(gid).gr_name


def message(subject="Test", sender="Ana <ana@contoh.test>", to="ana@contoh.test", body="Halo.\n", message_id=None, date=None, extra=""):
    """A small message as bytes."""
    import email.utils
    message_id = message_id or email.utils.make_msgid(domain="contoh.test")
    date = email.utils.formatdate(date, localtime=False)
    return (f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: {message_id}\nDate: {date}\n{extra}"
            f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}").encode()
