"""What the store does for itself while it serves: merging, damage set aside, a full disk worked down."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_embedded_store import opened, points, read, until

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.housekeeping.housekeeping import size_of
from headrace.store.embedded.reading.helpers import Helpers
from headrace.store.embedded.segments.making.merge_plan import plan_merge
from headrace.store.embedded.store import EmbeddedStore

MEBIBYTE = 1024 * 1024


def segment_files(folder: Path) -> list[Path]:
    return sorted((folder / "segments").glob("points-*.parquet"))


def is_settled(store: EmbeddedStore) -> bool:
    parts = store._parts
    return not parts.visible.seal_waits and plan_merge([size_of(m) for m in parts.folder.current.segments]) is None


async def write_seals(store: EmbeddedStore, seals: int, sealed_points: int = 1000) -> None:
    """Each overwrites half of the one before."""
    for seal in range(seals):
        begin = seal * sealed_points // 2
        await store.append(points(store, f"h{seal % 3}", range(begin, begin + sealed_points)))


async def test_files_stay_few_and_every_point_is_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await write_seals(store, 61)
        await until(lambda: is_settled(store))
        before = read(store)
        assert sum(map(len, before.values())) > 30_000
        await until(lambda: len(segment_files(tmp_path)) <= 9)
        await until(lambda: len(segment_files(tmp_path)) == len(store._parts.folder.current.segments))
    async with opened(tmp_path) as store:
        assert read(store) == before


async def test_a_snapshot_reads_what_it_pinned_while_files_are_merged_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await write_seals(store, 3)
        # A file is there before it counts; until then the snapshot would pin the rows in memory instead.
        await until(lambda: len(segment_files(tmp_path)) == 2 and not store._parts.visible.seal_waits)
        pinned = segment_files(tmp_path)
        with store.snapshot() as snapshot:
            series = snapshot.find("m", {})
            before = snapshot.select(series, 0, 10**9)
            await write_seals(store, 30)
            await until(lambda: is_settled(store))
            assert all(file.exists() for file in pinned)
            again = snapshot.select(series, 0, 10**9)
            assert again.times.tolist() == before.times.tolist()
        assert not any(file.exists() for file in pinned)


async def test_queries_beside_merges_never_miss_a_point(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_points=200) as store:
        for begin in range(0, 20_000, 200):
            await store.append(points(store, "a", range(begin, begin + 200)))
            found = read(store)["a"]
            assert found == list(range(begin + 200))
        await until(lambda: len(segment_files(tmp_path)) < 60)


async def test_damage_is_told_once_and_the_rest_served(tmp_path: Path) -> None:
    async with opened(tmp_path, cache_bytes=0) as store:
        await write_seals(store, 3)
        await until(lambda: len(segment_files(tmp_path)) == 2)
        everything = read(store)
        broken = segment_files(tmp_path)[0]
        content = bytearray(broken.read_bytes())
        content[60:90] = bytes(30)
        broken.write_bytes(content)
        with pytest.raises(Corrupt) as met:
            read(store)
        assert met.value.file == broken
        rest = read(store)
        assert rest == {host: times for host, times in everything.items() if host != "h0"}
        assert [damage.partition(":")[0] for damage in store.damaged] == [f"segments/{broken.name}"]
        assert broken.with_name(broken.name + ".damaged").exists()
        await write_seals(store, 2)
    async with opened(tmp_path) as store:
        assert len(store.damaged) == 1


@pytest.mark.parametrize("helpers", [0, 1])
async def test_damage_met_in_pieces_is_told_and_the_rest_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helpers: int
) -> None:
    monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", 100)
    monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 100)

    def read_in_pieces() -> int:
        with store.snapshot() as snapshot:
            pieces = snapshot.pieces(snapshot.find("m", {}), 0, 10**9)
            assert len(pieces) > 1
            return sum(snapshot.each(pieces, lambda part, piece: len(part.select(piece.series, 0, 10**9))))

    async with opened(tmp_path, cache_bytes=0) as store:
        store._helpers = Helpers(helpers)
        await write_seals(store, 3)
        await until(lambda: len(segment_files(tmp_path)) == 2)
        everything = read_in_pieces()
        broken = segment_files(tmp_path)[0]
        content = bytearray(broken.read_bytes())
        content[60:90] = bytes(30)
        broken.write_bytes(content)
        with pytest.raises(Corrupt) as met:
            read_in_pieces()
        assert met.value.file == broken
        assert store._query_memory.in_use == 0
        assert 0 < read_in_pieces() < everything
        assert len(store.damaged) == 1


async def test_a_damaged_input_does_not_stop_merging(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await write_seals(store, 3)
        await until(lambda: len(segment_files(tmp_path)) == 2)
        broken = segment_files(tmp_path)[0]
        content = bytearray(broken.read_bytes())
        content[60:90] = bytes(30)
        broken.write_bytes(content)
        await write_seals(store, 12)
        await until(lambda: is_settled(store))
        assert len(store.damaged) == 1
        assert store._merger.failing is None
        await until(lambda: len(segment_files(tmp_path)) < 12)


class FreeSpace:
    """Stands for os.statvfs."""

    def __init__(self) -> None:
        self.bytes = 10**12

    def __call__(self, path: Path) -> os.statvfs_result:
        return os.statvfs_result((4096, 1, 10**12, self.bytes, self.bytes, 0, 0, 0, 0, 255))


async def test_below_the_reserve_points_are_refused_and_recent_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PROBE_INTERVAL_S", 0.05)
    monkeypatch.setattr(limits, "DISK_CHECK_INTERVAL_S", 0.0)
    space = FreeSpace()
    monkeypatch.setattr(os, "statvfs", space)
    async with opened(tmp_path, 100_000, disk_reserve_bytes=limits.DISK_RESERVE_BYTES) as store:
        await store.append(points(store, "a", range(100)))
        space.bytes = limits.DISK_RESERVE_BYTES - 1
        with pytest.raises(Unavailable, match="the disk is full"):
            await store.append(points(store, "a", range(100, 200)))
        assert store.refusing is not None
        assert "disk_reserve_bytes" in store.refusing
        assert read(store) == {"a": list(range(100))}, "queries go on"
        # The journal of what is in memory is worth more room than its segment takes.
        await until(lambda: store._parts.visible.recent_points == 0)
        assert len(segment_files(tmp_path)) == 1
        assert store.refusing is not None
        space.bytes = limits.DISK_RESERVE_BYTES * 9 // 8
        await until(lambda: store.refusing is None)
        await store.append(points(store, "a", range(100, 200)))
        assert read(store) == {"a": list(range(200))}


async def test_a_merge_leaves_sealing_its_share_of_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = FreeSpace()
    async with opened(tmp_path, disk_reserve_bytes=limits.DISK_RESERVE_BYTES) as store:
        await write_seals(store, limits.MERGE_FACTOR)
        space.bytes = limits.DISK_RESERVE_BYTES // 2
        monkeypatch.setattr(os, "statvfs", space)
        await until(lambda: not store._parts.visible.seal_waits)
        with pytest.raises(Unavailable, match="room that sealing may need"):
            store._housekeeping._merge(store._parts.visible.pin_segments(), lambda: None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "headrace-test", disk], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mount.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


async def test_a_disk_that_really_fills_is_worked_down_without_losing_a_point(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PROBE_INTERVAL_S", 0.05)
    monkeypatch.setattr(limits, "DISK_CHECK_INTERVAL_S", 0.05)
    monkeypatch.setattr(limits, "DISK_CHECK_BYTES", MEBIBYTE)
    folder = small_disk / "data"
    ballast = small_disk / "ballast"
    step, kept = 20_000, 0
    async with opened(folder, seal_points=10**6, disk_reserve_bytes=8 * MEBIBYTE) as store:

        async def write() -> None:
            nonlocal kept
            await store.append(points(store, "a", range(kept, kept + step)))
            kept += step

        async def write_until_full() -> None:
            for _ in range(100):
                await write()

        ballast.write_bytes(bytes(34 * MEBIBYTE))
        for _ in range(3):
            with pytest.raises(Unavailable, match="the disk is full"):
                await write_until_full()
            # The journal of 6 MB becomes a segment of a tenth of that, and points are taken again.
            await until(lambda: store.refusing is None)
        ballast.write_bytes(bytes(42 * MEBIBYTE))  # somebody else takes what was left
        with pytest.raises(Unavailable, match="the disk is full"):
            await write_until_full()
        await until(lambda: store._parts.visible.recent_points == 0)
        assert store.refusing is not None
        assert read(store) == {"a": list(range(kept))}
        ballast.unlink()
        await until(lambda: store.refusing is None)
        await write()
    async with opened(folder, disk_reserve_bytes=8 * MEBIBYTE) as store:
        assert read(store) == {"a": list(range(kept))}
