"""The dialogues of tests/golden/kairosdb, in the bytes of KairosDB's own clients, and what the room offers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kairosdb_room import kairosdb_room

GOLDEN = Path(__file__).parents[2] / "golden" / "kairosdb"
DIALOGUES = [
    pytest.param(dialogue, id=dialogue["name"]) for dialogue in json.loads((GOLDEN / "clients.json").read_text())
]


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(dialogue: dict[str, Any], tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        for step in dialogue["steps"]:
            send, answer = step["send"], step["answer"]
            reply = await kairos.ask(
                send["path"],
                send.get("body", ""),
                method=send.get("method", "POST"),
                headers=send.get("headers"),
                compress=send.get("gzip", False),
            )
            assert (reply.status, reply.body.decode()) == (answer["status"], answer["body"])
            assert answer.get("headers", {}).items() <= reply.headers.items()


def test_the_room_has_telnet_and_owns_its_paths(tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        assert kairos.room.name == "kairosdb"
        assert kairos.room.lines is not None
        assert "/api/v1/datapoints" in kairos.room.prefixes
