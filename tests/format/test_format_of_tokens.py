"""Tokens that an earlier version made are known for ever: a file of format 1 and the tokens that were shown then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headrace.access.tokens.source import TokenSource
from headrace.access.tokens.watched import WatchedFile
from headrace.errors import Refused

SAMPLE = Path(__file__).parent / "tokens-v1.sqlite"
NOW_MS = 1_700_000_060_000
ANN = "headrace_a0d144190ebc_Ov11uCeycWDj_5Ikoa8_YwKa9eV8IIpR4HJ0XAHxqjY"
BOB = "headrace_8bc6bb9fd88e_7hEF3VzVl-SgTghjv1Twqt7vLnZsmIBACrFB8LkpU60"
CARL = "headrace_a0b0682296e5_0dXzeqx5nnxbnUeBFZhq9PdtNaWboJVLu9wjuwgEvK0"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return shutil.copyfile(SAMPLE, tmp_path / "access.sqlite")


async def test_they_let_in_whom_they_did(path: Path) -> None:
    source = TokenSource(path, lambda: NOW_MS)
    source.open()
    async with source.work():
        found = await source.find(b"bearer", ANN.encode(), "10.0.0.1")
        assert found
        who = found.principal
        assert who.name == "tokens.ann"
        assert [who.may("read", room) for room in ("opentsdb", "kairosdb", "apollo")] == [True, False, False]
        assert [who.may("write", room) for room in ("opentsdb", "kairosdb", "apollo")] == [False, False, True]
        assert who.collections
        assert who.collections.collections == {"plant": "owner"}
        for token, why in ((BOB, "has expired"), (CARL, "was revoked")):
            with pytest.raises(Refused, match=f"{why}$"):
                await source.find(b"bearer", token.encode(), "10.0.0.1")


def test_all_else_is_as_it_was(path: Path) -> None:
    watched = WatchedFile(path, lambda: None)
    tokens = watched.look()
    assert tokens
    assert [(token.row.name, token.used) for token in tokens.values()] == [
        ("ann", 1_700_000_040_000),
        ("bob", 0),
        ("carl", 0),
    ]
    assert [(token.row.created, token.row.expires, token.row.revoked) for token in tokens.values()] == [
        (1_700_000_000_000, 0, 0),
        (1_700_000_000_000, 1_700_000_001_000, 0),
        (1_700_000_000_000, 0, 1_700_000_000_000),
    ]
    watched.close()
