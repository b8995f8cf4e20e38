"""Principals by the tokens of issuers: a source of the authority (access.sources)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from headrace import limits
from headrace.access.jwt.claims import BadToken, check, principal_of
from headrace.access.jwt.keys import Keys
from headrace.access.jwt.signatures import Header, Token, check_header, is_signed_by, read
from headrace.access.sources import Found
from headrace.errors import Refused
from headrace.metrics import Metrics
from headrace.model.time import Clock
from headrace.settings.jwt_issuers import Algorithm, JwtIssuerSetting

_CHECKED_AT_ONCE: Final[frozenset[Algorithm]] = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
"""Algorithms whose check takes less than a tenth of a millisecond; others have a thread."""


@dataclass(frozen=True, slots=True)
class _Issuer:
    name: str
    setting: JwtIssuerSetting
    keys: Keys


class JwtSource:
    """The issuers of a server. On the event loop."""

    def __init__(self, issuers: Mapping[str, JwtIssuerSetting], metrics: Metrics, clock: Clock) -> None:
        found = (_Issuer(name, setting, Keys(name, setting, metrics)) for name, setting in issuers.items())
        self._issuers = {one.setting.issuer: one for one in found}
        self._refused = metrics.jwt_refused
        self._clock = clock
        # One: what strangers send may not take all cores, nor the threads that decode.
        self._thread = ThreadPoolExecutor(1, "headrace-jwt")

    @property
    def asks(self) -> bool:
        """See Source."""
        return bool(self._issuers)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        """While the server runs. Keys are fetched at its start, and nobody waits for it."""
        for issuer in self._issuers.values():
            issuer.keys.begin()
        try:
            yield
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def find(self, scheme: bytes, secret: bytes, address: str) -> Found | None:
        """See Source."""
        if scheme != b"bearer":
            return None
        name = ""
        try:
            token = read(secret)
            if token is None:
                return None
            issuer = self._issuer_of(token)
            name = issuer.name
            return await self._found(token, issuer)
        except BadToken as bad:
            self._refused.labels(name, bad.reason).inc()
            raise Refused("credentials-invalid", bad.words) from None

    def _issuer_of(self, token: Token) -> _Issuer:
        said = token.claims.get("iss")
        found = self._issuers.get(said) if isinstance(said, str) else None
        if found is None:
            raise BadToken("issuer", "the token is of an issuer that is not known here")
        return found

    async def _found(self, token: Token, issuer: _Issuer) -> Found:
        # The signature last: what is refused anyway costs no arithmetic.
        header = check_header(token.header, issuer.setting)
        now_ms = self._clock()
        ends_ms = check(token.claims, issuer.setting, now_ms)
        principal = principal_of(token.claims, issuer.name, issuer.setting)
        if not await self._is_signed(token, header, issuer.keys):
            raise BadToken("signature", "the token's signature is wrong")
        return Found(principal, min(ends_ms, now_ms + limits.JWT_BELIEVED_S * 1000))

    async def _is_signed(self, token: Token, header: Header, keys: Keys) -> bool:
        """Raises BadToken when its issuer has no such key."""
        for again in (False, True):
            # Again: a key may have been replaced by one of the same name.
            if again and not await keys.are_newer():
                return False
            fitting = await keys.fitting(*header)
            if not fitting:
                raise BadToken("key", "the token is signed with a key that its issuer does not have")
            for key in fitting:
                if header.algorithm in _CHECKED_AT_ONCE:
                    is_right = is_signed_by(token, header.algorithm, key)
                else:
                    loop = asyncio.get_running_loop()
                    is_right = await loop.run_in_executor(self._thread, is_signed_by, token, header.algorithm, key)
                if is_right:
                    return True
        return False
