"""What may be in the way of a data directory. As a process without power over files: test_preflight_examine.py."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from headrace import limits
from headrace.loading import load
from headrace.preflight import folder
from headrace.preflight.findings import Finding
from headrace.preflight.in_use import LOCK
from headrace.store.embedded import parts


def found(place: Path) -> list[Finding]:
    return list(folder.data_dir(load({"data_dir": str(place)})))


def only(place: Path) -> str:
    [finding] = found(place)
    assert (finding.setting, finding.is_error) == ("data_dir", True)
    assert finding.what.startswith(f'data_dir = "{place}" (from --data-dir) cannot be used: ')
    return finding.what.partition(" cannot be used: ")[2]


@pytest.mark.parametrize("place", ["data", "deep/er/data"])
def test_what_can_be_made_is_not_made(tmp_path: Path, place: str) -> None:
    assert found(tmp_path / place) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_directory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert only(file) == f"{file} is no directory; move it away, or name another place"
    assert only(file / "data") == f"{file / 'data'} cannot be made, as {file} is no directory; name another place"


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    why = only(tmp_path / ("ä" * 200) / "data")
    assert why == f"a name in it has 400 bytes, and {tmp_path} takes 255; name another place"


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "mnt")
    assert "is a link that leads nowhere; make " in only(tmp_path / "link")
    (tmp_path / "mnt").mkdir()
    assert found(tmp_path / "link") == []


def with_free_bytes(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free // 512, f_frsize=512, f_flag=0))


def test_a_full_disk_is_in_the_way_of_a_new_database_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    with_free_bytes(monkeypatch, 51_200)
    assert only(data) == (
        f"the disk of {tmp_path} is full: 51 kB are free, and a new database needs 262 kB; free some room, or name "
        "another place"
    )
    data.mkdir()
    (data / parts.CATALOG).touch()
    [warning] = found(data)
    assert not warning.is_error, "what is there is served, if it can be opened"
    assert warning.what == (
        f"data_dir: the disk of {data} is full: 51 kB are free, and it may take 81 to open the database; free some room"
    )


def test_less_room_than_the_reserve_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_free_bytes(monkeypatch, limits.DISK_RESERVE_BYTES)
    assert found(tmp_path) == []
    with_free_bytes(monkeypatch, 100_000_256)
    [warning] = found(tmp_path)
    assert (warning.setting, warning.is_error) == ("disk_reserve_bytes", False)
    assert warning.what == (
        "disk_reserve_bytes = 268435456 (from default) is more than the 100 MB that are free on the disk of "
        f"{tmp_path}: points are refused (503) until more is; free some room, or reserve less"
    )


def test_the_entries_are_those_of_the_store() -> None:
    ours = {parts.CATALOG, parts.DOCUMENTS, parts.ACCESS, parts.JOURNAL, parts.SEGMENTS, LOCK}
    assert set(folder.ENTRIES) == ours
