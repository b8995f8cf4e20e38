"""Reads a token, and checks its signature by a key of its issuer. joserfc does the cryptography."""

from __future__ import annotations

import binascii
import warnings
from typing import Any, Final, NamedTuple, get_args

import orjson
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.util import urlsafe_b64decode

from headrace import limits
from headrace.access.jwt.claims import BadToken, Claims
from headrace.settings.jwks import Key
from headrace.settings.jwt_issuers import Algorithm, JwtIssuerSetting

# joserfc warns of EdDSA at each token, as RFC 9864 has Ed25519 in its place; issuers still say EdDSA.
warnings.simplefilter("ignore", SecurityWarning)

_TYPES: Final = ("jwt", "at+jwt", "application/at+jwt")
"""What `typ` may be (RFC 9068): a token for something else, as of a logout, is none that lets in."""

_BEGINS: Final = b"eyJ"
"""How a JSON object begins in base64, without a blank before its first name."""

_KNOWN: Final[tuple[Algorithm, ...]] = get_args(Algorithm)


class Registry(jws.JWSRegistry):
    """With room for chains of certificates in headers, which nobody reads, and for signatures of long keys."""

    max_header_length = limits.JWT_HEADER_CHARACTERS_MAX
    max_payload_length = limits.JWT_BYTES_MAX
    max_signature_length = limits.JWT_SIGNATURE_CHARACTERS_MAX


_REGISTRY: Final = Registry(algorithms=_KNOWN, strict_check_header=False)


class Token(NamedTuple):
    """What was read of a token; nothing of it is certain before its signature was checked.

    header: as JSON.   claims: likewise.   text: the token.
    """

    header: dict[str, Any]
    claims: Claims
    text: bytes


class Header(NamedTuple):
    """What a header says of the signature. key_id: None for nothing."""

    algorithm: Algorithm
    key_id: str | None


def read(text: bytes) -> Token | None:
    """A token as it was sent; None for what is no JWT. Raises BadToken."""
    header, *others = text.split(b".", 3)
    if len(others) != 2:
        return None
    # Bounded before it is decoded: it may be as long as the head of a request.
    if len(text) > limits.JWT_BYTES_MAX or len(header) > limits.JWT_HEADER_CHARACTERS_MAX:
        if not text.startswith(_BEGINS):
            return None
        raise BadToken("too-long", f"the token has more than {limits.JWT_BYTES_MAX} bytes, or too long a header")
    said = _json(header)
    if said is None or "alg" not in said:
        return None
    claims = _json(others[0])
    if claims is None:
        raise BadToken("malformed", "the token has no claims in JSON")
    return Token(said, claims, text)


def _json(part: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(urlsafe_b64decode(part))
    except (ValueError, binascii.Error):
        return None
    return found if isinstance(found, dict) else None


def check_header(header: dict[str, Any], setting: JwtIssuerSetting) -> Header:
    """What counts of a header. Keys in it, and where to find some (jwk, jku, x5c, x5u), are never used. Raises
    BadToken."""
    algorithm = next((one for one in setting.algorithms if one == header.get("alg")), None)
    if algorithm is None:
        raise BadToken("algorithm", "the token is not signed by an algorithm that is allowed")
    if "crit" in header or "b64" in header:
        raise BadToken("critical", "the token's header must be understood in ways that are not known here (crit, b64)")
    said = header.get("typ", _TYPES[0])
    if not isinstance(said, str) or said.lower() not in _TYPES:
        raise BadToken("type", "the token is none that lets in (typ)")
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise BadToken("malformed", "the token's kid is no text")
    return Header(algorithm, key_id)


def is_signed_by(token: Token, algorithm: Algorithm, key: Key) -> bool:
    """Whether the signature is right, by the algorithm of the header, which was checked. On any thread."""
    try:
        signed = jws.extract_compact(token.text, None, _REGISTRY)
        return signed.headers().get("alg") == algorithm and jws.validate_compact(signed, key, registry=_REGISTRY)
    # RecursionError: of lists in lists in the header, which joserfc reads by Python's json.
    except (JoseError, ValueError, RecursionError):
        return False
