"""The benchmark of series still works."""

from __future__ import annotations

import json

import pytest

from bench import series
from bench.__main__ import main


def test_every_body_brings_series_of_its_own() -> None:
    names = [json.dumps(point["tags"]) for first in (0, 1000) for point in json.loads(series.body(first))]
    assert len(set(names)) == len(names) == 2 * series.SERIES_PER_REQUEST


def test_a_quick_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "series", "--quick"])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr().out
    assert ended.value.code == 0, shown
    assert shown.endswith("ok\n")
