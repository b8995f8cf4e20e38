"""The dialogues of tests/golden/opentsdb, each against a room of its own: bytes in, bytes out, and what is stored."""

from __future__ import annotations

import json
import re
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


LINE = re.compile(r" \(line [0-9]+(?:, metric [^\s]+)?\)$", re.MULTILINE)
REFUSED = re.compile(r"^put: |^unknown command: ", re.MULTILINE)


@pytest.mark.parametrize("dialogue", TELNET)
async def test_telnet_dialogue(dialogue: dict[str, Any]) -> None:
    tsdb = OpenTSDB()
    said = await tsdb.lines(dialogue["send"])
    # OpenTSDB's words, behind which we say which line it was.
    assert LINE.sub("", said) == dialogue["answer"]
    assert len(LINE.findall(said)) == len(REFUSED.findall(said))
    assert exactly(tsdb.store.stored()) == exactly(dialogue["stored"])
