# tests/lib/certs.py: a certificate authority of the test and a server certificate from it, made with openssl(1)
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import subprocess


def _openssl(*arguments):
    run = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError("openssl " + " ".join(arguments) + ": " + run.stderr)


def make(directory, names=("localhost",), addresses=("127.0.0.1", "::1"), days=30, prefix="server"):
    """Returns (ca, certificate, key) paths. The CA is made once per directory."""
    os.makedirs(directory, exist_ok=True)
    ca, ca_key = os.path.join(directory, "ca.pem"), os.path.join(directory, "ca.key")
    if not os.path.exists(ca):
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", ca_key, "-out", ca,
                 "-days", "60", "-subj", "/CN=Test Authority", "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    key, request, cert = (os.path.join(directory, prefix + end) for end in (".key", ".csr", ".pem"))
    _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=" + names[0])
    extensions = os.path.join(directory, prefix + ".ext")
    alternatives = ",".join(["DNS:" + n for n in names] + ["IP:" + a for a in addresses])
    with open(extensions, "w") as f:
        f.write(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
    _openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", cert, "-days", str(days), "-extfile", extensions)
    return ca, cert, key
