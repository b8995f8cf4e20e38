"""Continuation tokens: the last sample of a page, sealed, so that a token of ours is told from one that is not."""

from __future__ import annotations

import hmac
from base64 import b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused

_SEAL_BYTES: Final = 16


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: at a sample, told by its instant and series, and by what the answer is ordered by when that
    is not the instant.

    series: the place of its timeseriesId in the query, and that of its metric among those of the time series.
    total: samples of the whole answer, as its first page counted them.   span_ms: how far ahead the next page probably
    reaches.
    """

    time_ms: int
    series: tuple[int, int]
    value: int | float | bool | str | None = None
    total: int = 0
    span_ms: int = 0


_CURSOR = msgspec.json.Decoder(Cursor)


class Tokens:
    """Makes and reads the tokens of one database."""

    def __init__(self, secret: NDArray[np.uint64]) -> None:
        """secret: the database's own (model.series.SeriesTable.secret)."""
        self._secret = secret.astype("<u8").tobytes()

    def token(self, cursor: Cursor, identity: bytes) -> str:
        """For the next page of a question (question.Question.identity): ASCII without blanks."""
        body = msgspec.json.encode(cursor)
        return urlsafe_b64encode(self._seal(body, identity) + body).rstrip(b"=").decode()

    def cursor(self, token: bytes, identity: bytes) -> Cursor:
        """Raises Refused (rule "continuation-token") when it is not a token for this question."""
        try:
            sealed = b64decode(token + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise _invalid() from None
        body = sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(sealed[:_SEAL_BYTES], self._seal(body, identity)):
            raise _invalid()
        return _CURSOR.decode(body)

    def _seal(self, body: bytes, identity: bytes) -> bytes:
        seal = blake2b(key=self._secret, digest_size=_SEAL_BYTES, person=b"apollo.token")
        seal.update(len(body).to_bytes(8, "little") + body + identity)
        return seal.digest()


def _invalid() -> Refused:
    return Refused("continuation-token", "ContinuationToken: not one of this query")
