"""The disk reserve, by a file system whose free space the test decides."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from headrace import limits
from headrace.errors import Unavailable
from headrace.store.embedded.files.disk_space import DiskSpace

RESERVE_BYTES = 10_000_000


class FileSystem:
    """Stands for os.statvfs."""

    def __init__(self, free_bytes: int) -> None:
        self.free_bytes = free_bytes
        self.asked = 0

    def __call__(self, path: Path) -> os.statvfs_result:
        self.asked += 1
        free = self.free_bytes // 1000
        return os.statvfs_result((4096, 1000, 10**9, free + 50, free, 0, 0, 0, 0, 255))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FileSystem:
    system = FileSystem(RESERVE_BYTES)
    monkeypatch.setattr(os, "statvfs", system)
    return system


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    return clock


def test_points_are_refused_below_the_reserve_and_taken_again_above(
    tmp_path: Path, disk: FileSystem, now: list[float]
) -> None:
    space = DiskSpace(tmp_path, RESERVE_BYTES)
    space.check(1)
    disk.free_bytes -= 1000
    now[0] += limits.DISK_CHECK_INTERVAL_S
    with pytest.raises(
        Unavailable, match=r"9 MB are free, and 10 MB are reserved.*disk_reserve_bytes.*again when 11 MB"
    ):
        space.check(1)
    with pytest.raises(Unavailable):
        space.check(1)
    disk.free_bytes += 1000 + int(RESERVE_BYTES * limits.DISK_MARGIN_SHARE)
    now[0] += limits.DISK_CHECK_INTERVAL_S
    space.check(1)


@pytest.mark.parametrize("spared", [999, 1000])
def test_what_can_be_spared_goes_before_points_are_refused(tmp_path: Path, disk: FileSystem, spared: int) -> None:
    space = DiskSpace(tmp_path, RESERVE_BYTES)
    wanted = []

    def give_way(wanted_bytes: int) -> None:
        wanted.append(wanted_bytes)
        disk.free_bytes += spared

    space.give_way = give_way
    disk.free_bytes -= 1000
    with nullcontext() if spared == 1000 else pytest.raises(Unavailable):
        space.check(1)
    assert wanted == [1000]


def test_a_disk_at_the_edge_does_not_take_and_refuse_in_turns(
    tmp_path: Path, disk: FileSystem, now: list[float]
) -> None:
    space = DiskSpace(tmp_path, RESERVE_BYTES)
    margin = int(RESERVE_BYTES * limits.DISK_MARGIN_SHARE)
    taken = []
    for free_bytes in [0, -1000, 1000, -1000, margin - 1000, margin, 1000, 0, -1000, 1000]:
        disk.free_bytes = RESERVE_BYTES + free_bytes
        now[0] += limits.DISK_CHECK_INTERVAL_S
        try:
            space.check(1)
            taken.append(True)
        except Unavailable:
            taken.append(False)
    assert taken == [True, False, False, False, False, True, True, True, False, False]


def test_the_file_system_is_asked_each_second_or_after_many_bytes(
    tmp_path: Path, disk: FileSystem, now: list[float]
) -> None:
    space = DiskSpace(tmp_path, RESERVE_BYTES)
    for _ in range(100):
        space.check(limits.DISK_CHECK_BYTES // 1000)
    assert disk.asked == 1
    for _ in range(1000):
        space.check(limits.DISK_CHECK_BYTES // 1000)
    assert disk.asked == 2
    now[0] += limits.DISK_CHECK_INTERVAL_S
    space.check(1)
    assert disk.asked == 3


def test_without_a_reserve_only_the_disk_itself_says_no(tmp_path: Path, disk: FileSystem, now: list[float]) -> None:
    disk.free_bytes = 0
    DiskSpace(tmp_path, 0).check(10**12)


def test_a_file_system_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="free space"):
        DiskSpace(tmp_path / "gone", RESERVE_BYTES).check(1)


def test_what_the_root_keeps_for_itself_is_not_free(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    free = DiskSpace(tmp_path, 0).free_bytes()
    assert abs(free - found.f_bavail * found.f_frsize) < 10**9
