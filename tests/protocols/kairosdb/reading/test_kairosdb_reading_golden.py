"""What clients of KairosDB ask, as they ask it, and the answer byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kairosdb_reading import reading

GOLDEN = Path(__file__).parents[3] / "golden" / "kairosdb" / "reading.json"
DIALOGUES = [pytest.param(dialogue, id=dialogue["name"]) for dialogue in json.loads(GOLDEN.read_text())]


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(dialogue: dict[str, Any]) -> None:
    send, answer = dialogue["send"], dialogue["answer"]
    with reading() as room:
        for metric, tags, points in dialogue["stored"]:
            room.store.put(metric, tags, {int(time): value for time, value in points.items()})
        reply = await room.ask(send["body"].encode(), send["path"], send["method"])
    assert (reply.status, reply.body.decode()) == (answer["status"], answer["body"])
    assert reply.headers["content-type"].startswith("application/json")
