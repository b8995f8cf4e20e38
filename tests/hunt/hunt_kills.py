"""The same threads in a process that is killed again and again: `python hunt_kills.py <folder> <seed> <life>`.

A writer's seed decides what it asks for, so the process need only note, one letter a change, which of them were
acknowledged and which refused; whoever killed it comes to the same model, and to the one change of each writer that
nobody knows of.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from hunt_model import Change
from hunt_steps import START_MS
from hunt_threads import Writer, settings_of, small_limits, writers_of

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.store.embedded.store import open_store

ACKNOWLEDGED, REFUSED = b"+", b"-"
START_S = 300.0
"""A first start compiles the kernels."""


def storm_with_kills(seed: int, kills: int, folder: Path | None = None) -> None:
    """Let the writers run in one database, and kill them; after each kill it must hold what was acknowledged, and what
    was in doubt whole or not at all. Raises AssertionError."""
    chance = Random(seed)
    with tempfile.TemporaryDirectory(dir=folder, prefix="hunt-") as own, small_limits():
        for kill in range(kills):
            _run_until_killed(Path(own), seed, kill, chance.uniform(0.1, 1.5))
            _resolve(Path(own), seed)


def _run_until_killed(folder: Path, seed: int, life: int, after_s: float) -> None:
    before = sum(map(len, _notes(folder)))
    process = subprocess.Popen([sys.executable, __file__, str(folder), str(seed), str(life)])
    try:
        deadline_s = time.monotonic() + START_S
        while process.poll() is None and sum(map(len, _notes(folder))) == before:
            assert time.monotonic() < deadline_s, "nothing is written"
            time.sleep(0.01)
        time.sleep(after_s)
        assert process.poll() is None, "ended by itself; what it said is above"
    finally:
        process.kill()
        process.wait()


def _resolve(folder: Path, seed: int) -> None:
    """Compare, and note of each writer's last change whether it is there."""
    store = open_store(settings_of(folder / "data", seed), Metrics(), lambda: START_MS)
    try:
        assert store.damaged == []
        for number, (writer, notes) in enumerate(zip(writers_of(seed), _notes(folder), strict=True)):
            _go_through(writer, notes)
            without = writer.difference(store, writer.model)
            if without:
                with_it = writer.model.copy()
                with_it.apply(writer.next_change())
                wrong = writer.difference(store, with_it)
                assert not wrong, f"after {len(notes)} changes: {without}\n or, with one more: {wrong}"
            _append(folder, number, REFUSED if without == "" else ACKNOWLEDGED)
    finally:
        store.close()


def _go_through(writer: Writer, notes: bytes) -> None:
    """To where the writer was after the changes of which this was noted."""
    for note in notes:
        change: Change = writer.next_change()
        if note == ACKNOWLEDGED[0]:
            writer.model.apply(change)


def _notes(folder: Path) -> list[bytes]:
    """Of each writer."""
    paths = [_path(folder, number) for number in range(len(writers_of(0)))]
    return [path.read_bytes() if path.exists() else b"" for path in paths]


def _append(folder: Path, number: int, note: bytes) -> None:
    with _path(folder, number).open("ab") as file:
        file.write(note)


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number}.notes"


def _run(folder: Path, seed: int, life: int) -> None:
    """Until killed."""
    writers = writers_of(seed)
    for number, (writer, notes) in enumerate(zip(writers, _notes(folder), strict=True)):
        _go_through(writer, notes)
        writer.note = _noting(folder, number)
    with small_limits():
        asyncio.run(_write_without_end(settings_of(folder / "data", seed + life), writers))


async def _write_without_end(settings: Settings, writers: Sequence[Writer]) -> None:
    store = open_store(settings, Metrics(), lambda: START_MS)
    await asyncio.gather(*(writer.write_without_end(store) for writer in writers))


def _noting(folder: Path, number: int) -> Callable[[bool], None]:
    return lambda acknowledged: _append(folder, number, ACKNOWLEDGED if acknowledged else REFUSED)


if __name__ == "__main__":
    _run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
