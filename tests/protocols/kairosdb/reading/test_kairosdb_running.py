"""/api/v1/admin/runningqueries as KairosDB 1.3.0 answers it, empty and while a question of two metrics was answered:
one entry with the hash, the metric that is read and the whole question."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from kairosdb_room import kairosdb_room

from headrace import limits
from headrace.protocols.kairosdb.reading import read
from headrace.protocols.kairosdb.reading.read import answer_to

PATH = "admin/runningqueries"


async def test_nothing_runs(tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        reply = await kairos.get(PATH)
        assert (reply.status, reply.body) == (200, b'{"queries":[],"queries waiting":0}')
        assert reply.headers["content-type"] == "application/json;charset=utf-8"
        assert (await kairos.ask(PATH, b"{}")).status == 405
        assert (await kairos.get("admin")).status == 404
        assert (await kairos.get("admin/other")).errors


async def test_what_runs_and_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * limits.KAIROSDB_LISTED_QUERY_BYTES_MAX
    questions: list[dict[str, Any]] = [
        {"start_absolute": 0, "metrics": [{"name": "first"}, {"name": "other"}]},
        {"start_absolute": 0, "metrics": [{"name": "second", "tags": {"host": [long]}}]},
        {"start_absolute": 0, "metrics": [{"name": "third"}]},
    ]
    with kairosdb_room(tmp_path / "data") as kairos:
        begun, may_end = threading.Semaphore(0), threading.Event()

        def held(*of: Any) -> Any:
            begun.release()
            assert may_end.wait(20)
            return answer_to(*of)

        monkeypatch.setattr(read, "answer_to", held)
        asked = []
        for question in questions:
            asked.append(asyncio.ensure_future(kairos.ask("datapoints/query", question)))
            if len(asked) <= 2:  # as many as there are threads
                await asyncio.to_thread(begun.acquire)
        await asyncio.sleep(0)  # the third is asked
        listed = (await kairos.get(PATH)).json
        may_end.set()
        assert [(await one).status for one in asked] == [200] * 3
        assert listed["queries waiting"] == 1
        by_name = {query["metric name"]: query for query in listed["queries"]}
        assert by_name.keys() == {"first", "second"}
        assert by_name["first"]["query JSON"] == questions[0]
        assert by_name["second"]["query JSON"] is None
        assert all(len(query["query hash"]) == 32 for query in listed["queries"])
        assert (await kairos.get(PATH)).json == {"queries": [], "queries waiting": 0}
