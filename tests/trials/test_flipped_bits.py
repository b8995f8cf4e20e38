"""Every bit of every file of a small database: it starts and serves what it had, or names what it has not, or refuses.

Here a hundred bits; scripts/torture bits tries as many as you like.
"""

from __future__ import annotations

from pathlib import Path

from chance import TIMES
from flipping import Bit, by_chance, every, trial

FLIPS = 100 * TIMES


def test_a_flipped_bit_is_never_a_wrong_or_missing_point_without_a_word(tmp_path: Path) -> None:
    outcomes, wrong = trial(tmp_path, lambda sizes: by_chance(sizes, FLIPS, seed=1))
    assert wrong == []
    assert sum(outcomes.values()) == FLIPS
    assert outcomes["named"]
    assert outcomes["refused"]


def test_every_bit_is_in_one_part_of_several() -> None:
    sizes = {Path("a"): 2, Path("b"): 1}
    parts = [list(every(sizes, part, 5)) for part in range(5)]
    assert sorted(bit for part in parts for bit in part) == [
        Bit(Path(file), at, place) for file, at in (("a", 0), ("a", 1), ("b", 0)) for place in range(8)
    ]
