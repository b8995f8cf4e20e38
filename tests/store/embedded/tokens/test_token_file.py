"""access.sqlite: what is in it, for whom, and what is made of one that is not what was written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.tokens.file import Content, TokenChanges, TokenFile, begin_token_file, is_there
from headrace.store.embedded.tokens.rows import TokenChange, TokenRow

ANN = TokenRow("a" * 12, "ann", '{"grants": [{"may": ["read"]}]}', "$argon2id$", 1, 0, 0)
BOB = TokenRow("b" * 12, "bob", "{}", "$argon2id$", 1, 9, 0)


def change(what: str, token: TokenRow = ANN) -> TokenChange:
    return TokenChange(5, what, token.id, token.name, "root")


def begun(folder: Path) -> Path:
    path = folder / "data" / "access.sqlite"
    assert begin_token_file(path)
    return path


def test_a_new_one_is_its_owners_alone_and_begins_once(tmp_path: Path) -> None:
    path = tmp_path / "made" / "too" / "access.sqlite"
    assert not is_there(path)
    assert begin_token_file(path)
    assert not begin_token_file(path)
    assert is_there(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with closing(TokenFile(path)) as file:
        assert file.read() == Content([], {}, {})


def test_whoever_has_it_open_reads_what_another_has_changed(tmp_path: Path) -> None:
    path = begun(tmp_path)
    with closing(TokenFile(path)) as server, closing(TokenFile(path)) as command:
        before = server.version()
        with command.changing() as changes:
            assert changes.tokens == []
            changes.put(ANN, change("token created"))
            changes.put(BOB, change("token created", BOB))
        assert server.version() != before
        assert server.read() == Content([ANN, BOB], {}, {1: change("token created"), 2: change("token created", BOB)})
        ended = ANN._replace(revoked=7)
        with command.changing() as changes:
            assert changes.tokens == [ANN, BOB]
            changes.put(ended, change("token revoked"))
        server.note_used({ANN.id: 60_000})
        server.note_used({ANN.id: 120_000, BOB.id: 60_000})
        server.note_told(2)
        before = server.version()
        assert server.read() == Content([ended, BOB], {ANN.id: 120_000, BOB.id: 60_000}, {3: change("token revoked")})
        assert server.version() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_all_of_a_change_or_nothing(tmp_path: Path) -> None:
    path = begun(tmp_path)
    with closing(TokenFile(path)) as file:
        with pytest.raises(KeyError), file.changing() as changes:
            _put_and_fail(changes)
        assert file.read() == Content([], {}, {})


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TOKENS_BUSY_S", 0.05)
    path = begun(tmp_path)
    with closing(TokenFile(path)) as one, closing(TokenFile(path)) as other, one.changing() as changes:
        changes.put(ANN, change("token created"))
        with pytest.raises(Unavailable, match="locked"), other.changing():
            pass
        assert other.read() == Content([], {}, {})


def test_a_change_that_was_killed_is_undone(tmp_path: Path) -> None:
    path = begun(tmp_path)
    killed = f"""
import os, signal
from pathlib import Path
from headrace.store.embedded.tokens.file import TokenFile
from headrace.store.embedded.tokens.rows import TokenChange, TokenRow
with TokenFile(Path({str(path)!r})).changing() as changes:
    changes._connection.execute("PRAGMA cache_spill = 1")
    changes._connection.execute("PRAGMA cache_size = 1")
    for number in range(200):
        token = TokenRow(f"{{number:012d}}", "x" * 64, "y" * 1000, "h", 1, 0, 0)
        changes.put(token, TokenChange(1, "token created", token.id, token.name, "root"))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}-journal"]
    assert path.with_name(f"{path.name}-journal").stat().st_mode & 0o777 == 0o600
    with closing(TokenFile(path)) as file:
        assert file.read() == Content([], {}, {})


def test_whether_its_path_still_leads_there(tmp_path: Path) -> None:
    path = begun(tmp_path)
    with closing(TokenFile(path)) as file:
        assert file.is_in_place()
        path.rename(tmp_path / "away")
        with pytest.raises(Unavailable, match="cannot be found: No such file"):
            file.is_in_place()
        begin_token_file(path)
        assert not file.is_in_place()


def test_whether_a_token_holds() -> None:
    assert ANN.holds(10**15)
    assert BOB.holds(8)
    assert not BOB.holds(9)
    assert not ANN._replace(revoked=1).holds(1)


def filled(folder: Path) -> Path:
    path = begun(folder)
    with closing(TokenFile(path)) as file, file.changing() as changes:
        changes.put(ANN, change("token created"))
        changes.put(BOB, change("token created", BOB))
    return path


def spoil(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def read(path: Path) -> Content:
    with closing(TokenFile(path)) as file:
        return file.read()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE tokens SET grants = replace(grants, 'read', 'admin')",
            f"the token '{ANN.id}' is not what was written",
        ),
        ("UPDATE tokens SET revoked = 0, expires = 0", f"the token '{BOB.id}' is not what was written"),
        ("UPDATE tokens SET hash = x'00'", "is not what was written"),
        ("UPDATE tokens SET crc = crc + 1", "is not what was written"),
        ("INSERT INTO uses VALUES ('a', 'b')", "when a token was used is not what was written"),
        ("UPDATE state SET format = 2", "format 2; this server reads format 1"),
        ("DELETE FROM state", "does not say what it is"),
        ("INSERT INTO state VALUES (1, 0)", "does not say what it is"),
        ("UPDATE state SET told = 'x'", "does not say what it is"),
        ("DROP TABLE tokens", "the table tokens is not as it was made"),
        ("ALTER TABLE uses ADD COLUMN more", "the table uses is not as it was made"),
    ],
)
def test_what_was_not_written_is_corrupt(tmp_path: Path, statement: str, said: str) -> None:
    path = filled(tmp_path)
    spoil(path, statement)
    with pytest.raises(Corrupt, match=said):
        read(path)


@pytest.mark.parametrize("content", [b"", b"x", b"SQLite format 3\0", b"x" * 5000, None])
def test_what_is_no_such_file_is_corrupt(tmp_path: Path, content: bytes | None) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    with pytest.raises(Corrupt):
        read(path)


def test_every_flipped_bit_of_a_row_is_found(tmp_path: Path) -> None:
    path = filled(tmp_path)
    sound, content = path.read_bytes(), read(path)
    first, end = sound.index(ANN.grants.encode()), sound.index(ANN.grants.encode()) + len(ANN.grants)
    for at in range(first - 24, end + 20):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1 :])
        try:
            assert read(path).tokens == content.tokens
        except Corrupt:
            continue


@pytest.mark.parametrize("there", ["nothing", "a folder", "a dead link"])
def test_what_is_not_there_or_no_file_is_told(tmp_path: Path, there: str) -> None:
    path = tmp_path / "access.sqlite"
    if there == "a folder":
        path.mkdir()
    if there == "a dead link":
        path.symlink_to(tmp_path / "gone")
        assert is_there(path)
        assert not begin_token_file(path)
    with pytest.raises(Unavailable):
        TokenFile(path)


def test_where_none_can_be_made_nothing_stays(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    path = tmp_path / "data" / "access.sqlite"
    assert not is_there(path)
    with pytest.raises(Unavailable, match="cannot make"):
        begin_token_file(path)
    (tmp_path / "full").mkdir()
    with mock.patch.object(os, "link", _full), pytest.raises(Unavailable, match="cannot make"):
        begin_token_file(tmp_path / "full" / "access.sqlite")
    assert list((tmp_path / "full").iterdir()) == []


def _put_and_fail(changes: TokenChanges) -> None:
    changes.put(ANN, change("token created"))
    raise KeyError


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")
