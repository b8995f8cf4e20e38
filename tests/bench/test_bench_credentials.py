"""`scripts/bench credentials` measures every kind."""

from __future__ import annotations

import argparse

import pytest

from bench import credentials


def test_a_row_for_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert credentials.run(argparse.Namespace(quick=True)) == 0
    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows[2:6] == ["nobody is asked", "token", "token of headrace token", "user and password"]
    assert rows[8:] == [str(size) for size in credentials.BODIES]
