"""One bit of one file of a small database is flipped while it is closed; then it is verified, opened and read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

from trial_database import contents_of, copied, judge, make, opened, quick_disk
from verifying import check_word, said_of

NO_CONTENT = ("lock", "-shm")
"""Files that mean nothing to the next start."""


def trial(folder: Path, flips: int, seed: int) -> Counter[str]:
    """How often it came out right, named and refused. Raises AssertionError, which names file and bit, at the first
    that is neither."""
    chance = Random(seed)
    data = folder / "data"
    make(data)
    outcomes: Counter[str] = Counter()
    with quick_disk():
        store = opened(copied(data, folder / "expected"))
        expected = contents_of(store)
        store.close()
        files = [file for file in sorted(data.rglob("*")) if file.is_file() and not file.name.endswith(NO_CONTENT)]
        sizes = [file.stat().st_size for file in files]
        for _ in range(flips):
            # Every file as often as any other: the small ones decide the most.
            [file] = chance.choices([file for file, size in zip(files, sizes, strict=True) if size])
            at, bit = chance.randrange(file.stat().st_size), chance.randrange(8)
            spoilt = copied(data, folder / "spoilt")
            path = spoilt / file.relative_to(data)
            content = bytearray(path.read_bytes())
            content[at] ^= 1 << bit
            path.write_bytes(content)
            try:
                said = said_of(spoilt)
                outcome = judge(spoilt, expected)
                outcomes[outcome.word] += 1
                check_word(said, outcome)
            except BaseException as wrong:
                wrong.add_note(f"bit {bit} of byte {at} of {file.relative_to(data)}, seed {seed}")
                raise
    return outcomes
