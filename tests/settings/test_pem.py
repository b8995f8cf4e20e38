"""What a listener's files may be, and what is said of those that are not."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest
from certified import Authority
from cryptography.hazmat.primitives import serialization

from headrace.settings.pem import PemFiles, context_of, expires_s


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_tls_1_2_and_newer_and_no_renegotiation(authority: Authority) -> None:
    context = context_of(authority.issue())
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.verify_mode == ssl.CERT_NONE


def test_clients_need_a_certificate_where_an_authority_is_named(authority: Authority) -> None:
    assert context_of(replace(authority.issue(), client_ca=authority.root)).verify_mode == ssl.CERT_REQUIRED


def test_when_it_expires(authority: Authority) -> None:
    assert expires_s(authority.issue().certificate) - time.time() == pytest.approx(90 * 86400, abs=3600)
    assert time.time() - expires_s(authority.issue(expired=True).certificate) == pytest.approx(86400, abs=3600)


def test_every_mistake_is_a_sentence(authority: Authority, tmp_path: Path) -> None:
    files, other = authority.issue(), authority.issue("other")
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    locked = tmp_path / "locked.key"
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    password = serialization.BestAvailableEncryption(b"hush")
    form = serialization.PrivateFormat.PKCS8
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, password))
    for wrong, words in (
        (PemFiles(tmp_path / "none.pem", files.key), r"none\.pem can not be read: No such file"),
        (PemFiles(tmp_path, files.key), "can not be read: Is a directory"),
        (PemFiles(files.certificate, other.key), r"other\.key is not the key of the certificate .*server\.pem"),
        (PemFiles(empty, files.key), r"are not a certificate and its key in PEM"),
        (PemFiles(files.key, files.certificate), r"are not a certificate and its key in PEM"),
        (PemFiles(files.certificate, locked), r"locked\.key is encrypted, .* store it without"),
        (replace(files, client_ca=empty), r"empty\.pem holds no certificates"),
    ):
        with pytest.raises(ValueError, match=words):
            context_of(wrong)
