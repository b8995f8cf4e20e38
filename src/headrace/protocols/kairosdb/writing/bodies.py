"""The metric objects of a body of /api/v1/datapoints, whole or broken.

Where the JSON breaks off, the metric objects before the break count (KairosDB reads and stores them one by one).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from headrace import limits
from headrace.model.bare_words import quote_bare_words
from headrace.model.json_pieces import pieces_of
from headrace.protocols.kairosdb.faults import Failure
from headrace.protocols.kairosdb.writing.wire import Metric, elements_of

NO_CONTENT: Final = "Invalid json. No content due to end of input."
INVALID_START: Final = "Invalid start of json."

_METRIC = msgspec.json.Decoder(Metric)
_METRICS = msgspec.json.Decoder(list[Metric])
_WHOLE = msgspec.json.Decoder(msgspec.Raw)


def metrics_of(body: bytes) -> Iterator[Metric | Failure]:
    """The metric objects of a body, and a Failure (of any place) for each element that is none and for broken JSON."""
    stripped = body.strip(b" \t\r\n\0")
    if not stripped:
        yield Failure(0, "json", NO_CONTENT)
    elif stripped[0] not in b"{[":
        yield Failure(0, "json", INVALID_START)
    else:
        try:
            yield from _all_at_once(stripped)
        except (msgspec.DecodeError, RecursionError):
            quoted = quote_bare_words(stripped)
            try:
                yield from _all_at_once(quoted)
            except (msgspec.DecodeError, RecursionError) as error:
                yield from _one_by_one(quoted, error)


def _all_at_once(body: bytes) -> Iterable[Metric | Failure]:
    """What msgspec raises of the body as a whole, it raises before there is any metric object."""
    if body.startswith(b"{"):
        return [_METRIC.decode(body)]
    if len(body) <= limits.JSON_PIECE_BYTES:
        return _METRICS.decode(body)
    _WHOLE.decode(body)
    return _by_pieces(body)


def _by_pieces(array: bytes) -> Iterator[Metric | Failure]:
    """Of a long array that is JSON. Its decoder lets nobody else have the interpreter, so it gets a piece at a time."""
    for piece in pieces_of(array, limits.KAIROSDB_METRICS_MAX):
        text = b"[%b]" % array[piece.start : piece.end]
        try:
            yield from _METRICS.decode(text)
        except msgspec.ValidationError:
            yield from _among_others(text, piece.first)


def _one_by_one(body: bytes, error: Exception) -> Iterator[Metric | Failure]:
    if body.startswith(b"{"):
        yield Failure(0, "json", f"Invalid json. {error}")
    elif isinstance(error, msgspec.ValidationError):
        yield from _among_others(body)
    else:
        yield from _before_the_break(body, error)


def _among_others(body: bytes, first: int = 0) -> Iterator[Metric | Failure]:
    """Of an array with an element that is no object, and that may be broken behind it. first: the place of its first
    element in the request."""
    try:
        found = [_METRIC.decode(one) if bytes(one).startswith(b"{") else None for one in elements_of(body)]
    except (msgspec.DecodeError, RecursionError) as error:
        yield from _before_the_break(body, error)
        return
    for place, metric in enumerate(found, first):
        yield metric or Failure(place, "json", f"metric[{place}] must be an object.")


def _before_the_break(body: bytes, error: Exception) -> Iterator[Metric | Failure]:
    """The metric objects of a broken array that are whole, then one Failure. error: of the array as a whole."""
    place, after = 0, 1  # after: where the rest begins, behind the bracket or the last whole element
    for start, end in _whole_elements(body):
        try:
            yield _METRIC.decode(body[start:end])
        except (msgspec.DecodeError, RecursionError) as fault:
            yield Failure(place, "json", f"Invalid json. {fault}")
            return
        place, after = place + 1, end
    ends_here = not body[after:].strip(b" \t\r\n,")
    yield Failure(place, "json", NO_CONTENT if ends_here else f"Invalid json. {error}")


_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
"""A string, whose brackets are text, or a bracket. Possessive quantifiers: a string that never ends is given up in one
pass, not tried again from each length."""


def _whole_elements(body: bytes) -> Iterator[tuple[int, int]]:
    """(first byte, the byte after it) of each object of a broken array that is closed before the break."""
    depth = start = end = 0
    for token in _STRUCTURE.finditer(body):
        mark = token.group()
        if mark in (b"{", b"["):
            depth += 1
            if depth > limits.JSON_DEPTH_MAX:
                return
            if depth == 2:
                start = token.start()
                # Between two elements there is one comma, or else the break is here.
                if body[end:start].strip(b" \t\r\n") != (b"," if end else b"["):
                    return
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 1:
                end = token.end()
                yield start, end
            elif not depth:
                return
