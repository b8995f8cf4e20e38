"""`scripts/bench commit` measures every kind, and leaves the limits as they were."""

from __future__ import annotations

import argparse

import pytest

from bench import commit
from headrace import limits


def test_a_row_for_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    before = limits.JOURNAL_SMALL_COMMIT_BYTES
    assert commit.run(argparse.Namespace(commits=0, quick=True)) == 0
    assert before == limits.JOURNAL_SMALL_COMMIT_BYTES
    rows = [line.split("|")[1:4] for line in capsys.readouterr().out.splitlines()[2:]]
    kinds = [(int(points), room.strip()) for points, _, room in rows]
    assert kinds == [(1, "yes"), (1, "no"), (50, "yes"), (1000, "yes"), (20_000, "no")]
