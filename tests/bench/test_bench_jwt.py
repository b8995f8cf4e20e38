"""`scripts/bench jwt` measures every kind."""

from __future__ import annotations

import argparse

import pytest

from bench import jwt


def test_every_kind_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert jwt.run(argparse.Namespace(quick=True)) == 0
    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert rows[1:2] == ["token"]
    assert rows[4:] == [f"{algorithm} {size}" for algorithm, _, size in jwt.KEYS]
