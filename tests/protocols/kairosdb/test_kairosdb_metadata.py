"""Metadata as KairosDB's MetadataResource and its test have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kairosdb_room import kairosdb_room

from headrace import limits
from headrace.protocols.kairosdb import metadata


async def test_texts_are_kept_listed_and_forgotten(tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        for path in ("boards/a/one", "boards/a/two", "boards/b%2Fc/one", "other/a/one"):
            assert (await kairos.ask(f"metadata/{path}", f"text of {path}")).status == 204
        await kairos.ask("metadata/boards/a/two", "again é")
    # A server that starts again has them.
    with kairosdb_room(tmp_path / "data") as kairos:
        found = await kairos.get("metadata/boards/a/two")
        assert found.headers["content-type"] == "application/json;charset=utf-8"
        assert (found.status, found.body.decode()) == (200, "again é")
        assert (await kairos.get("metadata/boards/b%2Fc/one")).body == b"text of boards/b%2Fc/one"
        assert (await kairos.get("metadata/boards")).json == {"results": ["a", "b/c"]}
        assert (await kairos.get("metadata/boards/a/")).json == {"results": ["one", "two"]}
        assert (await kairos.get("metadata/boards/a?startsWith=t")).json == {"results": ["two"]}
        assert (await kairos.get("metadata/nobody")).json == {"results": []}
        for _ in range(2):
            assert (await kairos.ask("metadata/boards/a/two", method="DELETE")).status == 204
        gone = await kairos.get("metadata/boards/a/two")
        assert (gone.status, gone.errors) == (404, ["Key not found"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "_internal/a/one", 401),
        ("DELETE", "_internal/a/one", 401),
        ("POST", "service", 405),
        ("GET", "a/b/c/d", 400),
        ("GET", "a//c", 400),
        ("GET", "", 400),
        ("PUT", "a/b/c", 405),
        ("POST", "a/b/" + "c" * limits.KAIROSDB_NAME_BYTES_MAX, 400),
    ],
)
async def test_refusals(method: str, path: str, status: int, tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        reply = await kairos.ask(f"metadata/{path}".removesuffix("/"), b"text", method=method)
        assert reply.status == status
        assert len(reply.errors) == 1
        assert kairos.store.documents(metadata.KIND, "", "\U0010ffff") == []
