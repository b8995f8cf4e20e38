"""System calls that fail under load; scripts/torture syscalls does each of them in turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from failing_calls import Case, trial
from forked_server import Nursery

pytestmark = pytest.mark.peer("strace")

CASES = (Case("fdatasync", "EIO"), Case("pread64", "EIO", once=True, reads=True))


def test_calls_that_fail_are_a_503_and_lose_nothing(tmp_path: Path, forks: Nursery) -> None:
    syncs, reads = trial(tmp_path, forks, 1, CASES, full=False)
    assert syncs.hits.failed
    assert syncs.busy
    assert reads.hits.failed
    assert not syncs.wrong, syncs
    assert not reads.wrong, reads
