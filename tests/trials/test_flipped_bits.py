"""Every bit of every file of a small database: it starts and serves what it had, or names what it has not, or refuses.

Here a few hundred bits; scripts/torture bits tries as many as you like.
"""

from __future__ import annotations

from pathlib import Path

from flipping import trial


def test_a_flipped_bit_is_never_a_wrong_or_missing_point_without_a_word(tmp_path: Path) -> None:
    outcomes = trial(tmp_path, flips=400, seed=1)
    assert sum(outcomes.values()) == 400
    assert outcomes["named"]
    assert outcomes["refused"]
