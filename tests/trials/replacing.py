"""Files of a small database are replaced while it is closed: by what they were an hour ago, by nothing, by an empty
one, by those of another database, and two of them at a time."""

from __future__ import annotations

import shutil
from collections import Counter
from itertools import combinations
from pathlib import Path

from trial_database import KEYS, LATE, NAMES, contents_of, copied, judge, keep, make, opened, put, quick_disk, seal
from verifying import check_word, said_of

PARTS = ("catalog.sqlite", "documents.sqlite", "segments/current.json", "segments", "journal")
WAYS = ("older", "missing", "empty", "foreign")


def trial(folder: Path, pairs: bool) -> Counter[str]:
    """How often it came out right, named and refused. Raises AssertionError, which says what was replaced by what, at
    the first that is neither."""
    data, older, foreign = folder / "data", folder / "older", folder / "foreign"
    make(data)
    copied(data, older)
    make(foreign)
    outcomes: Counter[str] = Counter()
    with quick_disk():
        go_on(data)
        store = opened(copied(data, folder / "expected"))
        expected = contents_of(store)
        store.close()
        replacements = [(part, way) for part in PARTS for way in WAYS]
        for chosen in [*combinations(replacements, 1), *(combinations(replacements, 2) if pairs else ())]:
            if len({part for part, _ in chosen}) < len(chosen):
                continue
            spoilt = copied(data, folder / "spoilt")
            for part, way in chosen:
                replace(spoilt / part, way, {"older": older / part, "foreign": foreign / part})
            try:
                said = said_of(spoilt)
                outcome = judge(spoilt, expected)
                outcomes[outcome.word] += 1
                check_word(said, outcome)
            except BaseException as wrong:
                wrong.add_note(f"replaced: {chosen}")
                raise
    return outcomes


def go_on(data: Path) -> None:
    """An hour passes: all files change."""
    store = opened(data)
    try:
        put(store, NAMES[4], 40, range(20, 25))
        put(store, LATE, 40, range(20, 22))
        keep(store, KEYS[:2])
        seal(store)
        put(store, NAMES[1], 40, range(20, 25))
        seal(store)
        put(store, NAMES[0], 40, range(20, 22))
    finally:
        store.close()


def replace(path: Path, way: str, copies: dict[str, Path]) -> None:
    """A file of SQLite goes with what it keeps beside itself."""
    beside = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")] if path.suffix == ".sqlite" else []
    was_folder = path.is_dir()
    for file in (path, *beside):
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)
    if way in copies and copies[way].exists():
        source = copies[way]
        shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
        for file in beside:
            if (kept := source.with_name(file.name)).exists():
                shutil.copy(kept, file)
    elif way == "empty":
        path.mkdir() if was_folder else path.touch()
