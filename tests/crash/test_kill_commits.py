"""`kill -9` under commits of documents, points and deletes, with seals between them: all of a commit is there, or
nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from random import Random

from chance import TIMES
from committing import KEPT

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.store.embedded.store import EmbeddedStore, open_store


def committed_until_killed(folder: Path, first: int, chance: Random) -> int:
    """The last number that was acknowledged."""
    script = Path(__file__).with_name("committing.py")
    process = subprocess.Popen([sys.executable, str(script), str(folder), str(first)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    head = process.stdout.readline()
    time.sleep(chance.uniform(0.1, 0.8))
    process.kill()
    lines = [line for line in (head, *process.stdout) if line.endswith(b"\n")]
    process.wait()
    return int(lines[-1])


def check(store: EmbeddedStore, acknowledged: int) -> int:
    """Returns the last number that is there: the one acknowledged last, or the one after it."""
    tokens = [int(key) for key, _ in store.documents("token", "", "~")]
    last = tokens[-1]
    assert last in (acknowledged, acknowledged + 1)
    assert tokens == [*range(last + 1)]
    tenth = last - last % 10
    forms = [key for key, _ in store.documents("form", "", "~")]
    assert forms == [f"{number:08d}/{part}" for number in range(max(tenth - KEPT, 0), last + 1) for part in "ab"]
    with store.snapshot() as snapshot:
        times = snapshot.select(snapshot.find("m", {}), 0, 10**9).times.tolist()
    assert times == [*range(tenth, last + 1)]
    assert store.damaged == []
    return last


def test_a_commit_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    chance, next_number = Random(7), 0
    for _ in range(2 * TIMES):
        acknowledged = committed_until_killed(tmp_path, next_number, chance)
        assert acknowledged > next_number, "it did run"
        store = open_store(Settings(data_dir=tmp_path, disk_reserve_bytes=0), Metrics())
        next_number = check(store, acknowledged) + 1
        store.close()
