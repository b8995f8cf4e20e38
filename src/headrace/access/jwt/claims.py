"""What a token says (RFC 7519, section 4.1; RFC 8725): whether it is for us and for now, and what it grants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from headrace import limits
from headrace.access.principals import DEEDS_OF_SCOPE, Grant, Principal, grant_of
from headrace.settings.jwt_issuers import JwtIssuerSetting
from headrace.settings.principals import ApolloPermission, Collections

Claims = Mapping[str, Any]
"""Of a token, as JSON."""

Reason = Literal[
    "algorithm",  # the issuer's tokens are signed by one of its algorithms
    "audience",  # the token is for us
    "critical",  # nothing in its header must be understood that we do not
    "expired",  # it has not expired
    "issued-later",  # it was issued, by now
    "issuer",  # its issuer is one of the setting's
    "key",  # it is signed with a key that the issuer has
    "malformed",  # it is a JWT
    "not-yet",  # it holds already
    "principal",  # it names who sends
    "signature",  # its signature is right
    "too-long",  # it fits limits.JWT_BYTES_MAX
    "type",  # it is an access token, or does not say what it is
]
"""What a token breaks, for the metrics."""


class BadToken(Exception):  # noqa: N818 - as errors.Refused
    """A token that is refused. words: for its sender, and the log."""

    def __init__(self, reason: Reason, words: str) -> None:
        super().__init__(words)
        self.reason: Reason = reason
        self.words = words


_PRINCIPAL_CLAIMS: Final = ("client_id", "azp")
"""Who sends, where the claim that should name it is not there: a program that got the token for itself."""

_ROOM: Final = "apollo"


def check(claims: Claims, setting: JwtIssuerSetting, now_ms: int) -> int:
    """When a token of this issuer expires, its skew included, in ms since 1970. Raises BadToken."""
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(one in setting.audience for one in named if isinstance(one, str)):
        raise BadToken("audience", f"the token is for another audience than {' or '.join(setting.audience)}")
    skew_ms = setting.clock_skew_s * 1000
    expires_ms = _time_ms(claims, "exp")
    if expires_ms is None:
        raise BadToken("malformed", "the token does not say when it expires (exp)")
    if expires_ms + skew_ms <= now_ms:
        raise BadToken("expired", "the token has expired")
    if (_time_ms(claims, "nbf") or 0) > now_ms + skew_ms:
        raise BadToken("not-yet", "the token does not hold yet (nbf)")
    if (_time_ms(claims, "iat") or 0) > now_ms + skew_ms:
        raise BadToken("issued-later", "the token was issued later than now (iat): is a clock wrong?")
    return expires_ms + skew_ms


def _time_ms(claims: Claims, name: str) -> int | None:
    """None when it is not there."""
    said = claims.get(name)
    if said is None:
        return None
    # A bool is an int to Python.
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= limits.JWT_TIME_S_MAX:
        raise BadToken("malformed", f"the token's {name} is no time in seconds since 1970")
    return int(said * 1000)


def principal_of(claims: Claims, issuer: str, setting: JwtIssuerSetting) -> Principal:
    """Who sends a token that is right. issuer: its name among the settings. Raises BadToken."""
    who = next((said for name in (setting.principal_claim, *_PRINCIPAL_CLAIMS) if (said := claims.get(name))), None)
    if not isinstance(who, str) or len(who) > limits.JWT_PRINCIPAL_CHARACTERS_MAX or not who.isprintable():
        raise BadToken("principal", f"the token does not name who sends it ({setting.principal_claim})")
    scopes = scopes_of(claims)
    deeds = frozenset(
        deed
        for scope, found in DEEDS_OF_SCOPE.items()
        if scope in scopes and scope not in setting.scopes
        for deed in found
    )
    grants = [Grant(deeds, frozenset((_ROOM,)))] if deeds else []
    for scope, said in setting.scopes.items():
        if scope in scopes:
            grants += map(grant_of, said)
    who = f"{issuer}:{who}"
    return Principal(who, tuple(grants), _collections(claims, setting, Principal(who, tuple(grants))))


def scopes_of(claims: Claims) -> frozenset[str]:
    """The scopes that a token has: in `scope`, a text with blanks (RFC 8693), or `scp`, a text or list as some issuers
    have it. Anything else is none."""
    found: list[str] = []
    for name in ("scope", "scp"):
        said = claims.get(name)
        if isinstance(said, str):
            found += said.split()
        elif isinstance(said, list):
            found += [one for one in said if isinstance(one, str)]
    return frozenset(found)


def _collections(claims: Claims, setting: JwtIssuerSetting, who: Principal) -> Collections | None:
    """None: bound to none. The claim is a text with blanks, a list, or an object with a permission for each."""
    if setting.collections_claim is None:
        return setting if setting.collections else None
    said = claims.get(setting.collections_claim)
    permission: ApolloPermission = "readwrite" if who.may("write", _ROOM) else "readonly"
    if isinstance(said, dict):
        known = get_args(ApolloPermission)
        found = {name: text for name, text in said.items() if text in known}
    else:
        names = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        found = {name: permission for name in names if isinstance(name, str)}
    if len(found) > limits.JWT_COLLECTIONS_MAX:
        raise BadToken("malformed", f"the token names more than {limits.JWT_COLLECTIONS_MAX} collections")
    return Collections(collections=found)
