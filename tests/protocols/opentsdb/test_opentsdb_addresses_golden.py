"""The addresses beside those of put and query, as clients in the wild ask them: bytes in, bytes out, each against a
database of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, real_room

from headrace import __version__

GOLDEN = Path(__file__).parents[2] / "golden" / "opentsdb"
ADDRESSES = json.loads((GOLDEN / "addresses.json").read_text())
DIALOGUES = [pytest.param(one, id=f"{one['client']}: {one['name']}") for one in ADDRESSES["dialogues"]]


def settled(body: str) -> str:
    """Without what differs from one run to the next: keys of series, durations, the version."""
    body = re.sub(r"\b([0-9A-F]{32}|[0-9A-F]{16})\b", lambda key: {32: "TSUID", 16: "UID"}[len(key[1])], body)
    return re.sub(r'"(time|timing)":[0-9.]+', r'"\1":0', body).replace(__version__, "VERSION")


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
    assert (reply.status, reply.headers.get("content-type"), settled(reply.body.decode())) == (
        answer["status"],
        answer.get("type"),
        answer["body"],
    )
