"""The JSON of /api/mput to columns: each field of a point is a row of its own.

A point is one moment and one set of tags for all of its fields, so both are read once for them, and so are the names
of a point that others of the same shape have brought before.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.model.odd_json.broken import Unread, read_leniently
from headrace.model.odd_json.lenient import JACKSON
from headrace.model.points import Points, Values
from headrace.model.series import SeriesName, series_name
from headrace.model.spelling import KEY_BYTES, Hashing, key_bytes, key_column
from headrace.model.values import ValuesBuilder, numbers_column
from headrace.protocols.opentsdb import faults, times
from headrace.protocols.opentsdb.fields import Field, in_plain_words, series_metric
from headrace.protocols.opentsdb.names import ILLEGAL_CHARACTER
from headrace.protocols.opentsdb.writing.wire import (
    BodyRefused,
    Failure,
    checked_value,
    text_of,
    times_column,
    timestamp_of,
)
from headrace.rules import Rule


class MultiFieldPoint(msgspec.Struct):
    """One point as it was sent: several values of one moment."""

    metric: str | None = None
    timestamp: msgspec.Raw = msgspec.Raw(b"null")
    fields: dict[str, msgspec.Raw] | None = None
    tags: dict[str, str] | None = None


_POINTS = msgspec.json.Decoder(list[MultiFieldPoint])
_POINT = msgspec.json.Decoder(MultiFieldPoint)


_BEGINS_NUMBER: Final = b"-0123456789"

_TUPLE_BYTES: Final = 64
"""Of a tuple, or of an entry of a dict."""


class Shape(NamedTuple):
    """All names of a point, in the order in which they were sent."""

    metric: str
    fields: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]

    def series(self, field: str) -> SeriesName:
        """The name of the series of one of its fields."""
        return series_name(series_metric(Field(self.metric, field)), dict(self.tags))

    def bytes_held(self) -> int:
        """What remembering it takes."""
        texts = (self.metric, *self.fields, *itertools.chain.from_iterable(self.tags))
        return sum(map(sys.getsizeof, texts)) + _TUPLE_BYTES * (len(self.tags) + 3) + KEY_BYTES * len(self.fields)


@dataclass(frozen=True, slots=True)
class DecodedFields:
    """A body as columns.

    sent: its points as they came.   points: what the gate may judge, a row a field, placed by the index of its point.
    wrong: points none of whose fields is taken, by index.   failures: of single fields, placed by the index of their
    point, in the request's order.
    """

    sent: list[MultiFieldPoint | Unread]
    points: Points
    wrong: dict[int, Failure]
    failures: list[Failure]


class _Sound(NamedTuple):
    """The points whose names are right.   starts: int64[n], the row of the first field of each."""

    places: list[int]
    points: list[MultiFieldPoint]
    shapes: list[Shape]
    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]


class FieldDecoder:
    """Reads bodies of /api/mput. Any thread."""

    def __init__(self, table: Hashing) -> None:
        self._keys = _KeysOfShapes(table)

    def __call__(self, body: bytes) -> DecodedFields:
        """A body in valid UTF-8 as columns. Raises Refused when the request fails as a whole."""
        text = body.strip()
        if not text:
            raise Refused("body-empty", "Missing message content")
        sent = read_leniently(_at_once, _POINT.decode, text, JACKSON)
        wrong, sound = self._by_names(sent)
        values = [value for point in sound.points for value in (point.fields or {}).values()]
        times_ms, numbers = times_column([point.timestamp for point in sound.points]), numbers_column(values)
        if times_ms is not None and numbers is not None:
            points = _points(sound, np.repeat(times_ms, sound.counts), numbers)
            decoded = DecodedFields(sent, points, wrong, [])
        else:
            decoded = _Closely(sound, times_ms, values).decode(sent, wrong)
        refused = [*wrong.values(), *decoded.failures]
        if refused and not len(decoded.points) and all(failure.rule == "json" for failure in refused):
            raise BodyRefused(refused[0], len(sent))
        return decoded

    def _by_names(self, sent: Sequence[MultiFieldPoint | Unread]) -> tuple[dict[int, Failure], _Sound]:
        """What is wrong with the names of points, by place, and the other points."""
        wrong: dict[int, Failure] = {}
        places: list[int] = []
        shapes: list[Shape] = []
        keys: list[bytes] = []
        points: list[MultiFieldPoint] = []
        for place, point in enumerate(sent):
            if isinstance(point, Unread):
                wrong[place] = Failure(place, "json", point.words, faults.shown(point.metric))
                continue
            shape = Shape(point.metric or "", tuple(point.fields or ()), tuple((point.tags or {}).items()))
            known = self._keys.get(shape)
            if known is None:
                if problem := _wrong(shape):
                    wrong[place] = Failure(place, *problem, faults.shown(shape.metric))
                    continue
                known = self._keys[shape]
            places.append(place)
            points.append(point)
            shapes.append(shape)
            keys.append(known)
        counts = np.array([len(shape.fields) for shape in shapes], dtype=np.int64)
        return wrong, _Sound(places, points, shapes, key_column(keys), np.cumsum(counts) - counts, counts)


class _KeysOfShapes(dict[Shape, bytes]):
    """The keys of all fields of a shape, one after another; of limits.OPENTSDB_SHAPES_BYTES_MAX of shapes at most. Only
    a shape whose names are right may be asked for. Any thread."""

    def __init__(self, table: Hashing) -> None:
        super().__init__()
        self._table = table
        self._bytes = 0
        self._lock = threading.Lock()

    def __missing__(self, shape: Shape) -> bytes:
        keys = b"".join(key_bytes(self._table.key_of(shape.series(field))) for field in shape.fields)
        size = shape.bytes_held()
        if size > limits.OPENTSDB_SHAPES_BYTES_MAX:
            return keys
        with self._lock:
            if self._bytes + size > limits.OPENTSDB_SHAPES_BYTES_MAX:
                self.clear()
                self._bytes = 0
            self._bytes += size
            self[shape] = keys
        return keys


class _FieldNames:
    """The names of rows (model.points.Names). rows: the rows of `sound` that are left, None for all."""

    def __init__(self, sound: _Sound, rows: NDArray[np.int64] | None) -> None:
        self._shapes = sound.shapes
        self._starts = sound.starts
        self._rows = rows

    def name(self, row: int) -> SeriesName:
        """The name of the series of row `row`."""
        at = row if self._rows is None else int(self._rows[row])
        point = int(np.searchsorted(self._starts, at, side="right")) - 1
        shape = self._shapes[point]
        return shape.series(shape.fields[at - int(self._starts[point])])


def _points(
    sound: _Sound, times_ms: NDArray[np.int64], values: Values, rows: NDArray[np.int64] | None = None
) -> Points:
    """The batch of those rows, None for all; times_ms and values: of these."""
    places = np.repeat(np.array(sound.places, dtype=np.int64), sound.counts)
    names = _FieldNames(sound, rows)
    if rows is None:
        return Points(sound.keys, times_ms, values, names, places)
    return Points(sound.keys[rows], times_ms, values, names, places[rows])


class _Closely:
    """A body that is not all plain numbers: these still go by the column, texts are read and what is refused is worded
    one by one."""

    def __init__(self, sound: _Sound, times_ms: NDArray[np.int64] | None, values: list[msgspec.Raw]) -> None:
        """times_ms: of each point, None when any of them needs a closer look.   values: of all rows."""
        self._sound = sound
        self._taken = np.zeros(len(values), dtype=np.bool_)
        self._times_ms = np.zeros(len(values), dtype=np.int64)
        self._kinds = np.zeros(len(values), dtype=np.uint8)
        self._bits = np.zeros(len(values), dtype=np.int64)
        if times_ms is not None:
            self._take_plain(np.repeat(times_ms, sound.counts), values)

    def decode(self, sent: list[MultiFieldPoint | Unread], wrong: dict[int, Failure]) -> DecodedFields:
        """The rest of the rows, and all as one."""
        failures, read, rows = list[Failure](), ValuesBuilder(), list[int]()
        taken, sound = self._taken.tolist(), self._sound
        for start, place, point, shape in zip(
            sound.starts.tolist(), sound.places, sound.points, sound.shapes, strict=True
        ):
            if all(taken[start : start + len(shape.fields)]):
                continue
            tags = dict(shape.tags)
            for row, (field, raw) in enumerate((point.fields or {}).items(), start):
                if taken[row]:
                    continue
                metric = series_metric(Field(shape.metric, field))
                try:
                    stamp, text = timestamp_of(point.timestamp), text_of(raw)
                    read.add(checked_value(raw, text, stamp, metric, tags))
                except Refused as refused:
                    words = refused.at if refused.rule == "json" else refused.detail
                    failures.append(Failure(place, refused.rule, in_plain_words(words), shown_metric(metric)))
                    continue
                self._times_ms[row] = times.to_ms(stamp)
                rows.append(row)
        values = read.build()
        self._put(np.array(rows, dtype=np.int64), values)
        left = np.flatnonzero(self._taken)
        values = Values(self._kinds[left], self._bits[left], values.heap)
        return DecodedFields(sent, _points(sound, self._times_ms[left], values, left), wrong, failures)

    def _take_plain(self, times_ms: NDArray[np.int64], values: list[msgspec.Raw]) -> None:
        """The numbers, if all that look like one are."""
        rows = [row for row, value in enumerate(values) if bytes(value)[0] in _BEGINS_NUMBER]
        numbers = numbers_column([values[row] for row in rows])
        if numbers is not None:
            self._times_ms[:] = times_ms
            self._put(np.array(rows, dtype=np.int64), numbers)

    def _put(self, rows: NDArray[np.int64], values: Values) -> None:
        self._taken[rows] = True
        self._kinds[rows] = values.kinds
        self._bits[rows] = values.bits


def shown_metric(metric: str) -> str:
    """The stored metric of a field as the log shows it."""
    return faults.shown(in_plain_words(metric))


def _at_once(text: bytes) -> list[MultiFieldPoint]:
    return _POINTS.decode(text) if text.startswith(b"[") else [_POINT.decode(text)]


def _wrong(shape: Shape) -> tuple[Rule, str] | None:
    """The rule that the names of a point break, and the words for it, as put has them."""
    if not shape.metric:
        return "metric-empty", "Metric name was empty"
    if not shape.fields:
        return "fields-missing", "Missing fields"
    if not shape.tags:
        return "tags-missing", "Missing tags"
    named: list[tuple[Rule, str, str]] = [("metric-character", "metric name", shape.metric)]
    named += [("metric-character", "field name", field) for field in shape.fields]
    named += [("tag-key-character", "tag name", key) for key, _ in shape.tags]
    named += [("tag-value-character", "tag value", value) for _, value in shape.tags]
    for rule, what, text in named:
        if not text:
            return rule, f"Invalid {what}: empty string"
        if bad := ILLEGAL_CHARACTER.search(text):
            return rule, f'Invalid {what} ("{faults.shown(text)}"): illegal character: {bad.group()}'
    return None
