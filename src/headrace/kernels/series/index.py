"""Loops of the series index: names taken apart into symbols, the series of a metric, the value of a tag."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import bool8, i64, int64, kernel, u8, u32, u64, void
from headrace.kernels.series.symbols import intern

NO_SERIES = np.uint32(0xFFFFFFFF)
"""The end of a metric's chain, and the value id of a tag that a series lacks."""


@kernel(int64(u8, int64))
def count_parts(heap: NDArray[np.uint8], size: int) -> int:
    """How many parts the canonical names (model.series.encode_name) in heap[:size] have in all."""
    parts = 0
    at = np.int64(0)
    while at < size:
        length = np.int64(0)
        shift = np.int64(0)
        while heap[at] >= 0x80:
            length |= np.int64(heap[at] & 0x7F) << shift
            shift += 7
            at += 1
        length |= np.int64(heap[at]) << shift
        at += 1 + length
        parts += 1
    return parts


@kernel(void(u8, u32, int64, i64, u32, u32, i64, u32, u32, u32, u32, i64, u8, u32, i64, u8, u32, i64, u8, u64))
def add_names(
    names: NDArray[np.uint8],
    lengths: NDArray[np.uint32],
    first: int,
    counts: NDArray[np.int64],
    metric_ids: NDArray[np.uint32],
    earlier: NDArray[np.uint32],
    pair_ends: NDArray[np.int64],
    pair_keys: NDArray[np.uint32],
    pair_values: NDArray[np.uint32],
    latest: NDArray[np.uint32],
    metric_slots: NDArray[np.uint32],
    metric_ends: NDArray[np.int64],
    metric_heap: NDArray[np.uint8],
    key_slots: NDArray[np.uint32],
    key_ends: NDArray[np.int64],
    key_heap: NDArray[np.uint8],
    value_slots: NDArray[np.uint32],
    value_ends: NDArray[np.int64],
    value_heap: NDArray[np.uint8],
    secret: NDArray[np.uint64],
) -> None:
    """Index series first, first + 1 … whose canonical names follow one another in `names`.

    counts: int64[3], how many metrics, tag keys and tag values are known; raised here. Series s has the tags
    pair_keys/pair_values[pair_ends[s - 1] : pair_ends[s]]. The series of a metric are chained: latest[metric id], then
    earlier[series] … down to NO_SERIES. There must be room in every array.
    """
    at = np.int64(0)
    for index in range(len(lengths)):
        series = first + index
        name_end = at + np.int64(lengths[index])
        pair = pair_ends[series - 1] if series > 0 else 0
        part = 0
        while at < name_end or part == 0:
            length = np.int64(0)
            shift = np.int64(0)
            if at < name_end:
                while names[at] >= 0x80:
                    length |= np.int64(names[at] & 0x7F) << shift
                    shift += 7
                    at += 1
                length |= np.int64(names[at]) << shift
                at += 1
            if part == 0:
                metric = intern(names, at, at + length, counts[0], metric_slots, metric_ends, metric_heap, secret)
                if metric == counts[0]:
                    latest[metric] = NO_SERIES
                    counts[0] += 1
                metric_ids[series] = metric
                earlier[series] = latest[metric]
                latest[metric] = series
            elif part % 2 == 1:
                key = intern(names, at, at + length, counts[1], key_slots, key_ends, key_heap, secret)
                counts[1] = max(counts[1], key + 1)
                pair_keys[pair] = key
            else:
                value = intern(names, at, at + length, counts[2], value_slots, value_ends, value_heap, secret)
                counts[2] = max(counts[2], value + 1)
                pair_values[pair] = value
                pair += 1
            at += length
            part += 1
        pair_ends[series] = pair


@kernel(int64(int64, int64, u32, u32))
def walk_metric(latest: int, count: int, earlier: NDArray[np.uint32], found: NDArray[np.uint32]) -> int:
    """Follow a metric's chain from series `latest`; those below `count` go into the end of `found`, so ascending.

    Returns how many there are; when `found` is too short, only the last of them are in it.
    """
    matches = 0
    series = np.uint32(latest)
    while series != NO_SERIES:
        if np.int64(series) < count:
            matches += 1
            if matches <= len(found):
                found[len(found) - matches] = series
        series = earlier[np.int64(series)]
    return matches


@kernel(void(u32, int64, i64, u32, u32, u32))
def value_ids(
    series: NDArray[np.uint32],
    key: int,
    pair_ends: NDArray[np.int64],
    pair_keys: NDArray[np.uint32],
    pair_values: NDArray[np.uint32],
    found: NDArray[np.uint32],
) -> None:
    """found[i] is the id of the value that series[i] has for tag key id `key`, NO_SERIES where it lacks the tag."""
    for index in range(len(series)):
        ordinal = np.int64(series[index])
        found[index] = NO_SERIES
        for pair in range(pair_ends[ordinal - 1] if ordinal > 0 else 0, pair_ends[ordinal]):
            if np.int64(pair_keys[pair]) == key:
                found[index] = pair_values[pair]


@kernel(void(u32, bool8))
def mark_values(ids: NDArray[np.uint32], seen: NDArray[np.bool_]) -> None:
    """seen[id] becomes True for each value id that is there; NO_SERIES is passed over."""
    for index in range(len(ids)):
        if ids[index] != NO_SERIES:
            seen[np.int64(ids[index])] = True


@kernel(int64(u32, u32, bool8, u32))
def keep_wanted(
    series: NDArray[np.uint32], ids: NDArray[np.uint32], wanted: NDArray[np.bool_], kept: NDArray[np.uint32]
) -> int:
    """Each series[i] with wanted[ids[i]] goes to `kept`, in order; those with NO_SERIES never. Returns how many."""
    count = 0
    for index in range(len(series)):
        if ids[index] != NO_SERIES and wanted[np.int64(ids[index])]:
            kept[count] = series[index]
            count += 1
    return count
