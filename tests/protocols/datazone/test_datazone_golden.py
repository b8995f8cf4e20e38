"""Requests as the clients send them, and the answers byte for byte; every error with its words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from datazone_room import DataZone, Reply, datazone_room

from headrace.protocols.datazone.writing import write

GOLDEN = Path(__file__).parents[2] / "golden" / "datazone"


def dialogues(file: str) -> list[Any]:
    return [pytest.param(dialogue, id=dialogue["name"]) for dialogue in json.loads((GOLDEN / file).read_text())]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataZone]:
    with datazone_room(tmp_path_factory.mktemp("errors")) as room:
        yield room


async def ask(room: DataZone, send: dict[str, Any]) -> Reply:
    return await room.ask(send["method"], send["target"], send["body"].encode(), send["headers"])


@pytest.mark.parametrize("dialogue", dialogues("errors.json"))
async def test_error(dialogue: dict[str, Any], shared: DataZone) -> None:
    answer = dialogue["answer"]
    reply = await ask(shared, dialogue["send"])
    assert reply.fault == (answer["status"], answer["code"], answer["message"])
    for kind in ("form", "item", "token", "series", "type"):
        assert shared.store.documents(f"datazone-{kind}", "", "~") == [], "nothing of it is kept"


@pytest.mark.parametrize("dialogue", dialogues("clients.json"))
async def test_dialogue(dialogue: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count(1)
    monkeypatch.setattr(write, "_new_id", lambda: f"form{next(numbers):010d}")
    request_ids = set()
    with datazone_room(tmp_path) as room:
        for exchange in dialogue["exchanges"]:
            reply = await ask(room, exchange["send"])
            assert (reply.status, reply.body.decode()) == (exchange["answer"]["status"], exchange["answer"]["body"])
            headers = dict(reply.headers)
            request_ids.add(headers.pop("x-amzn-requestid"))
            assert headers == ({} if reply.status == 204 else {"content-type": "application/json"})
    assert len(request_ids) == len(dialogue["exchanges"])
