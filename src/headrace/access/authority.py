"""Says who sends a request, by its credentials (RFC 9110, section 11; RFC 6750, RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from headrace import limits
from headrace.access.attempts import Attempts
from headrace.access.principals import ANYBODY, Known, Principal
from headrace.access.sources import Found, Source
from headrace.errors import Refused
from headrace.model.time import Clock

Headers = Iterable[tuple[bytes, bytes]]
"""Names in lower case."""


@dataclass(frozen=True, slots=True)
class AwsKey:
    """What an access key id stands for."""

    secret: str = field(repr=False)
    principal: Principal


class Authority:
    """The principals of a server. On the event loop."""

    def __init__(self, known: Iterable[Known], clock: Clock, sources: Sequence[Source] = ()) -> None:
        """known: those of the settings.   sources: of others, asked one after another."""
        # Found by their digests under a secret of this process: how long that takes says nothing about a secret.
        self._key = secrets.token_bytes(32)
        self._principals: dict[bytes, Principal] = {}
        self._aws: dict[str, AwsKey] = {}
        self._verified: set[bytes] = set()
        """Users and passwords that were right before: nobody who guesses has them wait."""
        self._clock = clock
        self._sources = tuple(sources)
        self._remembered: dict[bytes, Found] = {}
        """What the sources have found, the oldest first."""
        self._attempts = Attempts(clock)
        for one in known:
            if one.token:
                self._principals[self._digest(b"bearer", one.token.encode())] = one.principal
            if one.password:
                user = f"{one.principal.name}:{one.password}".encode()
                self._principals[self._digest(b"basic", user)] = one.principal
            if one.certificate:
                self._principals[self._digest(_CERTIFICATE, one.certificate.encode())] = one.principal
            if one.aws is not None:
                self._aws[one.aws[0]] = AwsKey(one.aws[1], one.principal)
        self._asks = bool(self._principals or self._aws)

    @property
    def asks(self) -> bool:
        """Whether anybody is asked who they are: as soon as there is one principal, and from then on."""
        if not self._asks and self._sources:
            self._asks = any(source.asks for source in self._sources)
        return self._asks

    def known(self, headers: Headers, certificate: str | None = None) -> Principal | None:
        """The sender, where that is certain at once. certificate: as in `of`."""
        if not self.asks:
            return ANYBODY
        presented = _presented(headers) or _of_certificate(certificate)
        return None if presented is None else self._certain(presented[0], self._digest(*presented))

    async def of(self, headers: Headers, address: str, certificate: str | None = None) -> Principal:
        """The sender of a request from this address. certificate: subject common name of the client certificate, which
        was verified; it counts where there are no other credentials. Raises Refused (rules credentials-missing,
        credentials-invalid, credentials-slowed), Unavailable where a source cannot tell."""
        if not self.asks:
            return ANYBODY
        presented = _presented(headers) or _of_certificate(certificate)
        if presented is None:
            raise Refused("credentials-missing", "credentials are needed: a bearer token, or a user and its password")
        scheme, secret = presented
        digest = self._digest(scheme, secret)
        found = self._certain(scheme, digest)
        if found is None and scheme == b"basic":
            found = self._of_password(secret, digest, address)
        if found is None:
            found = await self._of_sources(scheme, secret, digest, address)
        if found is None:
            raise Refused("credentials-invalid", "the credentials are not known here")
        return found

    def _certain(self, scheme: bytes, digest: bytes) -> Principal | None:
        """Whom a digest stands for that was believed before."""
        principal = self._principals.get(digest)
        if principal is not None:
            return principal if scheme != b"basic" or digest in self._verified else None
        found = self._remembered.get(digest)
        return None if found is None else self._used(found)

    def _used(self, found: Found) -> Principal | None:
        now_ms = self._clock()
        if now_ms >= found.until_ms:
            return None
        found.used_ms = now_ms
        return found.principal

    async def _of_sources(self, scheme: bytes, secret: bytes, digest: bytes, address: str) -> Principal | None:
        self._remembered.pop(digest, None)
        for source in self._sources:
            found = await source.find(scheme, secret, address)
            if found is not None:
                self._remembered[digest] = found
                if len(self._remembered) > limits.CREDENTIALS_REMEMBERED_MAX:
                    del self._remembered[next(iter(self._remembered))]
                return self._used(found)
        return None

    def _of_password(self, user_and_password: bytes, digest: bytes, address: str) -> Principal | None:
        user = self._digest(b"user", user_and_password.partition(b":")[0])
        if wait_s := self._attempts.waits_s(address, user):
            raise Refused("credentials-slowed", f"too many wrong passwords came from {address}: wait {wait_s} s")
        principal = self._principals.get(digest)
        if principal is None:
            self._attempts.failed(address, user)
        else:
            self._verified.add(digest)
        return principal

    def aws_key(self, key_id: str) -> AwsKey | None:
        """What this access key id stands for, None for an unknown one."""
        return self._aws.get(key_id)

    def _digest(self, scheme: bytes, secret: bytes) -> bytes:
        return blake2b(scheme + b" " + secret, key=self._key, digest_size=16).digest()


_CERTIFICATE: Final = b"certificate "
"""In place of a scheme. No scheme has a blank in it."""


def _of_certificate(certificate: str | None) -> tuple[bytes, bytes] | None:
    return None if certificate is None else (_CERTIFICATE, certificate.encode())


def scheme_of(headers: Headers) -> bytes:
    """How a request says who sends it, in lower case: b"" for not at all."""
    presented = _presented(headers)
    return presented[0] if presented else b""


def _presented(headers: Headers) -> tuple[bytes, bytes] | None:
    """(scheme in lower case, what follows it; of basic, user:password) that a request has, None when it has none. Two
    of them are none that is known.

    Apollo's pages name the header Authentication in their tables, and send Authorization in their examples.
    """
    found: dict[bytes, list[bytes]] = {b"authorization": [], b"authentication": []}
    for name, value in headers:
        if name in found:
            found[name].append(value)
    given = found[b"authorization"] or found[b"authentication"]
    if not given:
        return None
    scheme, _, secret = given[0].strip().partition(b" ")
    scheme, secret = scheme.lower(), secret.strip()
    if len(given) > 1:
        return scheme, b""
    if scheme == b"basic":
        try:
            return scheme, base64.b64decode(secret, validate=True)
        except binascii.Error:
            return scheme, b""
    return scheme, secret
