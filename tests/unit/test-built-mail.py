#!/usr/bin/python3
# tests/unit/test-built-mail.py: a built message as another parser reads it
# SPDX-License-Identifier: GPL-3.0-or-later
import email, email.policy, os, subprocess, sys, tempfile

program = os.path.join(os.environ["SUREL_BUILDDIR"], "tests/unit/test-build")
content = bytes(range(256)) * 9
results = []


def check(name, got, expected):
    results.append(got == expected)
    print("%s %d - %s" % ("ok" if got == expected else "not ok", len(results), name))
    if got != expected:
        print("# got %r, expected %r" % (got, expected))


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "x.pdf")
    with open(path, "wb") as file:
        file.write(content)
    raw = subprocess.run([program, "--print", path], check=True, capture_output=True).stdout

message = email.message_from_bytes(raw, policy=email.policy.default)
defects = [d for part in message.walk() for d in part.defects]
headers = [line for line in raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")]
check("no defects", defects, [])
check("subject", message["subject"], "Undangan rapat \u2013 mohon konfirmasi kehadiran Bapak dan Ibu sekalian pada hari Kamis")
check("recipients", [(a.display_name, a.addr_spec) for a in message["to"].addresses],
      [("Rahma, Siti", "siti@a.example"), ("J\u00fcrgen", "j@b.example")])
check("sender", message["from"].addresses[0].addr_spec, "budi@contoh.example")
check("date", message["date"].datetime.timestamp(), 1770418800.0)
check("text", message.get_body(("plain",)).get_content().replace("\r\n", "\n"), "Yth. Ibu \u2713\n\n-- \nBudi\n")
attachments = list(message.iter_attachments())
check("file name", [part.get_filename() for part in attachments], ["Laporan \u2013 I.pdf"])
check("file content", attachments[0].get_content(), content)
check("short header lines", max(map(len, headers)) <= 78, True)
check("seven bits", all(byte < 128 for byte in raw), True)
print("1..%d" % len(results))
sys.exit(0 if all(results) else 1)
