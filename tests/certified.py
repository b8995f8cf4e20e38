"""Certificates made for one test, and both sides of TLS."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

from headrace.settings.pem import PemFiles


@dataclass
class Authority:
    """Makes certificates, and writes them where a server reads them."""

    folder: Path
    name: str = "ca"

    def __post_init__(self) -> None:
        self._ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.root = self.folder / f"{self.name}.pem"
        self._ca.cert_pem.write_to_path(self.root)

    def issue(self, name: str = "server", *, expired: bool = False, common_name: str | None = None) -> PemFiles:
        """A certificate for loopback and its key, in files of this name; what was there is replaced."""
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        made = self._ca.issue_cert(
            "127.0.0.1",
            "::1",
            "localhost",
            common_name=common_name,
            not_before=now - 3 * day,
            not_after=now - day if expired else now + 90 * day,
            key_type=trustme.KeyType.ECDSA,
        )
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(key)
        return PemFiles(certificate, key)


def trusting(root: Path, own: PemFiles | None = None) -> ssl.SSLContext:
    """A client's side.   own: its certificate, if it has one."""
    context = ssl.create_default_context(cafile=root)
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context
