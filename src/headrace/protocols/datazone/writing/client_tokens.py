"""Client tokens: a request that is sent again does nothing twice and hears the first answer again.

Kept are a digest of the request and the ids that it was given; the rest of the answer is in the request. Documents are
keyed by the period of their making, so that old ones go by range, with the first write of a later period.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from headrace import limits
from headrace.errors import Refused
from headrace.model.time import Clock
from headrace.protocols.datazone import keys
from headrace.store import Document, DocumentChange, DocumentRange

_DIGEST_BYTES: Final = 32
_PERIODS_KEPT: Final = -(-limits.DATAZONE_TOKEN_MS // limits.DATAZONE_TOKEN_PERIOD_MS)
"""Whole periods after that of its making for which a token is remembered."""


class Token(NamedTuple):
    """A client token as it is remembered. name: of operation, caller and token.   digest: of the request's parsed
    parameters."""

    name: str
    digest: bytes


class FindsTokens(Protocol):
    """What remembering needs of a store (store.Store)."""

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...


def token_of(operation: str, caller: str, token: str, parameters: Iterable[str | None]) -> Token:
    """parameters: all that the request asks for; None for what was left out."""
    digest = sha256()
    for parameter in parameters:
        if parameter is None:
            digest.update(b"-")
            continue
        text = parameter.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(text))
        digest.update(text)
    return Token(f"{operation}/{keys.quoted(caller)}/{keys.quoted(token)}", digest.digest())


class ClientTokens:
    """The tokens of one database."""

    def __init__(self, store: FindsTokens, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._swept: int | None = None

    def outcome(self, token: Token) -> bytes | None:
        """What the request with this token came to, None when there was none. Raises Refused (rule "conflict") when its
        token came with other parameters."""
        period = self._period()
        # The clock may have been set back since.
        for made in range(period + 1, period - _PERIODS_KEPT - 1, -1):
            held = self._store.document(keys.TOKEN, _key(made, token))
            if held is not None:
                if not hmac.compare_digest(held[:_DIGEST_BYTES], token.digest):
                    raise Refused("conflict", "The client token was used before, for a request with other parameters.")
                return held[_DIGEST_BYTES:]
        return None

    def remembering(self, token: Token, outcome: bytes) -> list[DocumentChange]:
        """The changes that remember a request, to be committed with what it does, and that forget what is too old."""
        period = self._period()
        changes: list[DocumentChange] = [Document(keys.TOKEN, _key(period, token), token.digest + outcome)]
        if self._swept != period:
            self._swept = period
            changes.append(DocumentRange(keys.TOKEN, "", f"{max(period - _PERIODS_KEPT, 0):010d}"))
        return changes

    def _period(self) -> int:
        return self._clock() // limits.DATAZONE_TOKEN_PERIOD_MS


def _key(period: int, token: Token) -> str:
    return f"{max(period, 0):010d}/{token.name}"
