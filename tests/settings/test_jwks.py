"""Which keys of a set are taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from issuing import jwks, new_key

from headrace import limits
from headrace.settings.jwks import keys_of

GOOD = new_key(kid="good")


def public(key: Any, **members: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **members}


@pytest.mark.parametrize(
    "other",
    [
        None,
        [],
        "key",
        {},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "good"},
        {"kty": "new", "kid": "good"},
        {"kty": 1},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256"},
        public(GOOD, use="enc"),
        public(GOOD, use=1),
        public(GOOD, key_ops=["sign"]),
        public(GOOD, key_ops="verify"),
        public(GOOD, kid=7),
        public(GOOD, crv="P-384"),
        public(GOOD, x="!"),
        public(new_key("EC", "secp256k1")),
        public(new_key("OKP", "X25519")),
        {"kty": "RSA", "e": "AQAB", "n": "AA"},
        {"kty": "RSA", "e": "AQAB", "n": "w" * 300},
        {"kty": "RSA", "e": "AQAB", "n": "w" * 100_000},
        {"kty": "RSA", "e": "AA", "n": "w" * 342},
        {"kty": "RSA", "e": [], "n": {}},
    ],
)
def test_what_is_left_out(other: Any) -> None:
    [key] = keys_of(json.dumps({"keys": [other, public(GOOD)], "more": 1}).encode())
    assert key.kid == "good"
    with pytest.raises(ValueError, match="has no public key"):
        keys_of(json.dumps({"keys": [other]}).encode())


def test_kinds() -> None:
    several = [
        new_key("RSA", 2048, use="sig", alg="RS256"),
        new_key("EC", "P-256", key_ops=["verify"]),
        new_key("EC", "P-384"),
        new_key("EC", "P-521"),
        new_key("OKP", "Ed25519"),
        new_key("OKP", "Ed448"),
    ]
    found = keys_of(jwks(*several))
    assert [key.thumbprint() for key in found] == [key.thumbprint() for key in several]


def test_private_parts_and_certificates_are_not_read() -> None:
    whole = {**GOOD.as_dict(private=True), "x5u": "http://127.0.0.1/", "x5c": ["x"]}
    [key] = keys_of(json.dumps({"keys": [whole]}).encode())
    assert not key.is_private
    assert set(key.as_dict()) == {"kty", "crv", "x", "y", "kid"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "is no JSON"),
        (b'{"keys": [', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "is no JWK set"),
        (b'{"keys": {}}', "is no JWK set"),
        (b'{"keys": []}', "has no public key"),
        (b" " * (limits.JWKS_BYTES_MAX + 1), "has more than"),
        (json.dumps({"keys": [1] * (limits.JWKS_KEYS_MAX + 1)}).encode(), "has more than"),
    ],
)
def test_what_is_no_set_of_keys(document: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        keys_of(document)
