"""A store of Python dicts that follows the contract of headrace.store as far as queries need it. For tests only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.model.points import HEAP_LENGTH_BITS, Admitted, Kind, Values
from headrace.model.series import UNKNOWN, CommonTags, SeriesName, SeriesTable, common_tags, series_name
from headrace.store import (
    Check,
    Columns,
    Document,
    DocumentChange,
    DocumentRange,
    Done,
    Item,
    Piece,
    Snapshot,
    TagCondition,
    go_on,
)
from headrace.store.query_memory import QueryAccount, QueryMemory

Value = int | float | bool | str


class MemoryStore:
    """Both the store and its only snapshot."""

    refusing: str | None = None

    def __init__(self) -> None:
        self.table = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
        self.check = go_on
        self.memory = QueryAccount(QueryMemory(10**9))
        self._names: list[SeriesName] = []
        self._points: list[dict[int, Value]] = []
        self._documents: dict[tuple[str, str], bytes] = {}

    def put(self, metric: str, tags: dict[str, str], points: Mapping[int, Value]) -> None:
        """Write points (ms -> value); the last write of a millisecond wins."""
        name = series_name(metric, tags)
        if name not in self._names:
            self.table.register(self.table.key_of(name), name, 0)
            self._names.append(name)
            self._points.append({})
        self._points[self._names.index(name)].update(points)

    async def delete(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> int:
        for one in series.tolist():
            kept = {time: value for time, value in self._points[one].items() if not start_ms <= time <= end_ms}
            self._points[one] = kept
        return 0

    @contextmanager
    def snapshot(self, check: Check = go_on) -> Iterator[MemoryStore]:
        self.check = check
        yield self

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        if role == "metrics":
            found = {name.metric for name in self._names}
        else:
            found = {tag[role == "tagv"] for name in self._names for tag in name.tags}
        return sorted(text for text in found if text.startswith(prefix))[:limit]

    async def commit(
        self,
        changes: Sequence[DocumentChange],
        points: Admitted | None = None,
        deleted: NDArray[np.uint32] | None = None,
    ) -> int:
        if points is not None or deleted is not None:
            raise NotImplementedError
        for change in changes:
            match change:
                case DocumentRange(kind, first, end):
                    gone = [name for name in self._documents if name[0] == kind and first <= name[1] < end]
                    for name in gone:
                        del self._documents[name]
                case Document(kind, key, None):
                    self._documents.pop((kind, key), None)
                case Document(kind, key, bytes(body)):
                    self._documents[kind, key] = body
        return 0

    def document(self, kind: str, key: str) -> bytes | None:
        return self._documents.get((kind, key))

    def documents(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        held = sorted(self._documents.items(), reverse=backwards)
        return [(key, body) for (of, key), body in held if of == kind and first <= key < end][:limit]

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        return [key for key, _ in self.documents(kind, first, end)]

    def find(
        self,
        metric: str,
        conditions: Mapping[str, Sequence[TagCondition]],
        absent: Collection[str] = (),
        exact: bool = False,
    ) -> NDArray[np.uint32]:
        if all(name.metric != metric for name in self._names):
            raise KeyError(metric)
        found = []
        for i, name in enumerate(self._names):
            tags = dict(name.tags)
            others = tags.keys() - conditions.keys()
            if name.metric == metric and _holds(tags, conditions) and not (others if exact else others & set(absent)):
                found.append(i)
        return np.array(found, dtype=np.uint32)

    def find_everywhere(
        self, metrics: TagCondition, conditions: Mapping[str, Sequence[TagCondition]], values: Collection[str] = ()
    ) -> NDArray[np.uint32]:
        found = [
            i
            for i, name in enumerate(self._names)
            if metrics(pa.array([name.metric]))[0]
            and _holds(dict(name.tags), conditions)
            and (not values or any(value in values for _, value in name.tags))
        ]
        return np.array(found, dtype=np.uint32)

    def tag_ids(self, series: NDArray[np.uint32], key: str) -> NDArray[np.uint32]:
        ids: dict[str | None, int] = {None: int(UNKNOWN)}
        return np.array([ids.setdefault(value, len(ids)) for value in self.tag_values(series, key)], dtype=np.uint32)

    def tag_values(self, series: NDArray[np.uint32], key: str) -> NDArray[np.object_]:
        return np.array([dict(self._names[i].tags).get(key) for i in series], dtype=object)

    def common_tags(self, series: NDArray[np.uint32]) -> CommonTags:
        return common_tags(self.names(series))

    def names(self, series: NDArray[np.uint32]) -> list[SeriesName]:
        return [self._names[i] for i in series]

    def keys(self, series: NDArray[np.uint32]) -> NDArray[np.uint64]:
        return self.table.keys(series)

    def with_keys(self, keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
        return self.table.lookup(keys)[0]

    def last(self, series: NDArray[np.uint32], before_ms: int) -> Columns:
        kept, last_times = [], []
        for i in series:
            if times := [time for time in self._points[i] if time <= before_ms]:
                kept.append(i)
                last_times.append(max(times))
        parts = [self.select(_fixed([i], np.uint32), t, t) for i, t in zip(kept, last_times, strict=True)]
        assert all(not part.values.heap for part in parts), "numbers only"
        return Columns(
            _fixed(kept, np.uint32),
            _fixed(list(range(len(kept) + 1)), np.int64),
            _fixed(last_times, np.int64),
            Values(
                np.concatenate([_fixed([], np.uint8), *(part.values.kinds for part in parts)]),
                np.concatenate([_fixed([], np.int64), *(part.values.bits for part in parts)]),
            ),
        )

    def pieces(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> list[Piece]:
        """Series one by one, from the last to the first, in as many stretches as it can be made to say."""
        del start_ms, end_ms
        return [Piece(series[at : at + 1], 3) for at in reversed(range(len(series)))] or [Piece(series)]

    def each(self, items: Sequence[Item], work: Callable[[Snapshot, Item], Done]) -> list[Done]:
        return [work(self, item) for item in items]

    def select(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> Columns:
        kept, starts, times, kinds, bits, heap = [], [0], [], [], [], b""
        for i in series:
            points = {t: v for t, v in sorted(self._points[i].items()) if start_ms <= t <= end_ms}
            if not points:
                continue
            for time, value in points.items():
                times.append(time)
                if isinstance(value, str):
                    # A custom value is the name of its type, NUL, JSON.
                    kinds.append(Kind.CUSTOM if "\0" in value else Kind.TEXT)
                    bits.append(len(heap) << HEAP_LENGTH_BITS | len(value.encode()))
                    heap += value.encode()
                elif isinstance(value, bool):
                    kinds.append(Kind.BOOL)
                    bits.append(int(value))
                elif isinstance(value, int):
                    kinds.append(Kind.INT64)
                    bits.append(value)
                else:
                    kinds.append(Kind.DOUBLE)
                    bits.append(int(np.float64(value).view(np.int64)))
            kept.append(i)
            starts.append(len(times))
        values = Values(_fixed(kinds, np.uint8), _fixed(bits, np.int64), heap)
        return Columns(_fixed(kept, np.uint32), _fixed(starts, np.int64), _fixed(times, np.int64), values)


def _holds(tags: Mapping[str, str], conditions: Mapping[str, Sequence[TagCondition]]) -> bool:
    return all(
        key in tags and all(bool(holds(pa.array([tags[key]]))[0]) for holds in wanted)
        for key, wanted in conditions.items()
    )


def _fixed(numbers: Sequence[int], dtype: type[np.generic]) -> NDArray[Any]:
    """Read-only, as what a store reads from a file may be."""
    array = np.array(numbers, dtype=dtype)
    array.flags.writeable = False
    return array
