"""The addresses beside those of put and query, as clients in the wild ask them: bytes in, bytes out, each against a
database of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, real_room

GOLDEN = Path(__file__).parents[2] / "golden" / "opentsdb"
ADDRESSES = json.loads((GOLDEN / "addresses.json").read_text())
DIALOGUES = [pytest.param(one, id=f"{one['client']}: {one['name']}") for one in ADDRESSES["dialogues"]]


async def prepare(tsd: RealRoom) -> None:
    await tsd.put(*[(metric, time_s, value, tags) for metric, time_s, value, tags in ADDRESSES["stored"]])
    for note in ADDRESSES["notes"]:
        assert (await tsd.post("annotation", note)).status == 200


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(tmp_path: Path, dialogue: dict[str, Any]) -> None:
    send, answer = dialogue["send"], dialogue["answer"]
    with real_room(tmp_path) as tsd:
        await prepare(tsd)
        reply = await tsd.ask(send["target"], send["body"], method=send["method"])
    body = re.sub(r'"time":[0-9.]+', '"time":0', reply.body.decode())
    assert (reply.status, reply.headers.get("content-type"), body) == (
        answer["status"],
        answer.get("type"),
        answer["body"],
    )
