"""`headrace verify` as a program: its words, its JSON and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from headrace import cli
from headrace.commands.verify import as_lines
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.store.embedded.store import open_store
from headrace.store.embedded.verifying.findings import Finding, FindingKind
from headrace.store.embedded.verifying.verify import Verified


def headrace(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def test_a_sound_database(tmp_path: Path) -> None:
    open_store(Settings(data_dir=tmp_path), Metrics()).close()
    said = headrace("verify", str(tmp_path))
    assert said.exit_code == 0
    assert said.stdout == "sound: 0 series, 0 points in 0 segments, 0 in the journal, 0 documents\n"
    as_object = json.loads(headrace("verify", str(tmp_path), "--json").stdout)
    assert (as_object["sound"], as_object["findings"]) == (True, [])


def test_what_is_missing_is_named_with_exit_code_1(tmp_path: Path) -> None:
    open_store(Settings(data_dir=tmp_path), Metrics()).close()
    (tmp_path / "documents.sqlite").unlink()
    said = headrace("verify", str(tmp_path))
    assert said.exit_code == 1
    first, last = said.stdout.splitlines()
    assert first == "gap: documents.sqlite: is missing, and with it all documents"
    assert last.startswith("1 finding: ")
    as_object = json.loads(headrace("verify", str(tmp_path), "--json").stdout)
    assert as_object["sound"] is False
    assert [finding["kind"] for finding in as_object["findings"]] == ["gap"]


def test_what_cannot_be_judged_has_exit_code_2(tmp_path: Path) -> None:
    for folder, reason in ((tmp_path, "holds no database"), (tmp_path / "nowhere", "is no directory")):
        said = headrace("verify", str(folder), "--json")
        assert said.exit_code == 2
        assert reason in said.stderr
        assert json.loads(said.stdout)["sound"] is None
    store = open_store(Settings(data_dir=tmp_path), Metrics())
    try:
        said = headrace("verify", str(tmp_path))
    finally:
        store.close()
    assert said.exit_code == 2
    assert "a server (process " in said.stderr


def test_a_name_of_a_stranger_moves_no_terminal() -> None:

    said = as_lines(Verified((Finding(FindingKind.DAMAGE, "documents.sqlite", "the document \x1b[2J\n is damaged"),)))
    assert said.splitlines()[0] == r"damage: documents.sqlite: the document \x1b[2J\n is damaged"
