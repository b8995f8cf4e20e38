"""What is known of a segment without reading its points."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import Corrupt
from headrace.model.points import NEVER
from headrace.store.embedded.recent.deletes import Delete

SEGMENT_FORMAT = 2
"""Version of the layout of segments in docs/format/segments.md; 1 is read as well."""

NAMES_FORMAT = 1
"""Version of the layout of the files of series and of deletes there."""

FORMAT_KEY = "headrace.format"
DATABASE_KEY = "headrace.database"
KIND_KEY = "headrace.kind"
MIN_SEQUENCE_KEY = "headrace.min_sequence"
MAX_SEQUENCE_KEY = "headrace.max_sequence"
CREATED_KEY = "headrace.created"
DELETES_THROUGH_KEY = "headrace.deletes_through"
ROW_GROUPS_KEY = "headrace.row_groups"
OTHERS_KEY = "headrace.others"


class SegmentKind(StrEnum):
    """in-order segments never overlap within a series; late ones may overlap anything older."""

    IN_ORDER = "in-order"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class SegmentMeta:
    """A segment as current.json lists it. Ranges include both ends; times and `created` are ms since 1970 UTC.

    min_sequence..max_sequence: the journal records whose winners it holds. Of two segments that hold the same series
    and time, the one with the higher sequences is right.
    deletes_through: deletes up to this sequence were applied to it; those up to max_sequence always, as in files that
    were written before there were deletes and do not say.
    footer_crc: CRC-32 of the file's footer (files.footer); None of files written before it was kept.
    """

    file: str
    kind: SegmentKind
    rows: int
    bytes: int
    min_time: int
    max_time: int
    min_series: int
    max_series: int
    min_sequence: int
    max_sequence: int
    created: int
    deletes_through: int = 0
    footer_crc: int | None = None

    @property
    def deletes_applied(self) -> int:
        """Every row is older than a delete after this sequence; none falls under one before it."""
        return max(self.deletes_through, self.max_sequence)

    def may_share_points(self, other: SegmentMeta) -> bool:
        """Whether the two may hold the same series and time, by what the list says."""
        return (
            self.min_time <= other.max_time
            and self.max_time >= other.min_time
            and self.min_series <= other.max_series
            and self.max_series >= other.min_series
        )

    def may_hold(self, delete: Delete, sequence: int) -> bool:
        """Whether a row may fall under the delete of this sequence, by what the list says."""
        return (
            sequence > self.deletes_applied
            and self.min_time <= delete.end_ms
            and self.max_time >= delete.start_ms
            and self.min_series <= delete.series[-1]
            and self.max_series >= delete.series[0]
        )


@dataclass(frozen=True, slots=True)
class OtherStores:
    """How far the stores beside the segments were at the last seal, so that an older copy of one is told from its own.

    documents_through: see DocumentFile.applied.   catalog_changes: see Catalog.changes.   journal_first: with which
    record the journal's newest file begins, also since the last start.
    """

    documents_through: int = 0
    catalog_changes: int = 0
    journal_first: int = 0


UNKNOWN_OTHERS = OtherStores()
"""As lists and files have it that were written before it was kept."""


@dataclass(frozen=True, slots=True)
class RowGroups:
    """What lets a reader skip row groups; one entry a row group, in the order of the file.

    first_keys, last_keys: uint64, metric id << 32 | ordinal of the first and the last row: keys rise through the file.
    min_times, max_times: int64 ms.   kinds: uint8, a bit 1 << Kind for each kind of value that is there.
    expiring: whether any row expires.   arriving: whether any row has an arrival.   gone_at: int64 ms, when the last
    row expires, NEVER where one does not and in files that do not say.
    """

    first_keys: NDArray[np.uint64]
    last_keys: NDArray[np.uint64]
    min_times: NDArray[np.int64]
    max_times: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    expiring: NDArray[np.bool_]
    arriving: NDArray[np.bool_]
    gone_at: NDArray[np.int64]

    def matching(self, keys: NDArray[np.uint64], start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """The row groups that may hold a point of a series in `keys` (ascending) with start_ms <= time <= end_ms."""
        first = np.searchsorted(keys, self.first_keys, side="left")
        beyond = np.searchsorted(keys, self.last_keys, side="right")
        return np.flatnonzero((first < beyond) & (self.min_times <= end_ms) & (self.max_times >= start_ms))

    def in_any_order(self, metrics: int) -> RowGroups:
        """The same, where any row group may hold any series of so many metrics: nothing is skipped for its key."""
        first = np.zeros_like(self.first_keys)
        last = np.full_like(self.last_keys, (max(metrics, 1) << 32) - 1)
        return replace(self, first_keys=first, last_keys=last)


class _RowGroupsJson(msgspec.Struct, frozen=True):
    first_keys: list[int]
    last_keys: list[int]
    min_times: list[int]
    max_times: list[int]
    kinds: list[int]
    expiring: list[bool]
    arriving: list[bool] | None = None
    gone_at: list[int] | None = None


def encode_row_groups(groups: RowGroups) -> bytes:
    """For the file's key-value metadata."""
    return msgspec.json.encode(
        _RowGroupsJson(
            groups.first_keys.tolist(),
            groups.last_keys.tolist(),
            groups.min_times.tolist(),
            groups.max_times.tolist(),
            groups.kinds.tolist(),
            groups.expiring.tolist(),
            groups.arriving.tolist(),
            groups.gone_at.tolist(),
        )
    )


def decode_row_groups(metadata: dict[bytes, bytes], row_groups: int, file: Path) -> RowGroups:
    """Out of the file's key-value metadata. Raises Corrupt when it is not there or does not fit the file."""
    try:
        decoded = msgspec.json.decode(metadata[ROW_GROUPS_KEY.encode()], type=_RowGroupsJson)
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt(file, f"no usable {ROW_GROUPS_KEY} in its metadata: {error}") from error
    groups = RowGroups(
        np.array(decoded.first_keys, dtype=np.uint64),
        np.array(decoded.last_keys, dtype=np.uint64),
        np.array(decoded.min_times, dtype=np.int64),
        np.array(decoded.max_times, dtype=np.int64),
        np.array(decoded.kinds, dtype=np.uint8),
        np.array(decoded.expiring, dtype=np.bool_),
        np.array([False] * row_groups if decoded.arriving is None else decoded.arriving, dtype=np.bool_),
        np.array([NEVER] * row_groups if decoded.gone_at is None else decoded.gone_at, dtype=np.int64),
    )
    if {len(getattr(groups, column.name)) for column in fields(groups)} != {row_groups}:
        raise Corrupt(file, f"{ROW_GROUPS_KEY} does not describe its {row_groups} row groups")
    return groups
