"""Other people's programs show what README.md has just put in, by the lines of docs/format/segments.md, and go on
showing what /api/query answers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from serverprocess import ServerProcess, running
from test_readme import ROOT, block, blocks, paste

PAGE = ROOT / "docs" / "format" / "segments.md"

Shown = dict[tuple[str, str, int], float]
"""Values by metric, room and seconds since 1970."""

Rows = list[dict[str, Any]]


def lines(begin: str) -> str:
    """The block of the page that begins so."""
    [found] = [text for text in blocks(PAGE) if text.startswith(begin)]
    return found


def points_of(begin: str) -> Any:
    """What these lines of Python call `points`."""
    namespace: dict[str, Any] = {}
    exec(lines(begin), namespace)
    return namespace["points"]


def by_duckdb() -> Rows:
    """Through the question that the page has as an example."""
    with duckdb.connect() as connection:
        connection.execute(lines("SET VARIABLE folder"))
        found: Rows = connection.sql(lines("SELECT metric")).to_arrow_table().to_pylist()
    return [{**row, "tags": {"room": row["room"]}} for row in found]


def by_pandas() -> Rows:
    found: Rows = points_of("import json, pathlib, pandas").to_dict("records")
    return found


def by_polars() -> Rows:
    found: Rows = points_of("import datetime, json, pathlib, polars").to_dicts()
    return found


def by_pyarrow() -> Rows:
    found: Rows = points_of("import datetime, json, numpy").to_pylist()
    return found


READERS = (by_duckdb, by_pandas, by_polars, by_pyarrow)


def shown_by(rows: list[dict[str, Any]]) -> Shown:
    shown = {
        (row["metric"], dict(row["tags"])["room"], int(row["time"].timestamp())): float(row["value"]) for row in rows
    }
    assert len(shown) == len(rows)
    return shown


def answered(server: ServerProcess) -> Shown:
    """By /api/query."""
    found: Shown = {}
    for metric in ("room.temperature", "room.humidity"):
        status, body = server.get(f"/api/query?start=1h-ago&m=none:{metric}")
        for series in json.loads(body) if status == 200 else ():
            for second, value in series["dps"].items():
                found[metric, series["tags"]["room"], int(second)] = value
    return found


def seal(server: ServerProcess) -> None:
    assert "sealed_through" in paste(block("curl -X POST", server, PAGE))


def segments() -> int:
    return len(json.loads(Path("data/segments/current.json").read_text())["segments"])


@pytest.mark.peer("curl")
def test_readers_show_what_a_query_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running(tmp_path / "data") as server:

        def check(points: int) -> None:
            right = answered(server)
            assert len(right) == points
            assert {reader.__name__: shown_by(reader()) for reader in READERS} == {
                reader.__name__: right for reader in READERS
            }

        check(0)
        paste(block("curl -i", server))
        paste(block("curl 127.0.0.1:4242/api/v1/datapoints", server))
        seal(server)
        check(2)

        now = int(time.time())
        kitchen = {"metric": "room.temperature", "tags": {"room": "kitchen"}}
        assert server.put([kitchen | {"timestamp": now - age, "value": age} for age in range(60, 70)])[0] == 204
        seal(server)
        check(12)
        overwritten = [kitchen | {"timestamp": now - age, "value": 0.5} for age in (60, 61)]
        assert server.put(overwritten)[0] == 204
        deleted = {
            "start_absolute": (now - 66) * 1000,
            "end_absolute": (now - 63) * 1000,
            "metrics": [{"name": "room.temperature"}],
        }
        assert server.request("POST", "/api/v1/datapoints/delete", json.dumps(deleted).encode())[0] == 204
        assert server.put(kitchen | {"timestamp": now - 64, "value": 64.5})[0] == 204
        seal(server)
        check(9)
        assert segments() == 3, "not merged yet: the delete and what was overwritten lie in files of their own"

        assert server.put(kitchen | {"timestamp": now - 59, "value": 59})[0] == 204
        seal(server)
        deadline = time.monotonic() + 20
        while segments() > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert segments() == 1, "merged"
        check(10)
