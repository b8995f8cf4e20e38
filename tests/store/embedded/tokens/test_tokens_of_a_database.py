"""access.sqlite as a part of a database: it is missed, verified, backed up and restored."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from small_database import Database, database

from headrace.errors import Incomplete
from headrace.store.embedded.backups.archive import TarOfBackup
from headrace.store.embedded.backups.backing_up import back_up_stopped
from headrace.store.embedded.backups.label import CannotBackUp
from headrace.store.embedded.backups.restoring import restore, verify_backup
from headrace.store.embedded.tokens.file import TokenFile, begin_token_file
from headrace.store.embedded.tokens.rows import TokenChange, TokenRow
from headrace.store.embedded.verifying.verify import verify

ROW = TokenRow("a" * 12, "ann", "{}", "$argon2id$", 1, 0, 0)
MISSING = "is missing, by whose tokens senders are known; headrace token create begins a new one"


def put(path: Path, row: TokenRow = ROW) -> None:
    begin_token_file(path)
    with closing(TokenFile(path)) as file, file.changing() as changes:
        changes.put(row, TokenChange(1, "token created", row.id, row.name, "root"))


def tokens_in(folder: Path) -> list[TokenRow]:
    path = folder / "access.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(TokenFile(path)) as file:
        return file.read().tokens


@contextmanager
def with_tokens() -> Iterator[tuple[Database, Path]]:
    with database() as made:
        data = made.settings.data_dir
        put(data / "access.sqlite")
        made.store.note_tokens()
        yield made, data


def found(folder: Path) -> list[tuple[str, str, str]]:
    return [(str(one.kind), one.file, one.what) for one in verify(folder).findings]


def test_a_database_that_has_lost_it_does_not_open() -> None:
    with with_tokens() as (made, data):
        made.store.close()
        kept = (data / "access.sqlite").rename(data / "kept")
        with pytest.raises(Incomplete, match=f"access.sqlite {MISSING}") as refused:
            made.open()
        assert "--accept-loss" not in str(refused.value)
        assert found(data) == [("gap", "access.sqlite", MISSING)]
        kept.rename(data / "access.sqlite")
        assert found(data) == []
        made.store = made.open()


def test_without_any_nothing_is_missed() -> None:
    with database() as made:
        made.store.close()
        assert found(made.settings.data_dir) == []
        made.store = made.open()


def test_a_damaged_one_is_found() -> None:
    with with_tokens() as (made, data):
        made.store.close()
        with closing(sqlite3.connect(data / "access.sqlite")) as connection, connection:
            connection.execute("UPDATE tokens SET grants = '{\"a\": 1}'")
        assert found(data) == [("damage", "access.sqlite", f"the token '{ROW.id}' is not what was written")]
        (data / "access.sqlite").write_bytes(b"x" * 5000)
        [(kind, file, _)] = found(data)
        assert (kind, file) == ("damage", "access.sqlite")
        begin = data / "access.sqlite"
        begin.unlink()
        put(begin)
        made.store = made.open()


@pytest.mark.parametrize("stopped", [False, True])
def test_there_and_back(tmp_path: Path, stopped: bool) -> None:
    with with_tokens() as (made, data):
        if stopped:
            made.store.close()
            back_up_stopped(data, tmp_path / "backup", 1)
            made.store = made.open()
        else:
            made.store.back_up(tmp_path / "backup")
        assert tokens_in(tmp_path / "backup") == [ROW]
        verify_backup(tmp_path / "backup")
        restore(tmp_path / "backup", tmp_path / "restored")
        assert tokens_in(tmp_path / "restored") == [ROW]
        with (tmp_path / "backup.tar").open("wb") as file:
            file.writelines(TarOfBackup(tmp_path / "backup").chunks())
        with tarfile.open(tmp_path / "backup.tar") as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
        assert tokens_in(tmp_path / "unpacked") == [ROW]
        (tmp_path / "backup" / "access.sqlite").unlink()
        with pytest.raises(CannotBackUp, match=r"is not sound: access\.sqlite"):
            verify_backup(tmp_path / "backup")


def test_a_backup_of_a_server_that_has_not_noticed_them_yet(tmp_path: Path) -> None:
    with database() as made:
        put(made.settings.data_dir / "access.sqlite")
        made.store.back_up(tmp_path / "backup")
        assert tokens_in(tmp_path / "backup") == [ROW]
        verify_backup(tmp_path / "backup")


def test_what_is_changed_meanwhile_is_in_it_or_not(tmp_path: Path) -> None:
    with with_tokens() as (made, data), closing(TokenFile(data / "access.sqlite")) as file, file.changing() as changes:
        changes.put(ROW._replace(id="b" * 12), TokenChange(1, "token created", "b" * 12, "ann", "root"))
        made.store.back_up(tmp_path / "backup")
        assert tokens_in(tmp_path / "backup") == [ROW]
