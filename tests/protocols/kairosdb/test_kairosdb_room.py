"""The dialogues of tests/golden/kairosdb, in the bytes of KairosDB's own clients, and what the room offers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kairosdb_room import kairosdb_room

GOLDEN = Path(__file__).parents[2] / "golden" / "kairosdb"
CLIENTS: list[dict[str, Any]] = json.loads((GOLDEN / "clients.json").read_text())
READERS: list[dict[str, Any]] = json.loads((GOLDEN / "reading.json").read_text())

QUERY, TAGS, NAMES = "POST datapoints/query", "POST datapoints/query/tags", "GET metricnames"
WRITE, DELETE, DELETE_METRIC, VERSION = "POST datapoints", "POST datapoints/delete", "DELETE metric/", "GET version"
CHECK, STATUS, TAG_NAMES, TAG_VALUES = "GET health/check", "GET health/status", "GET tagnames", "GET tagvalues"
ROLLUPS = {"GET rollups/", "POST rollups/", "PUT rollups/", "DELETE rollups/"}
LINES = "lines"

CALLS: dict[str, set[str]] = {
    "Grafana plugin grafana": {NAMES, QUERY, TAGS},
    "Grafana plugin ArpNetworking": {VERSION, NAMES, "GET metricnames?prefix=", QUERY, TAGS},
    "Java client": {WRITE, QUERY, TAGS, DELETE, DELETE_METRIC, NAMES, STATUS, CHECK, VERSION} | ROLLUPS,
    "Java TelnetClient": {LINES},
    "pyKairosDB": {WRITE, QUERY, TAGS, DELETE, DELETE_METRIC, VERSION, NAMES},
    "kairosdb-python-client": {WRITE, QUERY, TAGS, VERSION, CHECK, STATUS, NAMES, TAG_NAMES, TAG_VALUES, DELETE_METRIC}
    | {"DELETE datapoints/delete"},
    "python-kairosdb": {VERSION, STATUS, CHECK, NAMES, TAG_NAMES, TAG_VALUES, QUERY, DELETE, DELETE_METRIC},
    "collectd": {WRITE},
}
"""What each client calls, by the beginning of its dialogues' names. pyKairosDB is Python 2, and python-kairosdb 0.2.1
has a SyntaxError on Python 3: their requests are spelled as their sources build them."""


def call_of(send: dict[str, Any]) -> str:
    """As in CALLS, with names and numbers in a path left out."""
    if "lines" in send:
        return LINES
    path, question, _ = send["path"].partition("=")
    first, slash, _ = path.partition("/")
    return f"{send.get('method', 'POST')} {first + slash if first in ('metric', 'rollups') else path}{question}"


@pytest.mark.parametrize("client", CALLS)
def test_no_call_of_a_client_is_missing(client: str) -> None:
    steps = [step for dialogue in CLIENTS if dialogue["name"].startswith(client) for step in dialogue["steps"]]
    steps += [dialogue for dialogue in READERS if dialogue["name"].startswith(client)]
    assert {call_of(step["send"]) for step in steps} >= CALLS[client]


@pytest.mark.parametrize("dialogue", [pytest.param(dialogue, id=dialogue["name"]) for dialogue in CLIENTS])
async def test_dialogue(dialogue: dict[str, Any], tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        async with kairos.at_work():
            for step in dialogue["steps"]:
                send, answer = step["send"], step["answer"]
                if "lines" in send:
                    assert await kairos.lines(send["lines"]) == answer["body"]
                    continue
                reply = await kairos.ask(
                    send["path"],
                    send.get("body", ""),
                    method=send.get("method", "POST"),
                    headers=send.get("headers"),
                    compress=send.get("gzip", False),
                )
                body = reply.body.decode()
                assert reply.status == answer["status"], body
                assert body.startswith(answer["begins"]) if "begins" in answer else body == answer["body"]
                assert answer.get("headers", {}).items() <= reply.headers.items()


def test_the_room_has_telnet_and_owns_its_paths(tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        assert kairos.room.name == "kairosdb"
        assert kairos.room.lines is not None
        assert "/api/v1/datapoints" in kairos.room.prefixes
