"""Copies of the database in its own directory go, and never stop anybody."""

from __future__ import annotations

from pathlib import Path

from headrace.store.embedded.backups.own_copies import remove_copies


def test_those_that_are_named_go_and_by_default_all(tmp_path: Path) -> None:
    for name in ("verifying", "streaming", "segments"):
        (tmp_path / name / "copy").mkdir(parents=True)
    remove_copies(tmp_path, "streaming")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["segments", "verifying"]
    remove_copies(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["segments"]


def test_a_folder_that_cannot_be_removed_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "verifying").write_text("a file")
    (tmp_path / "streaming").mkdir()
    remove_copies(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["verifying"]
