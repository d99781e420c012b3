# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests, made by the openssl command in one directory that ends with the test.

    pki = Pki()
    ca = pki.authority("API")                       # ca.certificate, ca.key: paths
    server = ca.server("127.0.0.1")                 # valid; server.certificate, server.key
    old = ca.server("127.0.0.1", expired=True)
    pem = ca.sign(csr_pem, "gateway1")              # as the VPN host does
"""

import os
import subprocess

import lifetime


def openssl(*arguments, text=None):
    done = subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr}")
    return done.stdout


class Pair:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def pem(self):
        with open(self.certificate, encoding="ascii") as file:
            return file.read()


class Authority(Pair):
    def __init__(self, directory, name):
        super().__init__(os.path.join(directory, name + ".crt"), os.path.join(directory, name + ".key"))
        self.directory, self.count = directory, 0
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN=Test CA {name}",
                "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def _path(self, suffix):
        return os.path.join(self.directory, f"{os.path.basename(self.key)}-{self.count}{suffix}")

    def _issue(self, request, extensions, expired=False):
        """openssl ca, since only it can set the dates."""
        database, settings, out = self._path(".db"), self._path(".cnf"), self._path(".crt")
        open(database, "w", encoding="ascii").close()
        with open(settings, "w", encoding="ascii") as file:
            file.write(
                "[ca]\ndefault_ca=a\n[a]\n"
                f"database={database}\nserial={self._path('.srl')}\nnew_certs_dir={self.directory}\n"
                "default_md=sha256\npolicy=p\nunique_subject=no\nrand_serial=yes\n"
                f"[p]\ncommonName=supplied\n[x]\n{extensions}\n")
        dates = (["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired
                 else ["-days", "2"])
        openssl("ca", "-batch", "-notext", "-config", settings, "-cert", self.certificate,
                "-keyfile", self.key, "-in", request, "-out", out, "-extensions", "x", *dates)
        return out

    def server(self, address, expired=False):
        self.count += 1
        key, request = self._path(".key"), self._path(".csr")
        kind = "IP" if address.replace(".", "").isdigit() else "DNS"
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/CN={address}")
        certificate = self._issue(request, f"subjectAltName={kind}:{address}", expired)
        return Pair(certificate, key)

    def sign(self, csr, name):
        self.count += 1
        request, out = self._path(".csr"), self._path(".crt")
        with open(request, "w", encoding="ascii") as file:
            file.write(csr)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-out", out, "-days", "2", "-subj", f"/CN={name}", "-set_serial", str(self.count))
        with open(out, encoding="ascii") as file:
            return file.read()


class Pki:
    def __init__(self):
        self.directory = lifetime.directory("pki")

    def authority(self, name):
        return Authority(self.directory, name)

    def close(self):
        lifetime.remove(self.directory)
