"""Files of a small database are replaced while it is closed: by what they were an hour ago, by nothing, by an empty
one, by those of another database, and two of them at a time."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from itertools import combinations
from pathlib import Path

from trial_database import KEYS, LATE, NAMES, contents_of, copied, judge, keep, make, opened, put, quick_disk, seal
from verifying import check_word, said_of

PARTS = ("catalog.sqlite", "documents.sqlite", "segments/current.json", "segments", "journal")
WAYS = ("older", "missing", "empty", "foreign")
NEWEST = "the journal's newest file"
WAYS_OF_NEWEST = ("missing", "empty", "foreign")

Replacement = tuple[str, str]
REPLACEMENTS: list[Replacement] = [
    *((NEWEST, way) for way in WAYS_OF_NEWEST),
    *((part, way) for part in PARTS for way in WAYS),
]
UNNOTICED = ((NEWEST, "missing"), ("segments/current.json", "older"))
"""And an older copy of the journal's newest file alone, which is not tried (docs/decisions/trust.md)."""


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
        for chosen in choices(pairs):
            spoilt = copied(data, folder / "spoilt")
            for part, way in chosen:
                name = newest_of_journal(spoilt) if part == NEWEST else part
                instead = newest_of_journal(foreign) if part == NEWEST else part
                replace(spoilt / name, way, {"older": older / name, "foreign": foreign / instead})
            try:
                said = said_of(spoilt)
                outcome = judge(spoilt, expected)
                outcomes[outcome.word] += 1
                check_word(said, outcome)
            except BaseException as wrong:
                wrong.add_note(f"replaced: {chosen}")
                raise
    return outcomes


def choices(pairs: bool) -> list[tuple[Replacement, ...]]:
    """Each alone, and of two parts that are not the same."""
    twos = [two for two in combinations(REPLACEMENTS, 2) if two[0][0] != two[1][0] and two != UNNOTICED]
    return [*((one,) for one in REPLACEMENTS), *(twos if pairs else ())]


def go_on(data: Path) -> None:
    """An hour passes: all files change, and the journal has two."""
    with closing(opened(data)) as store:
        put(store, NAMES[4], 40, range(20, 25))
        put(store, LATE, 40, range(20, 22))
        keep(store, KEYS[:2])
        seal(store)
        put(store, NAMES[1], 40, range(20, 25))
        seal(store)
        put(store, NAMES[0], 40, range(20, 22))
    with closing(opened(data)) as store:
        put(store, NAMES[3], 40, range(22, 24))


def newest_of_journal(data: Path) -> str:
    return f"journal/{max((data / 'journal').glob('*.journal')).name}"


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
