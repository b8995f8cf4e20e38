"""Queries that group first and then run a chain of aggregators over each group, each on the output of the one before
(KairosDB: KairosDatastore). Knows no dialect.

Order of work: select, limit each series, split by type and by tags, then by time and value, limit each result,
aggregate. Aggregators always see points ascending in time; a descending order turns around what a limit keeps and the
answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.storing.texts import begins_with
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Kind, Values
from headrace.model.query import Selection
from headrace.model.time import TimeRange
from headrace.query import groups
from headrace.query.chain.rows import Rows
from headrace.query.chain.splits import Split, split
from headrace.query.chain.within_ranges import Folding, Part
from headrace.store import Columns, Piece, Snapshot
from headrace.store.query_memory import Hold, uncounted

SCRATCH_POINT_BYTES = 8 + 8 + 17 + 17
"""An order of rows, times, the points of a group and what a step makes of them, if nothing makes them fewer."""

NUMBER: Final = "number"
TEXT: Final = "text"
"""Groups of types, as `Step` and `Result` name them; a custom value's group is what its type's name stands for."""

_Tagged = list[tuple[tuple[str, ...], NDArray[np.uint32]]]
"""The values of the tags by which a query groups, and the series that have them."""

Label = TypeVar("Label")

GroupOf = Callable[[str], str]
"""From the name of a custom type to its group."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Where the points that pass a step are also to be written."""

    metric: str
    tags: Mapping[str, str]
    ttl_s: int
    from_tag: bool


class Step(NamedTuple):
    """One aggregator. apply: makes rows of rows; None: they pass by it.   numbers_only: it takes no other type; results
    of one pass by it.   gives: the type of what it makes, None: as it was.   saved: what passes is to be kept as well.
    fold: does what `apply` does, of some of the series at a time.   holding: in place of `apply`, of a step that may
    need far more memory than it is given: it counts that first.   of_type: what stands in its place for results of
    these types.   reads_from_ms: from when on it needs points, None: from the start of the query."""

    apply: Callable[[Rows], Rows] | None
    numbers_only: bool = False
    gives: str | None = None
    saved: Saved | None = None
    fold: Folding | None = None
    holding: Callable[[Rows, Hold], Rows] | None = None
    of_type: Mapping[str, Step] = MappingProxyType({})
    reads_from_ms: int | None = None

    def made_of(self, rows: Rows, hold: Hold) -> Rows:
        """What it makes."""
        if self.holding is not None:
            return self.holding(rows, hold)
        return rows if self.apply is None else self.apply(rows)


@dataclass(frozen=True, slots=True)
class ChainQuery:
    """range: what is asked for; steps may need points before it.   tag_keys: series with equal values of these make a
    group, None: all are one.   limit: 0 for none."""

    selection: Selection
    range: TimeRange
    limit: int = 0
    descending: bool = False
    tag_keys: tuple[str, ...] | None = None
    splits: tuple[Split, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def read(self) -> TimeRange:
        """What is read."""
        early = [step.reads_from_ms for step in self.steps if step.reads_from_ms is not None]
        return self.range._replace(start_ms=min([self.range.start_ms, *early]))


class _Folded(NamedTuple):
    """What a piece brings. size: points read.   first_expiry_ms: see store.Columns.   parts: of each of its groups, by
    number, the part and its series."""

    size: int
    first_expiry_ms: int
    parts: list[tuple[int, Part, NDArray[np.uint32]]]


class _NotNumbersError(Exception):
    """A piece holds other values as well."""


class Result(NamedTuple):
    """One group. series: uint32[m], those that have points in it, none where nothing was found.   tag_values: one for
    each of the query's tag_keys, "" where the tag is absent.   numbers: one for each of its splits.   rows: one series,
    in the order of the answer.   saves: what is to be written, where."""

    series: NDArray[np.uint32]
    type: str
    tag_values: tuple[str, ...]
    numbers: tuple[int, ...]
    rows: Rows
    saves: tuple[tuple[Saved, Rows], ...]


class Answer(NamedTuple):
    """sample_size: points read.   results: by type, then tags, then first point, or where the order descends last point
    from the newest on; types are in alphabetical order, tags in that of each name with its value behind, joined
    (KairosDB: KairosDatastore.getTagsKey).   first_expiry_ms: see store.Columns."""

    sample_size: int
    results: list[Result]
    first_expiry_ms: int = NEVER


def nothing(query: ChainQuery) -> Answer:
    """The answer where no points are found, as KairosDB 1.3.0 gives it: one result of no series, which passes all steps
    like any other; none where groups are made by what points are. Raises as `run`."""
    if query.splits:
        return Answer(0, [])
    rows, _, _ = _chained(Rows.empty(), NUMBER, query.steps, uncounted)
    return Answer(0, [Result(np.empty(0, np.uint32), NUMBER, ("",) * len(query.tag_keys or ()), (), rows, ())])


def run(snapshot: Snapshot, query: ChainQuery, group_of: GroupOf) -> Answer:
    """Answer the query. Raises Refused: "metric-unknown" (detail the name), "query-points", "same-time" (detail "rate"
    or "sampler")."""
    answer = _found(snapshot, query, group_of)
    return answer if answer.sample_size else nothing(query)


def _found(snapshot: Snapshot, query: ChainQuery, group_of: GroupOf) -> Answer:
    series = groups.find(snapshot, query.selection)
    tagged = _by_tags(snapshot, series, query.tag_keys or ())
    answer = _folded(snapshot, query, series, tagged)
    if answer is not None:
        return answer
    results: list[Result] = []
    with snapshot.memory.scratch():
        read = snapshot.select(np.concatenate([part for _, part in tagged] or [series]), *query.read)
        snapshot.memory.hold(SCRATCH_POINT_BYTES * len(read))
        columns = _limited_columns(read, query.limit, query.descending)
        for type_name, of_type in sorted(_by_type(columns, group_of).items()):
            for tag_values, group in _tag_groups(of_type, tagged):
                snapshot.check()
                results += _group_results(group, type_name, tag_values, query, snapshot.memory.hold)
    snapshot.memory.hold(_bytes_of(results))
    return Answer(len(columns), results, read.first_expiry_ms)


def _bytes_of(results: Sequence[Result]) -> int:
    """What they keep in memory. Some are views, which keep all of the columns that they show a part of."""
    kept: dict[int, int] = {}
    for result in results:
        for rows in (result.rows, *(rows for _, rows in result.saves)):
            weights = () if rows.weights is None else (rows.weights,)
            for column in (rows.times, rows.values.kinds, rows.values.bits, *weights):
                whole = column if column.base is None else column.base
                kept[id(whole)] = whole.nbytes if isinstance(whole, np.ndarray) else column.nbytes
            kept[id(rows.values.heap)] = len(rows.values.heap)
    return sum(kept.values())


def _folded(snapshot: Snapshot, query: ChainQuery, series: NDArray[np.uint32], tagged: _Tagged) -> Answer | None:
    """The answer where the first step can be done piece by piece, so that the raw points never lie in memory together;
    None where it can not, where all are one piece, and where not all are numbers."""
    fold = query.steps[0].fold if query.steps else None
    if fold is None or query.limit or query.splits:
        return None
    pieces = snapshot.pieces(series, *query.read)
    if len(pieces) <= 1:
        return None
    try:
        folded = snapshot.each(pieces, partial(_folded_piece, query, fold, tagged))
    except _NotNumbersError:
        return None
    parts: list[list[Part]] = [[] for _ in tagged]
    present: list[list[NDArray[np.uint32]]] = [[] for _ in tagged]
    for number, part, part_series in chain.from_iterable(piece.parts for piece in folded):
        parts[number].append(part)
        present[number].append(part_series)
    results = []
    for (tag_values, _), group_parts, group_series in zip(tagged, parts, present, strict=True):
        if group_parts:
            rows, type_after, saves = _chained(fold.whole(group_parts), NUMBER, query.steps[1:], snapshot.memory.hold)
            rows = rows.taken(slice(None, None, -1)) if query.descending else rows
            results.append(Result(np.concatenate(group_series), type_after, tag_values, (), rows, saves))
    first_expiry_ms = min(piece.first_expiry_ms for piece in folded)
    return Answer(sum(piece.size for piece in folded), results, first_expiry_ms)


def _folded_piece(query: ChainQuery, fold: Folding, tagged: _Tagged, snapshot: Snapshot, piece: Piece) -> _Folded:
    """Raises _NotNumbersError."""
    snapshot.check()
    ordered = np.concatenate([part for _, part in tagged])
    codes = np.repeat(np.arange(len(tagged)), [len(part) for _, part in tagged])
    own = np.isin(ordered, piece.series)
    numbers, firsts = np.unique(codes[own], return_index=True)
    tagged_of_piece = list(zip(numbers.tolist(), np.split(ordered[own], firsts[1:]), strict=True))
    with snapshot.memory.scratch():
        columns = snapshot.select(ordered[own], *query.read)
        snapshot.memory.hold(SCRATCH_POINT_BYTES * len(columns))
        if columns.values.kinds.max(initial=0) > Kind.INT64:
            raise _NotNumbersError
        parts = [
            (number, fold.part(Rows(group.starts, group.times, group.values)), group.series)
            for number, group in _tag_groups(columns, tagged_of_piece)
        ]
    snapshot.memory.hold(sum(column.nbytes for _, part, _ in parts for column in part))
    return _Folded(len(columns), columns.first_expiry_ms, parts)


def _group_results(
    group: Columns, type_name: str, tag_values: tuple[str, ...], query: ChainQuery, hold: Hold
) -> Iterator[Result]:
    parts = split(Rows(group.starts, group.times, group.values), query.splits, query.descending)
    for numbers, part in parts:
        rows, type_after, saves = _chained(_limited(part, query.limit, query.descending), type_name, query.steps, hold)
        if query.descending:
            rows = rows.taken(slice(None, None, -1))
        yield Result(group.series, type_after, tag_values, numbers, rows, saves)


def _chained(
    rows: Rows, type_name: str, steps: tuple[Step, ...], hold: Hold
) -> tuple[Rows, str, tuple[tuple[Saved, Rows], ...]]:
    """(one series, its type, what is to be saved) after all steps that take its type."""
    saves: list[tuple[Saved, Rows]] = []
    for asked in steps:
        step = asked.of_type.get(type_name, asked)
        if step.numbers_only and type_name != NUMBER:
            continue
        with np.errstate(all="ignore"):  # what no double can hold, the room refuses when it writes the answer
            rows = step.made_of(rows, hold)
        type_name = step.gives or type_name
        if step.saved is not None:
            saves.append((step.saved, rows))
    return rows.merged(), type_name, tuple(saves)


def _by_tags(
    snapshot: Snapshot, series: NDArray[np.uint32], keys: tuple[str, ...]
) -> list[tuple[tuple[str, ...], NDArray[np.uint32]]]:
    """The series of each combination of values, in the order that `Answer` tells."""
    if not keys:
        return [((), series)]
    found: dict[tuple[str, ...], list[int]] = {}
    values = (["" if value is None else value for value in snapshot.tag_values(series, key)] for key in keys)
    for at, combination in enumerate(zip(*values, strict=True)):
        found.setdefault(combination, []).append(at)

    def in_java(group: tuple[tuple[str, ...], list[int]]) -> tuple[bytes, tuple[str, ...]]:
        joined = "".join(key + value for key, value in zip(keys, group[0], strict=True))
        return joined.encode("utf-16-be"), group[0]

    return [(combination, series[rows]) for combination, rows in sorted(found.items(), key=in_java)]


def _tag_groups(
    columns: Columns, tagged: Sequence[tuple[Label, NDArray[np.uint32]]]
) -> Iterator[tuple[Label, Columns]]:
    """The groups that have points: columns come in the order of `tagged`, without the series that have none."""
    if len(tagged) == 1:
        bounds = [0, len(columns.series)]
    else:
        codes = np.repeat(np.arange(len(tagged)), [len(part) for _, part in tagged])
        series = np.concatenate([part for _, part in tagged])
        by_ordinal = np.argsort(series)
        found = codes[by_ordinal[np.searchsorted(series, columns.series, sorter=by_ordinal)]]
        bounds = np.searchsorted(found, np.arange(len(tagged) + 1)).tolist()
    for (tag_values, _), (first, end) in zip(tagged, pairwise(bounds), strict=True):
        if first < end:
            rows = slice(int(columns.starts[first]), int(columns.starts[end]))
            values = Values(columns.values.kinds[rows], columns.values.bits[rows], columns.values.heap)
            starts = columns.starts[first : end + 1] - columns.starts[first]
            yield tag_values, Columns(columns.series[first:end], starts, columns.times[rows], values)


def _by_type(columns: Columns, group_of: GroupOf) -> dict[str, Columns]:
    """The points of each group of types; only series that have some."""
    kinds = columns.values.kinds
    if not len(kinds):
        return {}
    if kinds.max() <= Kind.INT64:
        return {NUMBER: columns}
    masks = {NUMBER: kinds <= Kind.INT64, TEXT: (kinds == Kind.BOOL) | (kinds == Kind.TEXT)}
    for name, mask in _custom_types(columns.values):
        group = group_of(name)
        masks[group] = masks[group] | mask if group in masks else mask
    return {group: _masked(columns, mask) for group, mask in masks.items() if mask.any()}


def _custom_types(values: Values) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each type name among the custom values, and where it stands."""
    left = values.kinds == Kind.CUSTOM
    heap = np.frombuffer(values.heap, dtype=np.uint8)
    while left.any():
        name = values.text(int(np.argmax(left))).partition("\0")[0]
        rows = np.flatnonzero(left)
        matches = np.empty(len(rows), dtype=np.bool_)
        prefix = np.frombuffer(name.encode() + b"\0", dtype=np.uint8)
        begins_with(heap, values.bits[rows] >> HEAP_LENGTH_BITS, prefix, matches)
        mask = np.zeros(len(left), dtype=np.bool_)
        mask[rows[matches]] = True
        yield name, mask
        left &= ~mask


def _masked(columns: Columns, mask: NDArray[np.bool_]) -> Columns:
    starts = np.insert(np.cumsum(mask), 0, 0)[columns.starts]
    kept = np.diff(starts) > 0
    values = Values(columns.values.kinds[mask], columns.values.bits[mask], columns.values.heap)
    return Columns(
        columns.series[kept], np.append(starts[:-1][kept], starts[-1]).astype(np.int64), columns.times[mask], values
    )


def _limited_columns(columns: Columns, limit: int, descending: bool) -> Columns:
    """At most `limit` points of each series, the last ones where the order descends."""
    lengths = np.diff(columns.starts)
    if not limit or not (lengths > limit).any():
        return columns
    kept = np.minimum(lengths, limit)
    firsts = columns.starts[1:] - kept if descending else columns.starts[:-1]
    starts = np.insert(np.cumsum(kept), 0, 0)
    rows = np.repeat(firsts - starts[:-1], kept) + np.arange(starts[-1])
    values = Values(columns.values.kinds[rows], columns.values.bits[rows], columns.values.heap)
    return Columns(columns.series, starts, columns.times[rows], values)


def _limited(rows: Rows, limit: int, descending: bool) -> Rows:
    if not limit or len(rows) <= limit:
        return rows
    rows = rows.merged()
    return rows.taken(slice(len(rows) - limit, None) if descending else slice(limit))
