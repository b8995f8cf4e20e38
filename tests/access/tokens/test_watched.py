"""What a server sees of the file, whatever is done to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tokens_for_tests import Tokens

from headrace.access.tokens.watched import WatchedFile
from headrace.errors import Corrupt, Unavailable


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "data")


@pytest.fixture
def watched(tokens: Tokens) -> Iterator[WatchedFile]:
    one = WatchedFile(tokens.path, lambda: None)
    yield one
    one.close()


def names(watched: WatchedFile) -> list[str] | None:
    found = watched.look()
    watched.tell()
    return None if found is None else [token.row.name for token in found.values()]


def test_it_is_read_when_it_comes_and_when_it_changes(tokens: Tokens, watched: WatchedFile) -> None:
    assert names(watched) is None
    tokens.create("ann")
    assert names(watched) == ["ann"]
    assert names(watched) is None
    tokens.create("bob")
    assert names(watched) == ["ann", "bob"]
    watched.note_used({"x": 1})
    assert names(watched) is None


def test_one_that_goes_is_told_until_it_is_back(tokens: Tokens, watched: WatchedFile) -> None:
    tokens.create("ann")
    assert names(watched) == ["ann"]
    kept = tokens.path.rename(tokens.path.with_name("kept"))
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be found"):
            watched.look()
    kept.rename(tokens.path)
    assert names(watched) is None
    tokens.path.unlink()
    tokens.create("bob")
    assert names(watched) == ["bob"]


def test_one_that_cannot_be_read_is_told_and_read_again(tokens: Tokens, watched: WatchedFile) -> None:
    tokens.create("ann")
    sound = tokens.path.read_bytes()
    tokens.path.write_bytes(b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(Corrupt):
            watched.look()
    tokens.path.unlink()
    tokens.path.write_bytes(sound)
    assert names(watched) == ["ann"]


def test_an_older_copy_in_its_place(tokens: Tokens, watched: WatchedFile) -> None:
    tokens.create("ann")
    shutil.copy(tokens.path, tokens.path.with_name("older"))
    tokens.create("bob")
    assert names(watched) == ["ann", "bob"]
    tokens.path.with_name("older").rename(tokens.path)
    assert names(watched) == ["ann"]


def test_each_change_goes_on_record_once(tokens: Tokens, watched: WatchedFile) -> None:
    text = tokens.create("ann", 86_400_000)
    with capture_logs() as logged:
        names(watched)
        names(watched)
        tokens.revoke("ann")
        names(watched)
        again = WatchedFile(tokens.path, lambda: None)
        names(again)
        again.close()
    [row] = tokens.content().tokens
    said = {"event": "on record", "log_level": "info", "token": "ann", "id": row.id, "by": "root"}
    said |= {"at": "2023-11-14T22:13:20Z", "grants": '{"grants":[{"may":["read"]}]}', "expires": "2023-11-15T22:13:20Z"}
    assert logged == [{**said, "what": "token created"}, {**said, "what": "token revoked"}]
    assert text[-43:] not in str(logged)


def test_that_there_are_tokens_is_made_known_once_it_can_be(tokens: Tokens) -> None:
    called: list[bool] = []

    def when_there() -> None:
        called.append(True)
        if len(called) == 1:
            raise Unavailable("the disk is full")

    watched = WatchedFile(tokens.path, when_there)
    watched.look()
    assert called == []
    tokens.create("ann")
    with capture_logs() as logged:
        assert names(watched) == ["ann"]
    assert "the disk is full" in [line.get("reason") for line in logged]
    tokens.create("bob")
    watched.look()
    tokens.create("carl")
    watched.look()
    assert len(called) == 2
    watched.close()


def test_uses_of_a_file_that_is_not_open(watched: WatchedFile) -> None:
    with pytest.raises(Unavailable, match="is not open"):
        watched.note_used({})
