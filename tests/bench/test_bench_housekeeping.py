"""The benchmark of housekeeping still runs, at a thousandth of its size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import housekeeping


def test_every_measurement_gives_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    housekeeping.seal(tmp_path / "segments", 5000)
    housekeeping.merge(tmp_path / "segments")
    housekeeping.footers(tmp_path / "segments", 0)
    housekeeping.shapes(tmp_path / "shapes", 8000)
    housekeeping.start(tmp_path / "start", 20_000)
    housekeeping.commit(tmp_path / "commit", tmp_path / "segments", 3)
    housekeeping.count_files(tmp_path / "files", 6)
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("20")]
    assert [line.partition(":")[0].split(" of ")[0] for line in lines] == [
        *["seal"] * 4,
        "merge",
        "open",
        *["shape"] * 16,
        "start",
        *["commit"] * 2,
        *["files"] * 2,
    ]
    assert "20,000 rows of 4 files" in lines[4], "each segment holds other times"
