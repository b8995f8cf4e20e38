"""The JSON of /api/put, by the type and not by hand: what a point is, and the reference decoder from a body to columns.

Three kinds of trouble, as in OpenTSDB: a body that is no JSON of points fails as a whole (Refused); a point with a
wrong field fails alone (Failure); a name is the gate's to judge. A batch without trouble is read by columns; any
trouble sends the whole batch through `_Slow`, point by point, which words it.

Texts are kept raw until their column is read: `1` and `1.0` differ as values, `1.50` as a tag stays `1.50`, and an
error repeats its point as it was sent.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.model.bare_words import quote_bare_words
from headrace.model.json_pieces import Piece, has_at_most, pieces_of
from headrace.model.points import Points, join_values
from headrace.model.series import SeriesName, series_name
from headrace.model.spelling import Hashing, KeyCache, SpelledNames, Spelling, key_column
from headrace.model.values import Value, ValuesBuilder, integers_column, numbers_column
from headrace.protocols.opentsdb import faults, times
from headrace.protocols.opentsdb.values import integer, number

UNPARSABLE: Final = "Unable to parse the given JSON"
NOT_A_NUMBER: Final = "Unable to parse value to a number"
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
_OBJECT = msgspec.json.Decoder(IncomingPoint)
_STRING = msgspec.json.Decoder(str)
_TAGS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Failure(NamedTuple):
    """A point that is not taken: its index in the request, the broken rule's stable name, and the words for the
    sender."""

    place: int
    rule: str
    error: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body as columns.

    points: what the gate may judge.   failures: the first limits.REFUSALS_WORDED_MAX of the others, in the request's
    order.   total: of all points.   by_rule: all others, by the broken rule.
    """

    points: Points
    failures: list[Failure]
    total: int
    by_rule: Counter[str] = field(default_factory=Counter)


T = TypeVar("T")

Decode = Callable[[bytes], Decoded]
"""From a body in valid UTF-8 to columns. Raises Refused when the request fails as a whole. Any thread."""


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


def incoming_points(body: bytes) -> list[IncomingPoint | None]:
    """The points of a body in valid UTF-8, None for a null among them. Raises Refused (rules "json", "body-empty")."""
    return _worded(_read, _begun(body))


def _begun(body: bytes) -> bytes:
    body = body.strip(_JAVA_BLANKS)
    if not body:
        raise Refused("body-empty", "Missing request content")
    if body[0] not in b"{[":
        raise Refused("json", "The JSON must start as an object or an array")
    return body


def _worded(read: Callable[[bytes], T], body: bytes) -> T:
    """What `read` makes of a body, or of the same with its bare words quoted. Raises Refused (rule "json")."""
    try:
        try:
            return read(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            quoted = quote_bare_words(body)
            if quoted == body:
                raise
        return read(quoted)
    except msgspec.DecodeError as error:
        raise _unparsable(str(error)) from error
    except RecursionError as error:
        raise _unparsable("JSON is nested too deeply") from error


def _read(body: bytes) -> list[IncomingPoint | None]:
    return [_OBJECT.decode(body)] if body.startswith(b"{") else _ARRAY.decode(body)


class LargeBody:
    """The points of a long array in valid UTF-8, piece by piece: never are all of them objects at once."""

    def __init__(self, body: bytes) -> None:
        """Raises Refused (rules "json", "body-too-large") before any point has been read."""
        begun = _begun(body)
        # Before it is known to be JSON: what has so many elements is not read at all.
        self.pieces = pieces_of(begun, limits.OPENTSDB_POINTS_MAX)
        self._text = bytes(_worded(_WHOLE.decode, begun))
        if len(self._text) > len(begun):
            self.pieces = pieces_of(self._text, limits.OPENTSDB_POINTS_MAX)
        self._firsts = [piece.first for piece in self.pieces]
        self._last: tuple[Piece, list[IncomingPoint | None]] | None = None

    @property
    def total(self) -> int:
        """How many points it has."""
        return self.pieces[-1].first + self.pieces[-1].elements

    def read(self, piece: Piece) -> list[IncomingPoint | None]:
        """The points of a piece. Raises Refused (rule "json")."""
        if self._last is None or self._last[0] is not piece:
            self._last = piece, _worded(_ARRAY.decode, b"[%b]" % self._text[piece.start : piece.end])
        return self._last[1]

    def point(self, place: int) -> IncomingPoint | None:
        """The point at a place; neighbours are best asked for together."""
        piece = self.pieces[bisect_right(self._firsts, place) - 1]
        return self.read(piece)[place - piece.first]


def is_large(body: bytes) -> bool:
    """Whether a body is read as a LargeBody."""
    return len(body) > limits.JSON_PIECE_BYTES and body.lstrip(_JAVA_BLANKS).startswith(b"[")


def points_at(body: bytes, places: Iterable[int]) -> dict[int, IncomingPoint | None]:
    """Some points of a body that has been decoded before, by their places."""
    if not is_large(body):
        incoming = incoming_points(body)
        return {place: incoming[place] for place in places}
    large = LargeBody(body)
    return {place: large.point(place) for place in sorted(places)}


def _unparsable(detail: str) -> Refused:
    return Refused("json", UNPARSABLE, detail)


class ReferenceDecoder:
    """The decoder that decides what every body means (a Decode). Faster ones must equal it."""

    def __init__(self, table: Hashing) -> None:
        self._keys = KeyCache(table, read_name)

    def __call__(self, body: bytes) -> Decoded:
        """The body as columns. Raises Refused when the request fails as a whole."""
        if not is_large(body):
            return self._decoded(incoming_points(body))
        large = LargeBody(body)
        if not large.pieces:
            return self._decoded([])
        return _joined(large, [self._without_names(large, piece) for piece in large.pieces])

    def _without_names(self, large: LargeBody, piece: Piece) -> Decoded:
        decoded = self._decoded(large.read(piece))
        places = decoded.points.places + piece.first
        failures = [failure._replace(place=failure.place + piece.first) for failure in decoded.failures]
        # The names are read again where the gate asks for them, so that the spellings need not stay.
        points = dataclasses.replace(decoded.points, names=_NamesOfLargeBody(large, places), places=places)
        return dataclasses.replace(decoded, points=points, failures=failures)

    def _decoded(self, incoming: list[IncomingPoint | None]) -> Decoded:
        return self._by_columns(incoming) or _Slow(self._keys).decode(incoming)

    def _by_columns(self, incoming: list[IncomingPoint | None]) -> Decoded | None:
        """A batch of numbers without trouble; None when any point needs a closer look."""
        points = [point for point in incoming if point is not None]
        if len(points) < len(incoming):
            return None
        times_ms = times_column([point.timestamp for point in points])
        values = None if times_ms is None else numbers_column([point.value for point in points])
        if times_ms is None or values is None:
            return None
        spellings = [(bytes(point.metric), bytes(point.tags)) for point in points]
        try:
            keys = self._keys.keys_of(spellings)
        except Refused:
            return None
        names = SpelledNames(spellings, read_name)
        return Decoded(Points(keys, times_ms, values, names, np.arange(len(points))), [], len(points))


class _NamesOfLargeBody:
    """The names of points of a large body (model.points.Names). places: int64[n], of each."""

    def __init__(self, body: LargeBody, places: NDArray[np.int64]) -> None:
        self._body = body
        self._places = places

    def name(self, row: int) -> SeriesName:
        """The name of the series of row `row`."""
        point = self._body.point(int(self._places[row]))
        assert point is not None, "a null has no row"
        return read_name((bytes(point.metric), bytes(point.tags)))


def _joined(large: LargeBody, pieces: list[Decoded]) -> Decoded:
    """The pieces of a large body, at least one, as one."""
    places = np.concatenate([piece.points.places for piece in pieces])
    points = Points(
        np.concatenate([piece.points.keys for piece in pieces]),
        np.concatenate([piece.points.times for piece in pieces]),
        join_values([piece.points.values for piece in pieces]),
        _NamesOfLargeBody(large, places),
        places,
    )
    failures = itertools.chain.from_iterable(piece.failures for piece in pieces)
    by_rule = Counter[str]()
    for piece in pieces:
        by_rule.update(piece.by_rule)
    return Decoded(points, list(itertools.islice(failures, limits.REFUSALS_WORDED_MAX)), large.total, by_rule)


class PointRefused(Refused):
    """Refused, but only this point of its request."""


class _Slow:
    """Point by point: the order of checks and the words are those of OpenTSDB's IncomingDataPoint, PutDataPointRpc
    and TSDB."""

    def __init__(self, keys: KeyCache) -> None:
        self._cache = keys
        self._values = ValuesBuilder()
        self._keys: list[bytes] = []
        self._times: list[int] = []
        self._spellings: list[Spelling] = []
        self._places: list[int] = []
        self._failures: list[Failure] = []
        self._by_rule = Counter[str]()

    def decode(self, incoming: list[IncomingPoint | None]) -> Decoded:
        """All points; raises Refused as soon as one of them fails the request as a whole."""
        for place, point in enumerate(incoming):
            try:
                self._take(place, point)
            except PointRefused as refusal:
                self._by_rule[refusal.rule] += 1
                if len(self._failures) < limits.REFUSALS_WORDED_MAX:
                    self._failures.append(Failure(place, refusal.rule, refusal.detail))
        points = Points(
            key_column(self._keys),
            np.array(self._times, dtype=np.int64),
            self._values.build(),
            SpelledNames(self._spellings, read_name),
            np.array(self._places, dtype=np.int64),
        )
        return Decoded(points, self._failures, len(incoming), self._by_rule)

    def _take(self, place: int, point: IncomingPoint | None) -> None:
        if point is None:
            raise PointRefused("null-point", "Unexpected null datapoint encountered in set.")
        metric, tags = text_of(point.metric), read_tags(bytes(point.tags))
        stamp, text = timestamp_of(point.timestamp), text_of(point.value)
        # From here on only this point can fail: every field has the shape that the whole request must have.
        value = checked_value(point.value, text, stamp, metric, tags)
        spelling = (bytes(point.metric), bytes(point.tags))
        self._keys.append(self._cache[spelling])
        self._values.add(value)
        self._times.append(times.to_ms(stamp))
        self._spellings.append(spelling)
        self._places.append(place)


def read_name(spelling: Spelling) -> SeriesName:
    """The name that the JSON of a metric and of its tags means; a null tag value is an empty one, for the gate to
    refuse.

    Raises Refused: rule "json" when they have no such shape, "metric-empty", "tags-missing".
    """
    metric, tags = text_of(msgspec.Raw(spelling[0])), read_tags(spelling[1])
    if not metric:
        raise Refused("metric-empty", "Metric name was empty")
    if not tags:
        raise Refused("tags-missing", "Missing tags")
    return series_name(metric, {key: value or "" for key, value in tags.items()})


def read_tags(text: bytes) -> dict[str, str | None] | None:
    """Tags, the last of equal keys, numbers and booleans as spelled. Raises Refused (rule "json"), PointRefused (rule
    "tags-too-many")."""
    if text == b"null":
        return None
    if not text.startswith(b"{"):
        raise _unparsable("tags must be an object")
    if not has_at_most(text, limits.OPENTSDB_TAG_ITEMS_MAX):
        most = limits.OPENTSDB_TAG_ITEMS_MAX
        raise PointRefused("tags-too-many", f"Too many tags: over {most} maximum allowed: {limits.OPENTSDB_TAGS_MAX}")
    try:
        return {key: text_of(raw) for key, raw in _TAGS.decode(text).items()}
    except msgspec.DecodeError as error:
        raise _unparsable(str(error)) from error


def text_of(raw: msgspec.Raw) -> str | None:
    """A field of text as Jackson binds it: a number or boolean as it is spelled. Raises Refused (rule "json") for
    others."""
    text = bytes(raw)
    if text[0] == ord('"'):
        return _STRING.decode(text)
    if text[0] in b"{[":
        raise _unparsable("text was expected, not an object or an array")
    return None if text == b"null" else text.decode()


_DIGITS = re.compile(r"[+-]?[0-9]+")


def timestamp_of(raw: msgspec.Raw) -> int:
    """A long as Jackson binds it: null and "" are 0, a JSON float is cut, digits may be quoted. Raises Refused (rule
    "json")."""
    text = bytes(raw).decode()
    if text == "null":
        return 0
    if text.startswith('"'):
        text = _STRING.decode(text).strip()
        # Jackson reads a bare NaN as 0; quote_bare_words has quoted it.
        if text in ("", "NaN"):
            return 0
        if not _DIGITS.fullmatch(text):
            raise _unparsable("timestamp is not an integer")
        # Leading zeros count for nothing here, unlike in a value.
        text = re.sub(r"^([+-]?)0+(?=[0-9])", r"\1", text)
    try:
        stamp = number(text)
        return integer(str(math.trunc(stamp)))
    except (ValueError, OverflowError) as error:
        raise _unparsable("timestamp is not a 64-bit integer") from error


def times_column(stamps: Sequence[msgspec.Raw]) -> NDArray[np.int64] | None:
    """int64[n] ms of n timestamps that are all plain integers and legal, or None when any needs a closer look."""
    column = integers_column(stamps)
    return None if column is None else times.all_to_ms(column)


def checked_value(
    raw: msgspec.Raw, text: str | None, stamp: int, metric: str | None, tags: Mapping[str, str | None] | None
) -> Value:
    """The value of a point that may be taken. raw: the field `value`, `text` what text_of makes of it; the rest is the
    point's as it was read, whatever is wrong with it. Raises PointRefused for the first thing that is."""
    if not metric:
        raise PointRefused("metric-empty", "Metric name was empty")
    if stamp <= 0:
        raise PointRefused("timestamp-invalid", "Invalid timestamp")
    if not text:
        raise PointRefused("value-empty", "Empty value")
    if not tags:
        raise PointRefused("tags-missing", "Missing tags")
    value = _value(raw, text)
    if isinstance(value, float) and not math.isfinite(value):
        raise PointRefused("value-infinite", faults.infinite_value(value, metric, stamp))
    if not times.is_legal(stamp):
        raise PointRefused("timestamp-range", faults.bad_timestamp(stamp, text, metric, tags))
    if isinstance(value, str) and len(value.encode()) > limits.OPENTSDB_TEXT_BYTES_MAX:
        raise PointRefused("value-too-long", f"Value is longer than {limits.OPENTSDB_TEXT_BYTES_MAX} bytes")
    return value


_NON_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


def _value(raw: msgspec.Raw, text: str) -> Value:
    """What a field `value` means: `text` is its text. Raises PointRefused when it is a number that no int64 or
    double can hold.

    Alibaba's String and Boolean come first where OpenTSDB only knows numbers; but a quoted number is the number, and
    a quoted NaN or infinity is refused as Alibaba's own example has it.
    """
    spelled = bytes(raw)
    if spelled in (b"true", b"false"):
        return spelled == b"true"
    try:
        return number(text)
    except ValueError as error:
        if spelled[0] != ord('"') or _DIGITS.fullmatch(text) or _NON_FINITE.fullmatch(text):
            raise PointRefused("value-number", NOT_A_NUMBER) from error
        return text
