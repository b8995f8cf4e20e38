"""The setting `jwt_issuers`: whose signed tokens (JWT, RFC 7519) are credentials, and what they grant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from headrace import limits
from headrace.settings.allowed import Takes
from headrace.settings.loopback import is_loopback
from headrace.settings.one_line import in_json
from headrace.settings.principals import Collections, GrantSetting, at_least_one, check_differ

Algorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "Ed448",
]
"""Of signatures (RFC 7518, 8037, 9864): those with a public key. None that shares a secret, and never `none`."""

ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_@-]{0,63}")

Text = Annotated[str, Field(min_length=1)]


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class JwtIssuerSetting(Collections):
    """One issuer.

    issuer: as its tokens have it in `iss`.   jwks: address (https, or http of this machine) or absolute path of its
    public keys.   audience: what tokens must name in `aud`, one of these.   principal_claim: names who sends; where a
    token lacks it, `client_id` or `azp` does.   scopes: what scopes grant besides Apollo's, which they replace where
    they have the same name.   collections: of every token in Apollo's room.   collections_claim: instead, the claim of
    a token that names its own; a token without it has none.
    """

    issuer: Text
    jwks: Text
    audience: Annotated[tuple[Text, ...], BeforeValidator(_one_or_several), AfterValidator(at_least_one)]
    algorithms: Annotated[tuple[Algorithm, ...], AfterValidator(at_least_one)] = ALGORITHMS
    clock_skew_s: Annotated[int, Field(ge=0, le=limits.JWT_SKEW_S_MAX)] = 60
    principal_claim: Text = "sub"
    scopes: dict[Text, tuple[GrantSetting, ...]] = Field(default={})
    collections_claim: Text | None = None

    @field_validator("jwks")
    @classmethod
    def _keys_are_somewhere(cls, value: str) -> str:
        if value.startswith("/"):
            _check_file(Path(value))
        else:
            _check_address(value)
        return value

    @model_validator(mode="after")
    def _collections_are_said_once(self) -> JwtIssuerSetting:
        if self.collections and self.collections_claim is not None:
            raise ValueError("collections and collections_claim exclude each other: give one of them")
        return self

    @property
    def file(self) -> Path | None:
        """Where the keys are; None: at an address."""
        return Path(self.jwks) if self.jwks.startswith("/") else None


def _check_file(file: Path) -> None:
    # Not at the top: it takes 0.1 s, which who has no issuer need not wait for.
    from headrace.settings.jwks import keys_of  # noqa: PLC0415

    try:
        with file.open("rb") as opened:
            document = opened.read(limits.JWKS_BYTES_MAX + 1)
    except OSError as fault:
        raise ValueError(f"{file} can not be read: {fault.strerror}") from None
    try:
        keys_of(document)
    except ValueError as fault:
        raise ValueError(f"{file} {fault}") from None


def _check_address(address: str) -> None:
    """Raises ValueError. The address is in logs, so no secret may be in it."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as fault:
        raise ValueError(f"it is no address: {fault}") from None
    plain = parts.scheme == "http" and is_loopback(host)
    if not host or port == 0 or not (parts.scheme == "https" or plain):
        raise ValueError(
            "write an address that begins with https:// (http:// only for this machine itself, such as "
            "http://127.0.0.1:8080/jwks), or the absolute path of a file"
        )
    if parts.username is not None or parts.fragment or not address.isascii() or not address.isprintable():
        raise ValueError("the address has a user, a fragment, or characters that no address has")
    if " " in address:
        raise ValueError("the address has a blank")


def _are_told_apart(issuers: dict[str, JwtIssuerSetting]) -> dict[str, JwtIssuerSetting]:
    """Raises ValueError for a name that would not read well in logs, and when two issue the same tokens."""
    for name in issuers:
        if not _NAME.fullmatch(name):
            raise ValueError(f'"{name}" is no name: write at most 64 letters, digits and characters of _ @ -')
    check_differ("issuer", {name: one.issuer for name, one in issuers.items()})
    return issuers


# NoDecode: read by json, so that a mistake is worded as others are.
JwtIssuers = Annotated[
    dict[str, JwtIssuerSetting],
    NoDecode,
    in_json(
        '{"plant": {"issuer": "https://login.example.net", "jwks": "https://login.example.net/jwks", '
        '"audience": "headrace"}}'
    ),
    AfterValidator(_are_told_apart),
    Takes("table, or JSON"),
]
"""The type of the setting, by a name of the operator's."""
