"""Columns that nobody has any more are the memory of the next."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from headrace import limits
from headrace.scratch import BLOCK_BYTES, Scratch

MB = 1 << 20


def test_memory_comes_back_when_the_last_view_has_gone() -> None:
    scratch = Scratch()
    column = scratch.empty(MB // 8, np.int64)
    column[:] = 7
    view = column[10:20].view(np.float64)
    place = column.ctypes.data
    del column
    assert scratch.kept_bytes == 0
    del view
    assert scratch.kept_bytes == MB
    again = scratch.empty(MB, np.uint8)
    assert (again.ctypes.data, scratch.kept_bytes) == (place, 0)


def test_columns_that_live_at_the_same_time_share_nothing() -> None:
    scratch = Scratch()
    columns = [scratch.empty(MB, np.uint8) for _ in range(5)]
    for number, column in enumerate(columns):
        column[:] = number
    assert [int(column.sum()) for column in columns] == [number * MB for number in range(5)]


@pytest.mark.parametrize("length", [0, 1, MB - 1, MB, MB + 1, 5 * MB // 4, 5 * MB // 4 + 1, BLOCK_BYTES[-1], 99 * MB])
def test_every_length(length: int) -> None:
    scratch = Scratch()
    column = scratch.empty(length, np.uint8)
    assert (len(column), column.dtype.name) == (length, "uint8")
    assert column.flags.c_contiguous
    assert column.flags.writeable
    del column
    is_kept = BLOCK_BYTES[0] <= length <= BLOCK_BYTES[-1]
    assert length * is_kept <= scratch.kept_bytes <= 1.25 * length * is_kept


def test_no_more_is_kept_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SCRATCH_KEPT_BYTES_MAX", 3 * MB)
    scratch = Scratch()
    columns = [scratch.empty(MB, np.uint8) for _ in range(5)]
    columns.clear()
    assert scratch.kept_bytes == 3 * MB
    larger = scratch.empty(2 * MB, np.uint8)
    del larger
    assert scratch.kept_bytes == 3 * MB, "the oldest have gone for it"
    assert scratch.empty(2 * MB, np.uint8) is not None
    assert scratch.kept_bytes == 3 * MB


def test_what_is_idle_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = Scratch()
    scratch.empty(MB, np.uint8)
    scratch.give_back_idle()
    assert scratch.kept_bytes == MB
    monkeypatch.setattr(limits, "SCRATCH_IDLE_S", -1)
    scratch.give_back_idle()
    assert scratch.kept_bytes == 0


def test_threads_side_by_side() -> None:
    scratch = Scratch()
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(300):
            column = scratch.empty(MB, np.uint8)
            column[:100] = number
            if not (column[:100] == number).all():
                wrong.append(number)
            scratch.give_back_idle()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not wrong
    assert scratch.kept_bytes <= 4 * MB
