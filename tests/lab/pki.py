# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority for one run of the lab, by the openssl command."""

import os
import subprocess


def _openssl(*arguments, directory):
    subprocess.run(
        ["openssl", *arguments], cwd=directory, check=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


class Authority:
    def __init__(self, directory, name="Lab CA"):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self._new_key("ca")
        _openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", f"/CN={name}", "-days", "30",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", "ca.pem",
                 directory=directory)  # fmt: skip

    def _new_key(self, name):
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-out", f"{name}.key", directory=self.directory)  # fmt: skip

    def issue(self, name, host_name, usage="serverAuth", days=30):
        """Makes name.key and name.pem. With days below 0 the certificate is over already."""
        self._new_key(name)
        _openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={host_name}",
                 "-out", f"{name}.csr", directory=self.directory)  # fmt: skip
        with open(os.path.join(self.directory, f"{name}.ext"), "w") as extensions:
            extensions.write(
                f"subjectAltName=DNS:{host_name}\nextendedKeyUsage={usage}\n"
                "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            )
        _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-days", str(days), "-extfile", f"{name}.ext",
                 "-out", f"{name}.pem", directory=self.directory)  # fmt: skip

    def read(self, name):
        with open(os.path.join(self.directory, name)) as file:
            return file.read()

    def install(self, host, directory, certificate, owner):
        """Puts certificate, key and the authority's own certificate where a daemon finds them."""
        host.write(f"{directory}/{certificate}.pem", self.read(f"{certificate}.pem"), owner=owner)
        host.write(f"{directory}/{certificate}.key", self.read(f"{certificate}.key"), 0o600, owner)
        host.write(f"{directory}/ca.pem", self.read("ca.pem"), owner=owner)
