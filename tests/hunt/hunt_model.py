"""What a store should hold: a dict of dicts, and the words in which store and dict are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values
from headrace.model.series import SeriesName
from headrace.model.time import ALL_TIME
from headrace.store import Columns


class Value(NamedTuple):
    """payload: the bits, or the UTF-8 of a text."""

    kind: Kind
    payload: int | bytes


class Point(NamedTuple):
    name: SeriesName
    time: int
    value: Value
    expires: int
    arrival: int = NO_ARRIVAL


class Seen(NamedTuple):
    time: int
    value: Value
    arrival: int = NO_ARRIVAL


Contents = dict[SeriesName, list[Seen]]


@dataclass(frozen=True)
class Batch:
    """What one append brings."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Deletion:
    series: tuple[SeriesName, ...]
    start_ms: int
    end_ms: int


class Paper(NamedTuple):
    """A change of a document; no body takes it away."""

    kind: str
    key: str
    body: bytes | None


class Papers(NamedTuple):
    """A range of documents that are taken away."""

    kind: str
    first: str
    end: str


@dataclass(frozen=True)
class Bundle:
    """What one commit brings, in this order: series deleted, points, changes of documents."""

    deleted: tuple[SeriesName, ...]
    batch: Batch
    papers: tuple[Paper | Papers, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.deleted or self.batch.points or self.papers)


Change = Batch | Deletion | Bundle

RETENTION = {"disk": "90s"}
"""The setting of every hunt: short enough that the clock passes it."""

RETENTION_MS = {"disk": 90_000}


@dataclass
class Model:
    """names: the series that were ever committed.   hidden: those of them that a delete of all time has taken away."""

    names: set[SeriesName] = field(default_factory=set)
    hidden: set[SeriesName] = field(default_factory=set)
    points: dict[SeriesName, dict[int, Point]] = field(default_factory=dict)
    papers: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def shown(self) -> set[SeriesName]:
        return self.names - self.hidden

    def copy(self) -> Model:
        points = {name: dict(points) for name, points in self.points.items()}
        return Model(set(self.names), set(self.hidden), points, dict(self.papers))

    def register(self, names: Iterable[SeriesName]) -> None:
        self.names.update(names)

    def apply(self, change: Change) -> None:
        match change:
            case Batch():
                for point in change.points:
                    self.points.setdefault(point.name, {})[point.time] = point
                    self.hidden.discard(point.name)
            case Deletion():
                for name in change.series:
                    self._delete(name, change.start_ms, change.end_ms)
            case Bundle():
                self.apply(Deletion(change.deleted, *ALL_TIME))
                self.apply(change.batch)
                for paper in change.papers:
                    self._file(paper)

    def _file(self, paper: Paper | Papers) -> None:
        match paper:
            case Papers(kind, first, end):
                for name in [name for name in self.papers if name[0] == kind and first <= name[1] < end]:
                    del self.papers[name]
            case Paper(kind, key, None):
                self.papers.pop((kind, key), None)
            case Paper(kind, key, bytes(body)):
                self.papers[kind, key] = body

    def _delete(self, name: SeriesName, start_ms: int, end_ms: int) -> None:
        points = self.points.get(name, {})
        for time in [time for time in points if start_ms <= time <= end_ms]:
            del points[time]
        if start_ms <= ALL_TIME.start_ms and end_ms >= ALL_TIME.end_ms:
            self.hidden.add(name)

    def contents(self, now_ms: int, start_ms: int = -(2**63), end_ms: int = 2**63 - 1) -> Contents:
        """Winner first, then expiry and retention, then value; series without a point are left out."""
        found = {}
        for name, points in self.points.items():
            oldest_ms = now_ms - RETENTION_MS[name.metric] if name.metric in RETENTION_MS else start_ms
            seen = [
                Seen(time, point.value, point.arrival)
                for time, point in sorted(points.items())
                if max(start_ms, oldest_ms) <= time <= end_ms and point.expires > now_ms
            ]
            if seen:
                found[name] = seen
        return found


def value_at(values: Values, row: int) -> Value:
    kind, bits = Kind(values.kinds[row]), int(values.bits[row])
    if kind < Kind.TEXT:
        return Value(kind, bits)
    offset, length = bits >> HEAP_LENGTH_BITS, bits & ((1 << HEAP_LENGTH_BITS) - 1)
    return Value(kind, values.heap[offset : offset + length])


def arrival_at(arrivals: NDArray[np.int64] | None, row: int) -> int:
    return NO_ARRIVAL if arrivals is None else int(arrivals[row])


def contents_of(columns: Columns, names: list[SeriesName]) -> Contents:
    """The answer of a select, names beside it; asserts what the contract says of its form."""
    assert len(names) == len(columns.series)
    assert len(columns.starts) == len(names) + 1
    assert columns.starts[0] == 0
    assert columns.starts[-1] == len(columns.times) == len(columns.values)
    found = {}
    for place, name in enumerate(names):
        rows = range(int(columns.starts[place]), int(columns.starts[place + 1]))
        assert rows, f"{name} is in the answer without a point"
        assert np.all(np.diff(columns.times[rows.start : rows.stop]) > 0), f"times of {name} do not rise"
        found[name] = [
            Seen(int(columns.times[row]), value_at(columns.values, row), arrival_at(columns.arrivals, row))
            for row in rows
        ]
    assert len(found) == len(names), "a series is in the answer twice"
    return found


def difference(found: Contents, expected: Contents) -> str:
    """The first few points in which they differ; empty when they do not."""
    if found == expected:
        return ""
    lines = []
    for name in sorted(found.keys() | expected.keys()):
        ours, theirs = ({seen.time: seen for seen in all_of.get(name, [])} for all_of in (found, expected))
        for time in sorted(ours.keys() | theirs.keys()):
            if ours.get(time) != theirs.get(time):
                lines.append(f"{name.metric}{dict(name.tags)}: {ours.get(time)} instead of {theirs.get(time)}")
    more = f"\n... {len(lines) - 5} more" if len(lines) > 5 else ""
    return "\n".join(lines[:5]) + more
