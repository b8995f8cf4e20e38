"""Power cuts, rebuilt from a recording of the real server; scripts/torture powercuts does hundreds.

That the trial can fail is shown by the same recording with the journal's fdatasync left out.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from disk_states import Disk
from forked_server import Nursery
from power_cuts import Recording, Report, record, replay
from tracing import Event

pytestmark = pytest.mark.peer("strace")

CUTS = 6


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("recording"), 1.5, seed=1, kind=0)


def test_power_cuts_lose_nothing_that_was_acknowledged(recording: Recording, forks: Nursery, tmp_path: Path) -> None:
    report = Report()
    replay(recording, tmp_path, CUTS, 1, forks, report)
    assert not report.failures, report.failures
    assert report.cuts == CUTS
    assert report.changes > 50, "there was something to lose"


def test_without_fdatasync_they_do(recording: Recording, forks: Nursery, tmp_path: Path) -> None:
    report = Report()
    replay(recording, tmp_path, CUTS, 1, forks, report, without_fdatasync=True)
    assert len(report.failures) >= 2


ROOT = Path("/disk")
FILE = "/disk/file"


def done(begin: int, kind: str, path: str = FILE, *, lasts: int = 1, other: str = "", data: bytes = b"") -> Event:
    return Event(begin, begin + lasts, kind, path, other, 0, data)


def left(tmp_path: Path, events: list[Event], moment: int, style: str) -> dict[str, bytes]:
    disk = Disk(ROOT, events)
    disk.advance(moment)
    disk.lay_out(tmp_path / style, style, Random(1))
    return {path.name: path.read_bytes() for path in (tmp_path / style).iterdir()}


def test_only_what_was_synced_is_left_for_certain(tmp_path: Path) -> None:
    events = [
        done(1, "create"),
        done(3, "write", data=b"old"),
        done(5, "sync", lasts=4),
        done(6, "write", data=b"new"),
        done(11, "sync", "/disk"),
        done(20, "rename", other="/disk/renamed", lasts=sys.maxsize),
    ]
    assert left(tmp_path, events, 10, "data") == {}, "its name is not on disk"
    assert left(tmp_path, events, 8, "names") == {"file": b""}, "the sync has not ended"
    assert left(tmp_path, events, 19, "nothing") == {"file": b"old"}, "what was written during a sync is not synced"
    assert left(tmp_path, events, 21, "all") == {"renamed": b"new"}
