"""`scripts/bench housekeeping`: sealing, merging and the next start of the embedded store, without a room before it.

Data: 4000 series in 50 metrics, a point every 10 s, two decimals. Each measurement is a process of its own, so that its
peak of memory is its own too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import multiprocessing
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import structlog
from numpy.typing import NDArray

from headrace import limits
from headrace.config import Settings
from headrace.memory import anonymous_bytes, give_back_freed_memory
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import EncodedNames, series_name
from headrace.store.embedded.housekeeping.housekeeping import size_of
from headrace.store.embedded.journal.format import crc_seed, frame_commit
from headrace.store.embedded.journal.records import encode_points
from headrace.store.embedded.recent.recent import Recent
from headrace.store.embedded.segments.files import segment
from headrace.store.embedded.segments.files.footers import Footers
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.folder import open_folder
from headrace.store.embedded.segments.making.forgetting import KEEP_ALL
from headrace.store.embedded.segments.making.merge_plan import plan_merge
from headrace.store.embedded.segments.making.merging import Merge
from headrace.store.embedded.store import EmbeddedStore, open_store

SERIES = 4000
METRICS = 50
STEP_MS = 10_000
START_MS = 1_700_000_000_000
BATCH_POINTS = 20_000
COMMIT_POINTS = 1000
COMMIT_EACH_S = 0.005
FOOTER_TURNS = 20


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--quick", action="store_true", help="a hundredth of the data: does everything still work?")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. 1 when a measurement failed."""
    share = 100 if arguments.quick else 1
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        segments = Path(folder) / "segments"
        return int(
            in_own_process(seal, segments, 4_000_000 // share)
            or in_own_process(merge, segments)
            or in_own_process(footers, segments, limits.FOOTERS_BYTES_MAX)
            or in_own_process(footers, segments, 0)
            or in_own_process(shapes, Path(folder) / "shapes", 1_000_000 // share)
            or in_own_process(start, Path(folder) / "start", 5_000_000 // share)
            or in_own_process(start_single, Path(folder) / "single", 500_000 // share)
            or in_own_process(commit, Path(folder) / "commit", segments, 2000 // share)
            or in_own_process(count_files, Path(folder) / "files", 500 // (share**0.5))
        )


def in_own_process(measure: Callable[..., None], *arguments: object) -> bool:
    """Whether it failed."""
    process = multiprocessing.get_context("spawn").Process(target=quietly, args=(measure, *arguments))
    process.start()
    process.join()
    return process.exitcode != 0


def quietly(measure: Callable[..., None], *arguments: object) -> None:
    """With what the store logs of its daily work left out."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    measure(*arguments)


class Watch:
    """Wall and CPU time of this process, all threads, since it was made."""

    def __init__(self) -> None:
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        return f"{time.perf_counter() - self._began:.2f} s ({time.process_time() - self._cpu:.2f} s of CPU)"


def no_names(ordinals: NDArray[np.uint32]) -> EncodedNames:
    """No series is new, so none is asked for."""
    assert not len(ordinals)
    return EncodedNames(np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.uint8))


def seal(folder: Path, points: int) -> None:
    """Four generations of so many points, each its own segment."""
    opened = open_folder(folder, "bench").folder
    for number in range(1, 5):
        recent = Recent(points)
        for begin in range(0, points, BATCH_POINTS):
            recent.append(batch(number * points + begin, min(BATCH_POINTS, points - begin), ALL_SERIES), number)
        watch = Watch()
        segment = opened.seal(recent.view(), metric_ids, ALL_SERIES[:0], no_names, KEEP_ALL)
        assert segment is not None
        print(f"seal: {points:,} points in {watch}, {segment.meta.bytes / points:.2f} bytes each")


def merge(folder: Path) -> None:
    """All segments of the folder into one file beside it."""
    segments = open_folder(folder, "bench").segments
    before = peak_mb()
    began = time.perf_counter()
    groups = Merge(segments, (), metric_ids, KEEP_ALL, lambda: None).kept()
    meta = write_segment(folder.parent, groups, (1, 4), metric_ids, "bench")
    seconds = time.perf_counter() - began
    print(
        f"merge: {meta.rows:,} rows of {len(segments)} files in {seconds:.2f} s, {meta.rows / seconds / 1e6:.1f} "
        f"million/s, {peak_mb() - before:.0f} MB of memory"
    )


def footers(folder: Path, bytes_max: int) -> None:
    """What open segments take, with so many bytes of parsed footers."""
    with mock.patch.object(segment, "FOOTERS", Footers(bytes_max)):
        opened = [open_folder(folder, "bench")]
        gc.collect()
        give_back_freed_memory()
        before, began = anonymous_bytes(), time.perf_counter()
        opened += [open_folder(folder, "bench") for _ in range(FOOTER_TURNS)]
        seconds = time.perf_counter() - began
        gc.collect()
        give_back_freed_memory()
        taken = anonymous_bytes() - before
    points = FOOTER_TURNS * sum(one.meta.rows for one in opened[0].segments)
    print(
        f"open: {taken / points:.4f} bytes and {seconds * 1e9 / points:.2f} ns a sealed point, "
        f"with {bytes_max / 1e6:.0f} MB of footers"
    )


def shapes(folder: Path, points: int) -> None:
    """Bytes a point of a segment, by the shape of times and values and by how many points of a series it has: a fresh
    segment of many series has few, a merged one more."""
    for each in (points // SERIES, 64, 16, 1):
        shapes_of(folder / str(each), points, points // each)


def shapes_of(folder: Path, points: int, series: int) -> None:
    """The same number of points of each series; the times of all of them are those of their rounds."""
    chance = np.random.default_rng(3)
    of = np.arange(points) % series
    round_ = np.arange(points) // series
    noise = np.round(50 + 10 * np.sin(round_ / 100) + chance.normal(size=points), 2)
    steps = chance.integers(0, 1000, size=(-(-points // series), series)).cumsum(axis=0) + chance.integers(
        0, 10**9, series
    )
    doubles = np.full(points, Kind.DOUBLE, dtype=np.uint8)
    integers = np.full(points, Kind.INT64, dtype=np.uint8)
    regular = START_MS + round_ * STEP_MS
    measured = {
        "two decimals, regular times": (regular, Values(doubles, noise.view(np.int64))),
        "two decimals, times jittered by 0 to 500 ms": (
            regular + chance.integers(0, 500, points),
            Values(doubles, noise.view(np.int64)),
        ),
        "counters, regular times": (regular, Values(integers, steps.reshape(-1)[:points])),
        "full precision, regular times": (regular, Values(doubles, chance.normal(size=points).view(np.int64))),
    }
    for number, (name, (times, values)) in enumerate(measured.items()):
        opened = open_folder(folder / str(number), "bench").folder
        recent = Recent(points)
        recent.append(Admitted(of.astype(np.uint32), times, values), 1)
        segment = opened.seal(recent.view(), metric_ids, ALL_SERIES[:0], no_names, KEEP_ALL)
        assert segment is not None
        size = f"{segment.meta.bytes / points:.2f} bytes a point"
        print(f"shape: {name}: {size} in {points:,} points, {points // series} a series")


def start(folder: Path, points: int) -> None:
    """So many points in the journal and in no segment."""
    settings = Settings(data_dir=folder, seal_points=2 * points)
    store = open_store(settings, Metrics())
    asyncio.run(write(store, points))
    store.close()
    watch = Watch()
    store = open_store(settings, Metrics())
    print(f"start: {points:,} unsealed points read back in {watch}")
    store.close()


def start_single(folder: Path, points: int) -> None:
    """So many points in the journal, each a commit of its own, as a sender of one point at a time leaves them."""
    settings = Settings(data_dir=folder, seal_points=2 * points)
    store = open_store(settings, Metrics())
    asyncio.run(write(store, BATCH_POINTS))  # brings the names
    sequence = store._parts.journal.last_sequence
    database = store._parts.catalog.database_id
    store.close()
    [file] = (folder / "journal").glob("*.journal")
    seed = crc_seed(database, 1)
    with file.open("ab") as journal:
        for number in range(points):
            record = encode_points(batch(number, 1, ALL_SERIES), START_MS)
            journal.writelines(frame_commit([record], sequence + 1 + number, seed))
    watch = Watch()
    store = open_store(settings, Metrics())
    print(f"start: {points:,} points of as many commits read back in {watch}")
    assert store._parts.visible.recent_points == BATCH_POINTS + points
    store.close()


def commit(folder: Path, segments_folder: Path, commits: int) -> None:
    """The time of a commit, alone and beside merges that follow one another."""
    store = open_store(Settings(data_dir=folder, seal_points=10**7), Metrics())
    series = registered(store)
    report("alone", asyncio.run(paced(store, series, commits)))
    stopping = threading.Event()
    merger = threading.Thread(target=merge_on, args=(segments_folder, stopping))
    merger.start()
    report("beside merges", asyncio.run(paced(store, series, commits)))
    stopping.set()
    merger.join()
    store.close()


def merge_on(folder: Path, stopping: threading.Event) -> None:
    segments = open_folder(folder, "bench").segments
    while not stopping.is_set():
        groups = Merge(segments, (), metric_ids, KEEP_ALL, lambda: None).kept()
        write_segment(folder.parent, groups, (1, 4), metric_ids, "bench")


def report(name: str, waits_s: list[float]) -> None:
    median, p99, worst = np.percentile(waits_s, [50, 99, 100]) * 1000
    print(f"commit of {COMMIT_POINTS} points {name}: median {median:.2f} ms, p99 {p99:.2f} ms, worst {worst:.1f} ms")


def count_files(folder: Path, seals: float) -> None:
    """A store that seals 1000 points at a time: files after endless ingest, then after a backfill of ten years."""
    store = open_store(Settings(data_dir=folder, seal_points=COMMIT_POINTS, seal_age_s=3600), Metrics())
    series = registered(store)
    chance = np.random.default_rng(1)
    for name, span_ms in {"ingest in order": 0, "backfill of ten years": 10 * 365 * 86_400_000}.items():
        for number in range(int(seals)):
            points = batch(number * COMMIT_POINTS, COMMIT_POINTS, series)
            points.times[:] -= chance.integers(0, span_ms + 1, COMMIT_POINTS)
            asyncio.run(append(store, points))
        while store._parts.visible.seal_waits or planned(store):
            time.sleep(0.05)
        print(f"files: {len(store._parts.folder.current.segments)} after {int(seals)} seals more, {name}")
    store.close()


def planned(store: EmbeddedStore) -> bool:
    return plan_merge([size_of(meta) for meta in store._parts.folder.current.segments]) is not None


async def append(store: EmbeddedStore, points: Admitted) -> None:
    await store.append(points)


async def write(store: EmbeddedStore, points: int) -> None:
    series = registered(store)
    for begin in range(0, points, BATCH_POINTS):
        await store.append(batch(begin, BATCH_POINTS, series))


async def paced(store: EmbeddedStore, series: NDArray[np.uint32], commits: int) -> list[float]:
    """Seconds of each commit."""
    waits_s = []
    for number in range(commits):
        points = batch(number * COMMIT_POINTS, COMMIT_POINTS, series)
        began = time.perf_counter()
        await store.append(points)
        waits_s.append(time.perf_counter() - began)
        await asyncio.sleep(COMMIT_EACH_S)
    return waits_s


ALL_SERIES = np.arange(SERIES, dtype=np.uint32)


def metric_ids(ordinals: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return (ordinals % METRICS).astype(np.uint32)


def registered(store: EmbeddedStore) -> NDArray[np.uint32]:
    names = [series_name(f"metric.{n % METRICS}", {"host": f"host-{n // METRICS:04d}"}) for n in range(SERIES)]
    return np.array([store.table.register(store.table.key_of(name), name, 0) for name in names], dtype=np.uint32)


def batch(begin: int, points: int, series: NDArray[np.uint32]) -> Admitted:
    """Points `begin` and on of an endless stream: all series in turn, then all again a step later."""
    numbers = np.arange(begin, begin + points)
    doubles = np.round(50 + 10 * np.sin(numbers / 1e6) + np.random.default_rng(begin).normal(size=points), 2)
    values = Values(np.full(points, Kind.DOUBLE, dtype=np.uint8), doubles.view(np.int64))
    return Admitted(series[numbers % SERIES], START_MS + numbers // SERIES * STEP_MS, values)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
