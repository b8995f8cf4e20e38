"""The JSON of /api/put, by the type and not by hand: what a point is, and the reference decoder from a body to columns.

Three kinds of trouble: a body of which nothing is JSON of a point fails as a whole (Refused); a point that is none, or
has a wrong field, fails alone (Failure), though OpenTSDB refuses all others with the former; a name is the gate's to
judge. A batch without trouble is read by columns; any trouble sends the whole batch through `_Slow`, point by point,
which words it.

Texts are kept raw until their column is read: `1` and `1.0` differ as values, `1.50` as a tag stays `1.50`, and an
error repeats its point as it was sent.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.intake import Refusal
from headrace.model.json_pieces import Piece, has_at_most
from headrace.model.odd_json.broken import Unread
from headrace.model.points import Names, Points, join_values
from headrace.model.series import SeriesName, series_name
from headrace.model.spelling import Hashing, KeyCache, SpelledNames, Spelling, key_column
from headrace.model.values import Value, ValuesBuilder, integers_column, numbers_column
from headrace.protocols.opentsdb import faults, times
from headrace.protocols.opentsdb.values import BLANKS, integer, number
from headrace.protocols.opentsdb.writing.bodies import Incoming, IncomingPoint, LargeBody, incoming_points, is_large

UNPARSABLE: Final = "Unable to parse the given JSON"
NOT_A_NUMBER: Final = "Unable to parse value to a number"
_STRING = msgspec.json.Decoder(str)
_TAGS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Failure(NamedTuple):
    """A point that is not taken: its index in the request, the broken rule's stable name, the words for the sender, and
    the metric as far as it can be seen, cut."""

    place: int
    rule: str
    error: str
    metric: str = ""

    @property
    def about(self) -> str:
        """Which point it is."""
        return f"[{self.place}] {self.metric}" if self.metric else f"[{self.place}]"

    def refusal(self) -> Refusal:
        """As the log tells of it."""
        return Refusal(self.rule, f"[{self.place}]", self.metric, self.error)


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


Decode = Callable[[bytes], Decoded]
"""From a body in valid UTF-8 to columns. Raises Refused when the request fails as a whole. Any thread."""


def _unparsable(detail: str) -> Refused:
    return Refused("json", UNPARSABLE, detail)


class ReferenceDecoder:
    """The decoder that decides what every body means (a Decode). Faster ones must equal it."""

    def __init__(self, table: Hashing) -> None:
        self._keys = KeyCache(table, read_name)

    def __call__(self, body: bytes) -> Decoded:
        """The body as columns. Raises Refused when the request fails as a whole."""
        decoded = self._large(LargeBody(body)) if is_large(body) else self._decoded(incoming_points(body))
        if decoded.total and decoded.by_rule["json"] == decoded.total:
            raise BodyRefused(decoded.failures[0], decoded.total)
        return decoded

    def _large(self, large: LargeBody) -> Decoded:
        decoded = [self._without_names(large, piece) for piece in large.pieces]
        if large.tail is not None:
            tail = self._decoded([large.tail])
            decoded.append(_moved(tail, large.total, tail.points.names))
        return _joined(large, decoded) if decoded else self._decoded([])

    def _without_names(self, large: LargeBody, piece: Piece) -> Decoded:
        decoded = self._decoded(large.read(piece))
        # The names are read again where the gate asks for them, so that the spellings need not stay.
        return _moved(decoded, piece.first, _NamesOfLargeBody(large, decoded.points.places + piece.first))

    def _decoded(self, incoming: list[Incoming]) -> Decoded:
        return self._by_columns(incoming) or _Slow(self._keys).decode(incoming)

    def _by_columns(self, incoming: list[Incoming]) -> Decoded | None:
        """A batch of numbers without trouble; None when any point needs a closer look."""
        points = [point for point in incoming if isinstance(point, IncomingPoint)]
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


class BodyRefused(Refused):
    """Refused, since nothing in a body is JSON of a point.   points: how many there might have been."""

    def __init__(self, first: Failure, points: int) -> None:
        super().__init__("json", UNPARSABLE, f"{first.about}: {first.error}")
        self.points = points


def _moved(decoded: Decoded, by: int, names: Names) -> Decoded:
    """The same so many places further on, and with these names."""
    points = dataclasses.replace(decoded.points, names=names, places=decoded.points.places + by)
    failures = [failure._replace(place=failure.place + by) for failure in decoded.failures]
    return dataclasses.replace(decoded, points=points, failures=failures)


class _NamesOfLargeBody:
    """The names of points of a large body (model.points.Names). places: int64[n], of each."""

    def __init__(self, body: LargeBody, places: NDArray[np.int64]) -> None:
        self._body = body
        self._places = places

    def name(self, row: int) -> SeriesName:
        """The name of the series of row `row`."""
        point = self._body.point(int(self._places[row]))
        assert isinstance(point, IncomingPoint), "nothing else has a row"
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
    total = sum(piece.total for piece in pieces)
    return Decoded(points, list(itertools.islice(failures, limits.REFUSALS_WORDED_MAX)), total, by_rule)


class PointRefused(Refused):
    """Refused for the value of a field, not for its shape."""


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

    def decode(self, incoming: list[Incoming]) -> Decoded:
        """All points."""
        for place, point in enumerate(incoming):
            try:
                self._take(place, point)
            except Refused as refusal:
                self._by_rule[refusal.rule] += 1
                if len(self._failures) < limits.REFUSALS_WORDED_MAX:
                    words = refusal.at if refusal.rule == "json" else refusal.detail
                    self._failures.append(Failure(place, refusal.rule, words, _metric_shown(point)))
        points = Points(
            key_column(self._keys),
            np.array(self._times, dtype=np.int64),
            self._values.build(),
            SpelledNames(self._spellings, read_name),
            np.array(self._places, dtype=np.int64),
        )
        return Decoded(points, self._failures, len(incoming), self._by_rule)

    def _take(self, place: int, point: Incoming) -> None:
        if point is None:
            raise PointRefused("null-point", "Unexpected null datapoint encountered in set.")
        if isinstance(point, Unread):
            raise _unparsable(point.words)
        metric, tags = text_of(point.metric), read_tags(bytes(point.tags))
        stamp, text = timestamp_of(point.timestamp), text_of(point.value)
        value = checked_value(point.value, text, stamp, metric, tags)
        spelling = (bytes(point.metric), bytes(point.tags))
        self._keys.append(self._cache[spelling])
        self._values.add(value)
        self._times.append(times.to_ms(stamp))
        self._spellings.append(spelling)
        self._places.append(place)


def _metric_shown(point: Incoming) -> str:
    """The metric of a point that is refused, as the log shows it."""
    if isinstance(point, IncomingPoint):
        metric = bytes(point.metric)
        return faults.shown(_STRING.decode(metric) if metric.startswith(b'"') else "")
    return faults.shown(point.metric) if point else ""


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
        # Jackson reads a bare NaN as 0; odd_json has quoted it.
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

    Alibaba's String and Boolean come first where OpenTSDB only knows numbers; but a quoted number is the number, blanks
    around it or not, and a quoted NaN or infinity is refused as Alibaba's own example has it.
    """
    spelled = bytes(raw)
    if spelled in (b"true", b"false"):
        return spelled == b"true"
    try:
        return number(text)
    except ValueError as error:
        cut = text.strip(BLANKS)
        if spelled[0] != ord('"') or _DIGITS.fullmatch(cut) or _NON_FINITE.fullmatch(cut):
            raise PointRefused("value-number", NOT_A_NUMBER) from error
        return text
