"""The metric objects of a body, whole or broken.

What KairosDB's parser takes beside JSON is taken (model.odd_json.lenient). Beyond that KairosDB ends at the first
break, having stored what stands before it; here the metric objects behind it count too, and each that does not is
named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from headrace import limits
from headrace.model.json_pieces import pieces_of
from headrace.model.odd_json.broken import Trouble, Unread, read_array, read_object
from headrace.model.odd_json.lenient import GSON, mended
from headrace.protocols.kairosdb.faults import Failure, shown
from headrace.protocols.kairosdb.writing.wire import Metric

NO_CONTENT: Final = "Invalid json. No content due to end of input."
INVALID_START: Final = "Invalid start of json."

_METRIC = msgspec.json.Decoder(Metric)
_METRICS = msgspec.json.Decoder(list[Metric])
_WHOLE = msgspec.json.Decoder(msgspec.Raw)


Placed = tuple[int, Metric | Failure]
"""An element with its index; a Failure has it too."""


def metrics_of(body: bytes) -> Iterator[Placed]:
    """The metric objects of a body, and a Failure for each element that is none and for broken JSON, in their order.
    Raises TooLongForTheLoop."""
    stripped = body.strip(b" \t\r\n\0")
    try:
        yield from _all_at_once(stripped)
    except (msgspec.DecodeError, RecursionError):
        yield from _one_by_one(mended(stripped, GSON).strip())


def _all_at_once(body: bytes) -> Iterable[Placed]:
    """What msgspec raises of the body as a whole, it raises before there is any metric object."""
    if body.startswith(b"{"):
        return [(0, _METRIC.decode(body))]
    if len(body) <= limits.JSON_PIECE_BYTES:
        return enumerate(_METRICS.decode(body))
    _WHOLE.decode(body)
    if not body.startswith(b"["):
        raise msgspec.ValidationError
    return _by_pieces(body)


def _by_pieces(array: bytes) -> Iterator[Placed]:
    """Of a long array that is JSON. Its decoder lets nobody else have the interpreter, so it gets a piece at a time."""
    for piece in pieces_of(array, limits.KAIROSDB_METRICS_MAX):
        text = b"[%b]" % array[piece.start : piece.end]
        try:
            yield from enumerate(_METRICS.decode(text), piece.first)
        except msgspec.ValidationError:
            yield from _each(read_array(_METRIC.decode, text), piece.first)


def _one_by_one(body: bytes) -> Iterator[Placed]:
    if not body:
        yield 0, Failure(0, "json", NO_CONTENT)
    elif body.startswith(b"["):
        yield from _each(read_array(_METRIC.decode, body))
    elif body.startswith(b"{"):
        yield from _each((0, read) for read in read_object(_METRIC.decode, body))
    else:
        yield 0, Failure(0, "json", INVALID_START)


def _each(elements: Iterable[tuple[int, Metric | Unread]], first: int = 0) -> Iterator[Placed]:
    """first: the index in the request of the first of them."""
    for index, read in elements:
        place = first + index
        if isinstance(read, Unread):
            yield place, Failure(place, "json", _words(place, read), shown(read.metric))
        else:
            yield place, read


def _words(place: int, unread: Unread) -> str:
    about = f"metric[{place}](name={shown(unread.metric)})" if unread.metric else f"metric[{place}]"
    match unread.trouble:
        case Trouble.END:
            return NO_CONTENT
        case Trouble.SHAPE:
            return f"{about} must be an object."
        case _:
            return f"Invalid json in {about}: {unread.words}."
