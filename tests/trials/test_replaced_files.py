"""Each file of a database replaced by an older copy, by nothing, by an empty one, by another database's; and all pairs:
it starts and serves what it had, or names what it has not, or refuses."""

from __future__ import annotations

from pathlib import Path

from replacing import choices, trial


def test_a_replaced_file_is_never_a_wrong_or_missing_point_without_a_word(tmp_path: Path) -> None:
    outcomes = trial(tmp_path, pairs=True)
    assert sum(outcomes.values()) == len(choices(pairs=True))
    assert set(outcomes) == {"right", "named", "refused"}
