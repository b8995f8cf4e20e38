"""What is kept of row groups, and that it never grows over its bound."""

from __future__ import annotations

import tracemalloc

import numpy as np

from headrace.model.points import Kind
from headrace.store.embedded.segments.kept.row_group_cache import ENTRY_BYTES, NOTHING_KEPT, RowGroupCache

ROWS = 1000


def keep(cache: RowGroupCache, file: str, group: int) -> int:
    """Bytes that it takes."""
    before = cache.bytes
    numbers = np.arange(ROWS, dtype=np.int64)
    cache.keep((file, group), np.zeros(ROWS, dtype=np.uint32), numbers, numbers, Kind.INT64)
    return cache.bytes - before


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    each = keep(RowGroupCache(1_000_000), "a", 0)
    assert 2 * ROWS + ENTRY_BYTES <= each < 2 * ROWS + ENTRY_BYTES + 100
    cache = RowGroupCache(3 * each + 1)
    for group in range(3):
        keep(cache, "a", group)
    assert cache.find(("a", 0)) is not None
    keep(cache, "a", 3)
    assert [cache.find(("a", group)) is not None for group in range(4)] == [True, False, True, True]
    assert cache.bytes == 3 * each


def test_what_is_found_and_what_is_not_is_counted() -> None:
    counted: list[str] = []
    cache = RowGroupCache(1_000_000)
    cache.count_by(lambda: counted.append("hit"), lambda: counted.append("miss"))
    cache.find(("a", 0))
    keep(cache, "a", 0)
    cache.find(("a", 0))
    assert counted == ["miss", "hit"]


def test_a_file_that_goes_takes_its_row_groups_with_it() -> None:
    cache = RowGroupCache(1_000_000)
    each = keep(cache, "a", 0)
    keep(cache, "b", 0)
    cache.forget("a")
    assert (cache.find(("a", 0)), cache.bytes) == (None, each)
    cache.forget("b")
    assert cache.bytes == 0


def test_what_is_kept_already_counts_once() -> None:
    cache = RowGroupCache(1_000_000)
    each = keep(cache, "a", 0)
    assert keep(cache, "a", 0) == 0
    assert cache.bytes == each


def test_what_is_larger_than_all_is_not_kept() -> None:
    cache = RowGroupCache(100)
    assert keep(cache, "a", 0) == 0
    assert keep(NOTHING_KEPT, "a", 0) == 0
    assert cache.find(("a", 0)) is None


def test_row_groups_of_few_rows_are_bounded_too() -> None:
    cache = RowGroupCache(100_000)
    one = np.zeros(1, dtype=np.int64)
    tracemalloc.start()
    try:
        for group in range(1000):
            cache.keep(("a", group), np.zeros(1, dtype=np.uint32), one, one, Kind.INT64)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 100_000
