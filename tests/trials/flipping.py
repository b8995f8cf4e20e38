"""One bit of one file of a small database is flipped while it is closed; then it is verified, opened and read."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

from trial_database import Contents, contents_of, copied, judge, make, opened, quick_disk
from verifying import check_word, said_of

NO_CONTENT = ("lock", "-shm")
"""Files that mean nothing to the next start."""


class Bit(NamedTuple):
    """file: below the database.   at: which byte.   place: 0 to 7 in it."""

    file: Path
    at: int
    place: int


Sizes = Mapping[Path, int]
"""Bytes of each file of the database that has any."""


def by_chance(sizes: Sizes, count: int, seed: int) -> Iterator[Bit]:
    """Every file as often as any other: the small ones decide the most."""
    chance, files = Random(seed), list(sizes)
    for _ in range(count):
        file = chance.choice(files)
        yield Bit(file, chance.randrange(sizes[file]), chance.randrange(8))


def every(sizes: Sizes, part: int, parts: int) -> Iterator[Bit]:
    """All bits of all files; of `parts` equal parts only that one, 0 the first."""
    whole = (Bit(file, at, place) for file, size in sizes.items() for at in range(size) for place in range(8))
    return (bit for number, bit in enumerate(whole) if number % parts == part)


class Tried(NamedTuple):
    """outcomes: how often it came out right, named and refused.   wrong: the bits of which it was neither, each with
    what happened."""

    outcomes: Counter[str]
    wrong: list[str]


def trial(folder: Path, choose: Callable[[Sizes], Iterable[Bit]]) -> Tried:
    """Flips them one by one, each in a fresh copy."""
    data = folder / "data"
    make(data)
    tried = Tried(Counter(), [])
    with quick_disk():
        store = opened(copied(data, folder / "expected"))
        expected = contents_of(store)
        store.close()
        files = [file for file in sorted(data.rglob("*")) if file.is_file() and not file.name.endswith(NO_CONTENT)]
        sizes = {file.relative_to(data): file.stat().st_size for file in files if file.stat().st_size}
        for bit in choose(sizes):
            try:
                tried.outcomes[_outcome(data, folder / "spoilt", bit, expected)] += 1
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is told, and the others are tried
                told = traceback.format_exception_only(fault)[-1].strip()
                tried.wrong.append(f"bit {bit.place} of byte {bit.at} of {bit.file}: {told}")
    return tried


def _outcome(data: Path, spoilt: Path, bit: Bit, expected: Contents) -> str:
    path = copied(data, spoilt) / bit.file
    content = bytearray(path.read_bytes())
    content[bit.at] ^= 1 << bit.place
    path.write_bytes(content)
    said = said_of(spoilt)
    outcome = judge(spoilt, expected)
    check_word(said, outcome)
    return outcome.word
