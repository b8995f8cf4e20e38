"""`headrace backup`, `restore` and `seal` as programs. With a server: tests/clients/test_operations.py."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result
from serverprocess import free_port

from headrace import cli, operating
from headrace.commands.operating import BACKUP_PATH, SEAL_PATH
from headrace.commands.verify import VERIFY_PATH
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.store.embedded.store import open_store


def headrace(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def test_they_ask_where_the_server_answers() -> None:
    asked = (BACKUP_PATH, SEAL_PATH, VERIFY_PATH)
    assert asked == (operating.BACKUP_PATH, operating.SEAL_PATH, operating.VERIFY_PATH)


def test_a_stopped_database_there_and_back(tmp_path: Path) -> None:
    open_store(Settings(data_dir=tmp_path / "data"), Metrics()).close()
    said = headrace("backup", tmp_path / "data", tmp_path / "backup")
    assert said.exit_code == 0
    assert said.stdout.startswith(f"backed up into {tmp_path / 'backup'}: through record 0, ")
    said = headrace("restore", tmp_path / "backup", tmp_path / "again")
    assert said.exit_code == 0
    assert said.stdout == f"restored into {tmp_path / 'again'}: through record 0, 0 points, verified\n"
    assert headrace("verify", tmp_path / "again").exit_code == 0
    refused = headrace("restore", tmp_path / "backup", tmp_path / "again")
    assert refused.exit_code == 1
    assert "is not empty" in refused.stderr


def test_what_cannot_be_done_is_a_sentence_and_exit_code_1(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    for arguments, why in (
        (("seal", nobody), "does not answer"),
        (("seal", "ftp://headrace"), "is not http://host:port"),
        (("backup", nobody, tmp_path / "backup"), "does not answer"),
        (("backup", tmp_path, tmp_path.parent / "backup"), "holds no database"),
        (("restore", tmp_path, tmp_path / "data"), "is no backup"),
    ):
        said = headrace(*arguments)
        assert said.exit_code == 1
        assert said.stderr.startswith("headrace: ")
        assert why in said.stderr
