"""NaN and Infinity where JSON has numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from headrace import limits
from headrace.model.json_pieces import windows_of

_WORD: Final = re.compile(rb"(?:[+-]INF|[+-]?Infinity|NaN)(?![\t\n\r ]*+:)")
"""No word may be a key."""

_SIGNS: Final = b"+-"


def quote_bare_words(body: bytes) -> bytes:
    """The same JSON with bare NaN, Infinity, -Infinity, +Infinity, +INF and -INF as strings; of more than
    limits.BARE_WORDS_MAX the first.

    JSON has no such words, but json.dumps of Python and many other writers make them, and the parsers of OpenTSDB
    (Jackson with ALLOW_NON_NUMERIC_NUMBERS) and KairosDB (Gson, leniently) read them.
    """
    if not any(word in body for word in (b"NaN", b"INF", b"Infinity")):
        return body
    quoted = bytearray()
    copied = 0
    for number, (begin, end) in enumerate(_words_in(body)):
        if number == limits.BARE_WORDS_MAX:
            break
        quoted += b'%b"%b"' % (body[copied:begin], body[begin:end])
        copied = end
    return bytes(quoted + body[copied:])


def _words_in(body: bytes) -> Iterator[tuple[int, int]]:
    """Where each begins and ends."""
    after = 0
    for offset, plain in windows_of(body):
        for at in (np.flatnonzero((plain == ord("N")) | (plain == ord("I"))) + offset).tolist():
            begin = at - (at > after and body[at - 1] in _SIGNS)
            if at >= after and (word := _WORD.match(body, begin)):
                after = word.end()
                yield begin, after
