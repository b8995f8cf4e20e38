"""The bodies of /api/put and the points in them as they were sent, whole or broken: what is no JSON of a point has its
place among the others."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import msgspec

from headrace import limits
from headrace.errors import Refused
from headrace.model.json_pieces import Piece, pieces_of
from headrace.model.odd_json.broken import Trouble, Unread, read_array, read_leniently, what_is_behind
from headrace.model.odd_json.lenient import JACKSON, mended
from headrace.protocols.opentsdb import faults

UTF_8: Final = "utf-8"

_CHARSETS: Final = {
    "utf-8": UTF_8,
    "utf8": UTF_8,
    "us-ascii": "latin-1",
    "ascii": "latin-1",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le",
    "gb2312": "gbk",
    "gbk": "gbk",
    "gb18030": "gb18030",
}
"""Charsets that a Content-Type may name, as Java calls them, and Python's codecs for them."""

_JAVA_BLANKS: Final = bytes(range(0x21))
"""What Java's String.trim takes off (OpenTSDB: HttpJsonSerializer.parsePutV1)."""

_NULL: Final = msgspec.Raw(b"null")


class IncomingPoint(msgspec.Struct, gc=False):
    """One point as it was sent, or the part of it that matters; other fields are ignored (OpenTSDB:
    IncomingDataPoint)."""

    metric: msgspec.Raw = _NULL
    timestamp: msgspec.Raw = _NULL
    value: msgspec.Raw = _NULL
    tags: msgspec.Raw = _NULL

    def echo(self) -> bytes:
        """The point as JSON, its fields spelled as they were sent; nulls and what is too long to repeat are left
        out."""
        fields = (
            (b"metric", bytes(self.metric)),
            (b"timestamp", bytes(self.timestamp)),
            (b"value", bytes(self.value)),
            (b"tags", bytes(self.tags)),
        )
        shown = [(key, raw) for key, raw in fields if raw != b"null" and len(raw) <= limits.OPENTSDB_ECHO_BYTES_MAX]
        return b"{" + b",".join(b'"%s":%s' % (key, raw) for key, raw in shown) + b"}"


_ARRAY = msgspec.json.Decoder(list[IncomingPoint | None])
_WHOLE = msgspec.json.Decoder(msgspec.Raw)
_ELEMENT = msgspec.json.Decoder(IncomingPoint | None)
_OBJECT = msgspec.json.Decoder(IncomingPoint)


def as_utf8(body: bytes, content_type: str = "") -> bytes:
    """The body in valid UTF-8, from the charset of its Content-Type (default UTF-8; malformed bytes become U+FFFD, as
    in Java).

    Raises Refused (rule "charset") for a charset that we do not know.
    """
    _, named, charset = content_type.lower().partition("charset=")
    if not named:
        codec = UTF_8
    else:
        charset = charset.partition(";")[0].strip().strip('"')
        try:
            codec = _CHARSETS[charset]
        except KeyError:
            raise Refused("charset", f"Unsupported charset: {faults.shown(charset)}") from None
    if codec == UTF_8 and body.isascii():
        return body
    return body.decode(codec, "replace").encode()


Incoming = IncomingPoint | Unread | None
"""A point as it came; or an Unread for what is none, None for a null."""


def incoming_points(body: bytes) -> list[Incoming]:
    """The points of a body in valid UTF-8. Raises Refused (rules "json", "body-empty"), TooLongForTheLoop."""
    return read_leniently(_at_once, _ELEMENT.decode, _begun(body), JACKSON)


def _begun(body: bytes) -> bytes:
    body = body.strip(_JAVA_BLANKS)
    if not body:
        raise Refused("body-empty", "Missing request content")
    if body[0] not in b"{[":
        raise Refused("json", "The JSON must start as an object or an array")
    return body


def _at_once(text: bytes) -> list[IncomingPoint | None]:
    return [_OBJECT.decode(text)] if text.startswith(b"{") else _ARRAY.decode(text)


class LargeBody:
    """The points of a long array in valid UTF-8, piece by piece: never are all of them objects at once."""

    def __init__(self, body: bytes) -> None:
        """Raises Refused (rule "body-too-large") before any point has been read, TooLongForTheLoop."""
        self._text = _begun(body)
        # Before it is known to be JSON: what has so many elements is not read at all.
        self.pieces = pieces_of(self._text, limits.OPENTSDB_POINTS_MAX)
        if not _is_json(self._text):
            self._text = _begun(mended(self._text, JACKSON))
            self.pieces = pieces_of(self._text, limits.OPENTSDB_POINTS_MAX)
        self._firsts = [piece.first for piece in self.pieces]
        self._last: tuple[Piece, list[Incoming]] | None = None

    @property
    def total(self) -> int:
        """How many points it has."""
        return self.pieces[-1].first + self.pieces[-1].elements if self.pieces else 0

    @property
    def tail(self) -> Unread | None:
        """What is wrong behind the last point, if anything is."""
        if not self.pieces:
            return what_is_behind(self._text, len(self._text))
        tail = what_is_behind(self._text, self.pieces[-1].end)
        cut_off = isinstance(self.read(self.pieces[-1])[-1], Unread)
        return None if tail is not None and tail.trouble is Trouble.END and cut_off else tail

    def read(self, piece: Piece) -> list[Incoming]:
        """The points of a piece."""
        if self._last is None or self._last[0] is not piece:
            self._last = piece, self._points(b"[%b]" % self._text[piece.start : piece.end])
        return self._last[1]

    def point(self, place: int) -> Incoming:
        """The point at a place, the tail behind the last; neighbours are best asked for together."""
        if place == self.total:
            return self.tail
        piece = self.pieces[bisect_right(self._firsts, place) - 1]
        return self.read(piece)[place - piece.first]

    def _points(self, array: bytes) -> list[Incoming]:
        try:
            return [*_ARRAY.decode(array)]
        except (msgspec.DecodeError, RecursionError):
            # One for each comma, whatever it is: the last word on an element counts.
            return list(dict(read_array(_ELEMENT.decode, array)).values())


def _is_json(text: bytes) -> bool:
    try:
        _WHOLE.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def is_large(body: bytes) -> bool:
    """Whether a body is read as a LargeBody."""
    return len(body) > limits.JSON_PIECE_BYTES and body.lstrip(_JAVA_BLANKS).startswith(b"[")


def points_at(body: bytes, places: Iterable[int]) -> dict[int, Incoming]:
    """Some points of a body that has been decoded before, by their places."""
    if not is_large(body):
        incoming = incoming_points(body)
        return {place: incoming[place] for place in places}
    large = LargeBody(body)
    return {place: large.point(place) for place in sorted(places)}
