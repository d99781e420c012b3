# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS for a connection of engine.py, which does the reading and writing; certificates as cameras have.

A certificate is a subject ("/C=CN/O=DAHUA/CN=7H04"), and then made at the start and signed by itself,
as cameras do; or a pair of files.
"""

import functools
import ssl
import subprocess
import tempfile


@functools.lru_cache(maxsize=None)
def context(certificate, key_kind):
    with tempfile.TemporaryDirectory() as directory:
        pair = certificate
        if isinstance(certificate, str):
            pair = f"{directory}/certificate", f"{directory}/key"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", key_kind, "-nodes", "-days", "3650", "-sha1",
                 "-keyout", pair[1], "-out", pair[0], "-subj", certificate],
                check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.set_ciphers("ALL:@SECLEVEL=0")  # as weak as old cameras are
        made.load_cert_chain(*pair)
        return made


class Session:
    def __init__(self, made):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = made.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.is_up = False

    def receive(self, received):
        """(what was said, what to send back); None instead of the former when it is over."""
        self.incoming.write(received)
        plain = b""
        try:
            if not self.is_up:
                self.object.do_handshake()
                self.is_up = True
            while part := self.object.read(65536):
                plain += part
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # not TLS, or the end of it
            return plain or None, self.outgoing.read()
        return plain, self.outgoing.read()

    def seal(self, answer):
        if answer:
            self.object.write(answer)
        return self.outgoing.read()
