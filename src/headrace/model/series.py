"""A series: its name, the 128-bit key that its name decides, and the table from keys to dense ordinals."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Final, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Unavailable
from headrace.kernels.hashing import PADDING, hash_name
from headrace.kernels.series import table as kernel
from headrace.kernels.series.name_columns import take_names
from headrace.model.series_limits import Held, NamesOfRequest, SeriesLimits

_T = TypeVar("_T", bound=np.generic)

UNKNOWN = np.uint32(0xFFFFFFFF)
"""Ordinal of a key that the table does not hold."""

Key = tuple[int, int]


class SeriesName(NamedTuple):
    """A metric name and its tags, sorted by tag key; two names with the same tags in another order are equal."""

    metric: str
    tags: tuple[tuple[str, str], ...]


def series_name(metric: str, tags: dict[str, str]) -> SeriesName:
    """The name made of a metric and its tags in any order."""
    return SeriesName(metric, tuple(sorted(tags.items())))


FIELD_SEPARATOR: Final = "\x1f"
"""Parts the name of a metric from that of one of its fields, which together are the metric name of a series of its own.
No plain metric of those who have fields may hold it (OpenTSDB, Alibaba TSDB)."""


class CommonTags(NamedTuple):
    """Of a group of series, by key. tags: those whose values agree wherever they occur.   differing: the keys of the
    others, sorted (OpenTSDB: SpanGroup.computeTags)."""

    tags: dict[str, str]
    differing: list[str]


def common_tags(names: Sequence[SeriesName]) -> CommonTags:
    """Of at least one series."""
    tags = dict(names[0].tags)
    differing: set[str] = set()
    for name in names[1:]:
        for key, value in name.tags:
            if tags.setdefault(key, value) != value:
                differing.add(key)
    return CommonTags({key: tags[key] for key in sorted(tags) if key not in differing}, sorted(differing))


def encode_name(name: SeriesName) -> bytes:
    """The canonical bytes of a name: metric, key 1, value 1, key 2, value 2 … in the order of the keys, each part as
    its length in bytes (unsigned LEB128) and its UTF-8. Journal and catalog hold names in this form."""
    encoded = bytearray()
    for part in (name.metric, *chain.from_iterable(name.tags)):
        text = part.encode()
        length = len(text)
        while length >= 0x80:
            encoded.append(length & 0x7F | 0x80)
            length >>= 7
        encoded.append(length)
        encoded += text
    return bytes(encoded)


def decode_name(encoded: bytes) -> SeriesName:
    """The name of its canonical bytes; of no bytes at all, the empty name that stands for a lost one.

    Raises ValueError when they are not what encode_name makes.
    """
    parts = []
    at, end = 0, len(encoded)
    while at < end:
        length = encoded[at]
        at += 1
        if length >= 0x80:
            length, at = _long_length(encoded, at)
        begin = at
        at += length
        if at > end:
            raise ValueError("a part of a name is longer than the name")
        parts.append(encoded[begin:at].decode())
    if not parts:
        return LOST_NAME
    if len(parts) % 2 == 0:
        raise ValueError("a tag of a name has no value")
    return SeriesName(parts[0], tuple(zip(parts[1::2], parts[2::2], strict=True)))


def _long_length(encoded: bytes, at: int) -> tuple[int, int]:
    """A length whose first byte, before `at`, says that more follow; and where it ends."""
    length, shift = encoded[at - 1] & 0x7F, 7
    while at < len(encoded):
        length |= (encoded[at] & 0x7F) << shift
        shift += 7
        at += 1
        if encoded[at - 1] < 0x80:
            return length, at
    raise ValueError("a name ends inside a length")


LOST_NAME = SeriesName("", ())
"""The name of an ordinal whose record was damaged. No registered series has it: every room wants a metric."""


class EncodedNames(NamedTuple):
    """Names in canonical form (encode_name), one after another in `heap`: uint8; lengths: uint32[n], bytes of each."""

    lengths: NDArray[np.uint32]
    heap: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class NewSeries:
    """Series of consecutive ordinals, as the journal and the catalog hold them.

    first: ordinal of the first one.   keys: uint64[n, 2].   lengths: uint32[n], bytes of each canonical name.
    heap: uint8[sum of lengths], the canonical names (encode_name) one after another.
    """

    first: int
    keys: NDArray[np.uint64]
    lengths: NDArray[np.uint32]
    heap: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def end(self) -> int:
        """The ordinal after the last one."""
        return self.first + len(self)

    def cut(self, series_max: int, bytes_max: int, begin: int = 0) -> Iterator[NewSeries]:
        """From row `begin` on, in pieces of at most `series_max` series and `bytes_max` bytes of names, but for a
        longer name, which is alone. Views."""
        ends = np.cumsum(self.lengths, dtype=np.int64)
        while begin < len(self):
            bytes_before = int(ends[begin - 1]) if begin else 0
            fitting = int(np.searchsorted(ends, bytes_before + bytes_max, side="right"))
            end = min(max(fitting, begin + 1), begin + series_max)
            names = self.heap[bytes_before : int(ends[end - 1])]
            yield NewSeries(self.first + begin, self.keys[begin:end], self.lengths[begin:end], names)
            begin = end


class _Columns(NamedTuple):
    """The arrays of a table; kernels/series/table.py says what is in them. Replaced as a whole when one grows, so that
    a reader without a lock always has arrays that belong together. Entries are added in place and never change."""

    slots: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    rules: NDArray[np.uint8]
    ends: NDArray[np.int64]
    heap: NDArray[np.uint8]


class Registry(Protocol):
    """What rooms and the gate ask of a table of series (SeriesTable)."""

    @property
    def secret(self) -> NDArray[np.uint64]:
        """uint64[hashing.SECRET_WORDS], the database's own."""
        ...

    def __len__(self) -> int:
        """Ordinals are those below."""
        ...

    def key_of(self, name: SeriesName) -> Key:
        """See SeriesTable."""
        ...

    def names(self, ordinals: NDArray[np.uint32]) -> list[SeriesName]:
        """See SeriesTable."""
        ...

    def lookup(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """See SeriesTable."""
        ...

    def register(self, key: Key, name: SeriesName, rule_bit: int, request: NamesOfRequest | None = None) -> int:
        """See SeriesTable."""
        ...

    def register_many(
        self,
        keys: NDArray[np.uint64],
        lengths: NDArray[np.uint32],
        heap: NDArray[np.uint8],
        rule_bit: int,
        request: NamesOfRequest | None = None,
    ) -> NDArray[np.uint32]:
        """See SeriesTable."""
        ...


class SeriesTable:
    """All series of a database: 128-bit key -> ordinal -> name. Ordinals are dense and given in order of registration.

    Any thread may call anything. `lookup` takes no lock: beside a concurrent registration it may miss the new series or
    its new rule bit, never more, and whoever missed one registers it, which takes the lock and does nothing twice. Two
    names with the same key would be one series; keyed 128-bit hashes make that as good as impossible
    (kernels/hashing.py).
    """

    def __init__(self, secret: NDArray[np.uint64], allowed: SeriesLimits | None = None) -> None:
        """secret: uint64[hashing.SECRET_WORDS], the database's own.   allowed: None for the defaults."""
        self.secret = secret
        self._limits = allowed or SeriesLimits()
        self._lock = threading.Lock()
        self._columns = _Columns(
            np.full(2 * _CAPACITY_MIN, kernel.EMPTY, dtype=np.uint64),
            np.zeros((_CAPACITY_MIN, 2), dtype=np.uint64),
            np.zeros(_CAPACITY_MIN, dtype=np.uint8),
            np.zeros(_CAPACITY_MIN, dtype=np.int64),
            np.zeros(_CAPACITY_MIN, dtype=np.uint8),
        )
        self._count = 0
        self._journaled = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return sum(column.nbytes for column in self._columns)

    def key_of(self, name: SeriesName) -> Key:
        """The 128-bit key of a name: two words of 64 bits."""
        parts = [part.encode() for part in (name.metric, *chain.from_iterable(name.tags))]
        ends = np.array(list(accumulate(map(len, parts))), dtype=np.uint64)
        data = np.frombuffer(bytearray(b"".join(parts)) + bytearray(PADDING), dtype=np.uint8)
        low, high = hash_name(data, ends, self.secret)
        return int(low), int(high)

    def lookup(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """For keys uint64[n, 2]: uint32[n] ordinals, UNKNOWN where there is none, and uint8[n] rule sets that their
        names are known to satisfy (bit i for the rule set with bit i)."""
        columns = self._columns
        ordinals = np.empty(len(keys), dtype=np.uint32)
        satisfied = np.empty(len(keys), dtype=np.uint8)
        kernel.lookup(columns.slots, columns.keys, columns.rules, keys, ordinals, satisfied)
        return ordinals, satisfied

    @property
    def held(self) -> Held:
        """How many series there are, and the bytes of their names."""
        return Held(self._count, int(self._columns.ends[self._count - 1]) if self._count else 0)

    def register(self, key: Key, name: SeriesName, rule_bit: int, request: NamesOfRequest | None = None) -> int:
        """The ordinal of the series with this key and name, which satisfies the rule set with `rule_bit`.

        A new one is queryable only when the journal holds it.   request: the names that come with it, None for no
        other. Raises Refused (rules of model.series_limits.SeriesLimits.refusal) when it is one too many.
        """
        request = request or NamesOfRequest()
        encoded = encode_name(name)
        [ordinal] = self.register_many(
            np.array([key], dtype=np.uint64),
            np.array([len(encoded)], dtype=np.uint32),
            np.frombuffer(bytearray(encoded), dtype=np.uint8),
            rule_bit,
            request,
        )
        if ordinal == UNKNOWN:
            raise self._limits.refusal(name.metric, self.held, self._latest, len(encoded), request.bytes_left)
        return int(ordinal)

    def register_many(
        self,
        keys: NDArray[np.uint64],
        lengths: NDArray[np.uint32],
        heap: NDArray[np.uint8],
        rule_bit: int,
        request: NamesOfRequest | None = None,
    ) -> NDArray[np.uint32]:
        """As `register`, for n keys uint64[n, 2] whose canonical names, of `lengths` bytes each, follow one another in
        `heap`. A key may occur more than once. Returns uint32[n], UNKNOWN where a series would be one too many.

        Raises Unavailable when the names that wait for the journal take limits.QUEUE_NAME_BYTES_MAX."""
        request = request or NamesOfRequest()
        with self._lock:
            held = self.held
            if held.name_bytes - self._journaled_bytes() >= limits.QUEUE_NAME_BYTES_MAX:
                self._refuse_new(keys)
            allowed = self._limits.allowed(held)
            bytes_max = min(allowed.name_bytes - held.name_bytes, request.bytes_left)
            if not _all_fit(lengths, bytes_max):
                rows = self._rows_that_fit(keys, lengths, bytes_max)
                ordinals = np.full(len(keys), UNKNOWN, dtype=np.uint32)
                names = _names_of_rows(lengths, heap, rows)
                ordinals[rows] = self._insert(keys[rows], *names, 1 << rule_bit, allowed.series)
            else:
                ordinals = self._insert(keys, lengths, heap, 1 << rule_bit, allowed.series)
            request.bytes_left -= self.held.name_bytes - held.name_bytes
        return ordinals

    def name(self, ordinal: int) -> SeriesName:
        """The name of an ordinal that the table gave (LOST_NAME where `lose` gave it)."""
        columns = self._columns
        begin = int(columns.ends[ordinal - 1]) if ordinal else 0
        return decode_name(columns.heap[begin : columns.ends[ordinal]].tobytes())

    def names(self, ordinals: NDArray[np.uint32]) -> list[SeriesName]:
        """The names of ordinals that the table gave, in that order."""
        return [self.name(ordinal) for ordinal in ordinals.tolist()]

    def encoded_names(self, ordinals: NDArray[np.uint32]) -> EncodedNames:
        """As `names`, in canonical form."""
        columns = self._columns
        begins = np.where(ordinals > 0, columns.ends[ordinals.astype(np.int64) - 1], 0)
        lengths = (columns.ends[ordinals] - begins).astype(np.uint32)
        heap = np.empty(int(lengths.sum(dtype=np.int64)), dtype=np.uint8)
        take_names(begins, lengths, columns.heap, heap)
        return EncodedNames(lengths, heap)

    def keys(self, ordinals: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """uint64[k, 2]: the keys of ordinals that the table gave."""
        return self._columns.keys[ordinals]

    def series(self, first: int, end: int) -> NewSeries:
        """Ordinals first .. end - 1 as columns: views, which never change."""
        columns = self._columns
        assert first <= end <= self._count
        ends = np.empty(end - first + 1, dtype=np.int64)
        ends[0] = columns.ends[first - 1] if first else 0
        ends[1:] = columns.ends[first:end]
        return NewSeries(
            first, columns.keys[first:end], np.diff(ends).astype(np.uint32), columns.heap[ends[0] : ends[-1]]
        )

    @property
    def has_nameless(self) -> bool:
        """Whether the name of any series is lost."""
        with self._lock:
            return bool(np.any(np.diff(self._columns.ends[: self._count], prepend=0) == 0))

    def take_unjournaled(self) -> NewSeries | None:
        """The series registered since the last take, for the writer thread to journal before the points that use them:
        call it after those points have been taken from the queue. None when there are none."""
        with self._lock:
            first, self._journaled = self._journaled, self._count
            return self.series(first, self._count) if first < self._count else None

    def put_back(self, taken: NewSeries) -> None:
        """Undo a take whose commit failed: the next take gives these series again."""
        with self._lock:
            self._journaled = min(self._journaled, taken.first)

    def restore(self, series: NewSeries) -> None:
        """Load series that the catalog or the journal holds, in the order of their ordinals. Those known already are
        passed over, by name or as lost; a gap before them is lost, and one without a name, too (see `reserve`). Raises
        ValueError when they contradict what the table holds."""
        with self._lock:
            known = min(max(self._count - series.first, 0), len(series))
            if self._contradict(series, known):
                raise ValueError(f"other series than ordinals {series.first} and on were given to")
            ends = np.cumsum(series.lengths, dtype=np.int64)
            for begin, end in _named_runs(series.lengths, known):
                self._reserve(series.first + begin)
                heap = series.heap[ends[begin] - series.lengths[begin] : ends[end - 1]]
                # What is there stays, even if fewer are allowed now.
                ordinals = self._insert(series.keys[begin:end], series.lengths[begin:end], heap, 0, int(UNKNOWN))
                first, beyond = series.first + begin, series.first + end
                if self._count != beyond or not np.array_equal(ordinals, np.arange(first, beyond, dtype=np.uint32)):
                    raise ValueError(f"a series from ordinal {series.first} on is there twice")
            self._reserve(series.end)
            self._journaled = self._count

    def _contradict(self, series: NewSeries, known: int) -> bool:
        """Whether one of the first `known` has another key here, where neither name is lost."""
        if not known:
            return False
        here = self.series(series.first, series.first + known)
        named = (here.lengths > 0) & (series.lengths[:known] > 0)
        return not np.array_equal(here.keys[named], series.keys[:known][named])

    def reserve(self, end: int) -> None:
        """Take all ordinals below `end` as given out: points refer to them, but the record with their names is
        damaged."""
        with self._lock:
            self._reserve(end)
            self._journaled = max(self._journaled, end)

    def _reserve(self, end: int) -> None:
        if end > self._count:
            columns = self._grown(end, 0)
            columns.keys[self._count : end] = 0
            columns.ends[self._count : end] = columns.ends[self._count - 1] if self._count else 0
            self._count = end

    def _journaled_bytes(self) -> int:
        return int(self._columns.ends[self._journaled - 1]) if self._journaled else 0

    def _refuse_new(self, keys: NDArray[np.uint64]) -> None:
        ordinals, _ = self.lookup(keys)
        if np.any(ordinals == UNKNOWN):
            raise Unavailable("too many names of new series wait for the disk")

    def _rows_that_fit(
        self, keys: NDArray[np.uint64], lengths: NDArray[np.uint32], bytes_max: int
    ) -> NDArray[np.int64]:
        """The rows of series that are known, and from the first on of those new ones whose names are short enough and
        together take at most `bytes_max`."""
        ordinals, _ = self.lookup(keys)
        is_new = ordinals == UNKNOWN
        short = lengths <= limits.SERIES_NAME_BYTES_MAX
        taken = np.cumsum(np.where(is_new & short, lengths, 0), dtype=np.int64)
        return np.flatnonzero(~is_new | (short & (taken <= bytes_max)))

    def _latest(self) -> list[SeriesName]:
        """The names of the series registered last; never none, where one is too many."""
        count = self._count
        return [self.name(ordinal) for ordinal in range(max(count - limits.SERIES_LOOKED_AT, 0), count)]

    def _insert(
        self,
        keys: NDArray[np.uint64],
        lengths: NDArray[np.uint32],
        heap: NDArray[np.uint8],
        rule_bits: int,
        count_max: int,
    ) -> NDArray[np.uint32]:
        """count_max: a new series that would raise the count above it is UNKNOWN, and takes no room."""
        room = min(len(keys), max(count_max - self._count, 0))
        columns = self._grown(self._count + room, int(lengths.sum(dtype=np.int64)) if room else 0)
        ordinals = np.empty(len(keys), dtype=np.uint32)
        self._count = kernel.insert(*columns, self._count, count_max, keys, lengths, heap, rule_bits, ordinals)
        return ordinals

    def _grown(self, count: int, heap_bytes: int) -> _Columns:
        """The columns, with room for `count` series in all and `heap_bytes` more of names."""
        slots, keys, rules, ends, heap = self._columns
        heap_used = int(ends[self._count - 1]) if self._count else 0
        if count > len(keys):
            capacity = max(count, 2 * len(keys))
            keys = _enlarged(keys, self._count, capacity)
            rules = _enlarged(rules, self._count, capacity)
            ends = _enlarged(ends, self._count, capacity)
        if heap_used + heap_bytes > len(heap):
            heap = _enlarged(heap, heap_used, max(heap_used + heap_bytes, 2 * len(heap)))
        if 2 * count > len(slots):
            slots = np.full(1 << (2 * count - 1).bit_length(), kernel.EMPTY, dtype=np.uint64)
            kernel.refill(slots, keys, 0, self._count)
        self._columns = _Columns(slots, keys, rules, ends, heap)
        return self._columns


_CAPACITY_MIN = 1024


def _named_runs(lengths: NDArray[np.uint32], first: int) -> list[tuple[int, int]]:
    """Where neighbours with a name lie in lengths[first:]: places begin .. end - 1 of each run."""
    named = np.concatenate([[False], lengths[first:] > 0, [False]])
    edges = np.flatnonzero(named[1:] != named[:-1]) + first
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _all_fit(lengths: NDArray[np.uint32], bytes_max: int) -> bool:
    """Whether all names may be taken, whichever are new."""
    return int(lengths.sum(dtype=np.int64)) <= bytes_max and int(lengths.max(initial=0)) <= limits.SERIES_NAME_BYTES_MAX


def _names_of_rows(
    lengths: NDArray[np.uint32], heap: NDArray[np.uint8], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Lengths and heap of the given ones of names that follow one another."""
    begins = np.cumsum(lengths, dtype=np.int64) - lengths
    taken = np.empty(int(lengths[rows].sum(dtype=np.int64)), dtype=np.uint8)
    take_names(begins[rows], lengths[rows], heap, taken)
    return lengths[rows], taken


def _enlarged(column: NDArray[_T], used: int, capacity: int) -> NDArray[_T]:
    """A copy of the first `used` rows with room for `capacity`; untouched pages of it cost no memory."""
    larger = np.zeros((capacity, *column.shape[1:]), dtype=column.dtype)
    larger[:used] = column[:used]
    return larger
