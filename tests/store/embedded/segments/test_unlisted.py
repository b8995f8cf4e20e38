"""Segments that current.json does not list, when it is an older copy: what fits together counts again, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import Corrupt, Incomplete
from headrace.store.embedded.files.names import points_file
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.segments.files.meta import SegmentKind, SegmentMeta
from headrace.store.embedded.segments.unlisted import judge


def meta(first: int, last: int) -> SegmentMeta:
    return SegmentMeta(points_file(first, last), SegmentKind.IN_ORDER, 1, 1, 0, 0, 0, 0, first, last, 0)


def folder_with(tmp_path: Path, *ranges: tuple[int, int]) -> Path:
    for first, last in ranges:
        (tmp_path / points_file(first, last)).touch()
    return tmp_path


@pytest.mark.parametrize("listed", [[], [(1, 4)]])
def test_ranges_that_overlap_are_not_guessed_about(tmp_path: Path, listed: list[tuple[int, int]]) -> None:
    """Which of two writes is the later one?"""
    unlisted = [(3, 8)] if listed else [(1, 5), (4, 8)]
    folder = folder_with(tmp_path, *listed, *unlisted)
    current = Current("a" * 32, sealed_through=4 if listed else 0, segments=tuple(meta(*pair) for pair in listed))
    with pytest.raises(Incomplete, match="the two do not fit together"):
        judge(folder, current, journal_first=9)
    assert len(list(folder.iterdir())) == len(listed) + len(unlisted)


def test_ranges_that_lie_apart_or_in_one_another_are_looked_into(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, (1, 4), (5, 8), (1, 8))
    with pytest.raises(Corrupt):  # so far it comes: these files are empty
        judge(folder, Current("a" * 32, sealed_through=4, segments=(meta(1, 4),)), journal_first=9)
