"""The dialogues of tests/golden/opentsdb, each against a room of its own: bytes in, bytes out, and what is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from room_fixture import OpenTSDB, Stored

GOLDEN = Path(__file__).parents[2] / "golden" / "opentsdb"
HTTP_FILES = ("clients.json", "answers.json", "errors.json")

HTTP = [
    pytest.param(dialogue, id=dialogue["name"])
    for file in HTTP_FILES
    for dialogue in json.loads((GOLDEN / file).read_text())
]
TELNET = [pytest.param(dialogue, id=dialogue["name"]) for dialogue in json.loads((GOLDEN / "telnet.json").read_text())]


def exactly(points: list[Stored]) -> list[tuple[str, dict[str, str], int, str]]:
    """Values by their repr: 1, 1.0 and True are three."""
    return [(metric, tags, time_ms, repr(value)) for metric, tags, time_ms, value in points]


@pytest.mark.parametrize("dialogue", HTTP)
async def test_http_dialogue(dialogue: dict[str, Any]) -> None:
    tsdb, send, answer = OpenTSDB(), dialogue["send"], dialogue["answer"]
    reply = await tsdb.ask(
        send["target"],
        send["body"],
        method=send["method"],
        headers=send.get("headers"),
        compress=send.get("gzip", False),
    )
    assert (reply.status, reply.body.decode()) == (answer["status"], answer["body"])
    assert answer.get("headers", {}).items() <= reply.headers.items()
    assert exactly(tsdb.store.stored()) == exactly(dialogue["stored"])


@pytest.mark.parametrize("dialogue", TELNET)
async def test_telnet_dialogue(dialogue: dict[str, Any]) -> None:
    tsdb = OpenTSDB()
    assert await tsdb.lines(dialogue["send"]) == dialogue["answer"]
    assert exactly(tsdb.store.stored()) == exactly(dialogue["stored"])
