"""A JWK set (RFC 7517): the public keys by which an issuer's tokens are checked."""

from __future__ import annotations

from typing import Any, Final

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey

from headrace import limits

Key = RSAKey | ECKey | OKPKey

_CURVES: Final = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519", "Ed448")}
_PUBLIC: Final = ("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y")
"""Members of a key that are read: no private one, no certificate, no address."""


def keys_of(document: bytes) -> tuple[Key, ...]:
    """The keys of a set that can check a signature; those of another kind are left out, as RFC 7517, section 5, has it.
    Raises ValueError, with words that go on behind "it", when there is none."""
    if len(document) > limits.JWKS_BYTES_MAX:
        raise ValueError(f"has more than {limits.JWKS_BYTES_MAX} bytes")
    try:
        said = orjson.loads(document)
    except ValueError:
        raise ValueError("is no JSON") from None
    found = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(found, list):
        raise ValueError('is no JWK set: {"keys": [...]}')
    if len(found) > limits.JWKS_KEYS_MAX:
        raise ValueError(f"has more than {limits.JWKS_KEYS_MAX} keys")
    keys = tuple(key for one in found if (key := _key(one)) is not None)
    if not keys:
        raise ValueError("has no public key of RSA (2048 to 8192 bits), EC or OKP that checks signatures")
    return keys


def _key(said: Any) -> Key | None:
    """None for one that checks no signatures, or is not as the standard has it."""
    if not isinstance(said, dict):
        return None
    public = {name: said[name] for name in _PUBLIC if name in said}
    if any(not isinstance(value, list if name == "key_ops" else str) for name, value in public.items()):
        return None
    kind = public.get("kty", "")
    least, most = limits.JWKS_MODULUS_CHARACTERS
    if kind == "RSA" and not least <= len(public.get("n", "")) <= most:
        return None
    if kind != "RSA" and public.get("crv") not in _CURVES.get(kind, ()):
        return None
    try:
        key = JWKRegistry.import_key(public)
        key.check_use("sig")
        key.check_key_op("verify")
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if isinstance(key, OctKey) else key
