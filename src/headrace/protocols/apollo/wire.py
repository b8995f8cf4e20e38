"""The JSON of both writes: what a point and a sample are, and the words for what is neither."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from headrace import limits
from headrace.errors import Refused
from headrace.model.json_pieces import check_items, pieces_of
from headrace.protocols.apollo.names import RAW
from headrace.rules import Rule

Value = int | float | bool | str
"""A value as it was sent."""


class Point(msgspec.Struct, rename="camel"):
    """One point to be registered; other members are ignored."""

    id: str
    point_type: str


class Sample(msgspec.Struct, gc=False):
    """One sample; other members are ignored. The page's own example writes `mertic`."""

    series_id: str = msgspec.field(name="timeseriesId")
    val: Value
    timestamp: str
    metric: str | None = None
    mertic: str | None = None

    def metric_name(self) -> str:
        """`metric` first."""
        if self.metric is not None:
            return self.metric
        return RAW if self.mertic is None else self.mertic


_T = TypeVar("_T")

_POINTS: Final = msgspec.json.Decoder(list[Point])
_SAMPLES: Final = msgspec.json.Decoder(list[Sample])
_PLACE = re.compile(r"(.*) - at `\$(?:\[(\d+)\])?(.*)`", re.DOTALL)
_BYTE = re.compile(r"\(byte (\d+)\)")


def points_of(body: bytes) -> list[Point]:
    """The points of a registration, at least one. Raises Refused (rules "no-points", "json", "body-too-large")."""
    return _read(_POINTS, body, "points", "no-points", limits.APOLLO_POINT_ITEMS_MAX)


def samples_of(body: bytes) -> list[Sample]:
    """The samples of a post, at least one. Raises Refused (rules "no-samples", "json", "body-too-large")."""
    return _read(_SAMPLES, body, "samples", "no-samples", limits.APOLLO_SAMPLE_ITEMS_MAX)


def _read(
    decoder: msgspec.json.Decoder[list[_T]], body: bytes, what: str, when_empty: Rule, items_max: int
) -> list[_T]:
    check_items(body, items_max)
    array = body.strip()
    if array in (b"", b"null"):
        found = []
    elif len(array) > limits.JSON_PIECE_BYTES and array.startswith(b"["):
        found = _read_pieces(decoder, body, what, items_max)
    else:
        found = _decoded(decoder, body, what)
    if not found:
        raise Refused(when_empty, f"No {what} provided")
    return found


def _read_pieces(decoder: msgspec.json.Decoder[list[_T]], body: bytes, what: str, items_max: int) -> list[_T]:
    """Of a long array. Its decoder lets nobody else have the interpreter, so it gets a piece at a time."""
    array = body.lstrip()
    pieces = pieces_of(array, items_max)
    if not pieces or array[pieces[-1].end :].strip() != b"]":
        return _decoded(decoder, body, what)  # it is broken, and so refused in the words of the decoder
    before = len(body) - len(array) - 1
    found: list[_T] = []
    for piece in pieces:
        text = b"[%b]" % array[piece.start : piece.end]
        some = _decoded(decoder, text, what, piece.first, before + piece.start)
        if len(some) != piece.elements:  # nothing stands between two commas
            return _decoded(decoder, body, what)
        found += some
    return found


def _decoded(
    decoder: msgspec.json.Decoder[list[_T]], array: bytes, what: str, first: int = 0, offset: int = 0
) -> list[_T]:
    """first, offset: at which element and byte of a longer array this one begins."""
    try:
        return decoder.decode(array)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("json", _worded(str(error), what, first, offset)) from None


def _worded(error: str, what: str, first: int, offset: int) -> str:
    """The words of msgspec, with its `$[3].val` as `samples[3].val`."""
    placed = _PLACE.fullmatch(error)
    if placed:
        index = f"[{first + int(placed[2])}]" if placed[2] else ""
        return f"{what}{index}{placed[3]}: {placed[1].replace('`', '')}"
    words = _BYTE.sub(lambda found: f"(byte {offset + int(found[1])})", error)
    return f"{what}: {words.replace('`', '')}"
