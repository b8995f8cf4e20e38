"""The dialogues of tests/golden/apollo, each against a room of its own: bytes in, bytes out. The examples of the seed
pages are word for word as printed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from apollo_room import apollo_room

GOLDEN = Path(__file__).parents[2] / "golden" / "apollo"
DIALOGUES = [
    pytest.param(dialogue, id=f"{file.stem}: {dialogue['name']}")
    for file in sorted(GOLDEN.glob("*.json"))
    for dialogue in json.loads(file.read_text())
]
NOW_MS = 1_522_275_493_176


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(dialogue: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GUIDs derive from the database's secret: one that is always the same makes them always the same.
    monkeypatch.setattr(os, "urandom", lambda count: bytes(number % 256 for number in range(1, count + 1)))
    with apollo_room(tmp_path / "data", lambda: NOW_MS, **dialogue.get("settings", {})) as apollo:
        for step in dialogue["steps"]:
            send, answer = step["send"], step["answer"]
            reply = await apollo.ask(
                send["path"],
                send.get("body", ""),
                method=send["method"],
                headers=send.get("headers"),
                compress=send.get("gzip", False),
            )
            assert (reply.status, reply.body.decode()) == (answer["status"], answer["body"]), send
            assert answer.get("headers", {}).items() <= reply.headers.items()
            assert reply.headers["content-type"] == "application/json; charset=utf-8"
