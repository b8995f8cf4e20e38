"""The files by which a listener speaks TLS: certificate, key, and whose clients may come."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class PemFiles:
    """Paths of PEM files.

    certificate: the server's own, and those up to its root behind it.   key: its private key, not encrypted.
    client_ca: roots of which clients must have a certificate; None: they need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


def context_of(files: PemFiles) -> ssl.SSLContext:
    """What the files say, for TLS 1.2 and newer. Raises ValueError with a sentence that names the file at fault."""
    for file in (files.certificate, files.key, files.client_ca):
        if file is not None:
            _read(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key, lambda: _no_password(files.key))
    except ssl.SSLError as fault:
        if fault.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"{files.key} is not the key of the certificate {files.certificate}") from None
        why = f"{files.certificate} and {files.key} are not a certificate and its key in PEM"
        raise ValueError(f"{why} ({_reason(fault)})") from None
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except ssl.SSLError as fault:
            raise ValueError(f"{files.client_ca} holds no certificates in PEM ({_reason(fault)})") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def expires_s(certificate: Path) -> float:
    """When the first certificate of the file expires, in seconds since 1970. Raises ValueError, OSError."""
    # Not at the top: it takes 60 ms, which who speaks no TLS need not wait for.
    from cryptography import x509  # noqa: PLC0415

    return x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc.timestamp()


def _read(file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as fault:
        raise ValueError(f"{file} can not be read: {fault.strerror}") from None


def _no_password(key: Path) -> NoReturn:
    raise ValueError(f"{key} is encrypted, and nobody is there to type its password: store it without one")


def _reason(fault: ssl.SSLError) -> str:
    return (fault.reason or str(fault)).lower().replace("_", " ")
