"""A journal that ends anywhere, reads of a start that fail; scripts/torture reads tries every byte and every call."""

from __future__ import annotations

from pathlib import Path

import pytest
from forked_server import Nursery
from reading_back import cut_trial, fault_trial


def test_a_journal_that_ends_anywhere_has_what_came_before(tmp_path: Path, forks: Nursery) -> None:
    outcomes = cut_trial(tmp_path, forks, every=179)
    assert outcomes["right"]


@pytest.mark.peer("strace")
def test_a_start_whose_reads_fail_is_right_or_refused(tmp_path: Path, forks: Nursery) -> None:
    outcomes = fault_trial(tmp_path, forks, seed=1, every=300, calls=("pread64",))
    refused = sum(count for word, count in outcomes.items() if "refused" in word)
    assert refused
