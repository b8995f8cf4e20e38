"""The JSON of /api/put, by the type and not by hand: what a point is, and the reference decoder from a body to columns.

Three kinds of trouble, as in OpenTSDB: a body that is no JSON of points fails as a whole (Refused); a point with a
wrong field fails alone (Failure); a name is the gate's to judge. A batch without trouble is read by columns; any
trouble sends the whole batch through `_Slow`, point by point, which words it.

Texts are kept raw until their column is read: `1` and `1.0` differ as values, `1.50` as a tag stays `1.50`, and an
error repeats its point as it was sent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.model.bare_words import quote_bare_words
from headrace.model.points import Points
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
        """The point as JSON, its fields spelled as they were sent, nulls left out."""
        fields = (
            (b"metric", self.metric),
            (b"timestamp", self.timestamp),
            (b"value", self.value),
            (b"tags", self.tags),
        )
        return b"{" + b",".join(b'"%s":%s' % (key, bytes(raw)) for key, raw in fields if bytes(raw) != b"null") + b"}"


_ARRAY = msgspec.json.Decoder(list[IncomingPoint | None])
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
    """A body as columns. points: what the gate may judge; failures: the others, in the request's order; total: both."""

    points: Points
    failures: list[Failure]
    total: int


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
    body = body.strip(_JAVA_BLANKS)
    if not body:
        raise Refused("body-empty", "Missing request content")
    if body[0] not in b"{[":
        raise Refused("json", "The JSON must start as an object or an array")
    try:
        return _read(body)
    except msgspec.DecodeError as error:
        raise _unparsable(str(error)) from error
    except RecursionError as error:
        raise _unparsable("JSON is nested too deeply") from error


def _read(body: bytes) -> list[IncomingPoint | None]:
    decode = _decode_one if body.startswith(b"{") else _ARRAY.decode
    try:
        return decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        quoted = quote_bare_words(body)
        if quoted == body:
            raise
    return decode(quoted)


def _decode_one(body: bytes) -> list[IncomingPoint | None]:
    return [_OBJECT.decode(body)]


def _unparsable(detail: str) -> Refused:
    return Refused("json", UNPARSABLE, detail)


class ReferenceDecoder:
    """The decoder that decides what every body means (a Decode). Faster ones must equal it."""

    def __init__(self, table: Hashing) -> None:
        self._keys = KeyCache(table, read_name)

    def __call__(self, body: bytes) -> Decoded:
        """The body as columns. Raises Refused when the request fails as a whole."""
        incoming = incoming_points(body)
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

    def decode(self, incoming: list[IncomingPoint | None]) -> Decoded:
        """All points; raises Refused as soon as one of them fails the request as a whole."""
        for place, point in enumerate(incoming):
            try:
                self._take(place, point)
            except PointRefused as refusal:
                self._failures.append(Failure(place, refusal.rule, refusal.detail))
        points = Points(
            key_column(self._keys),
            np.array(self._times, dtype=np.int64),
            self._values.build(),
            SpelledNames(self._spellings, read_name),
            np.array(self._places, dtype=np.int64),
        )
        return Decoded(points, self._failures, len(incoming))

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
    """Tags, the last of equal keys, numbers and booleans as spelled. Raises Refused (rule "json")."""
    if text == b"null":
        return None
    if not text.startswith(b"{"):
        raise _unparsable("tags must be an object")
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
