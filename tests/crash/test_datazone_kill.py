"""Kill the server while forms come under client tokens: what was acknowledged is there, and a retry adds nothing."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from serverprocess import ServerProcess, running

PATH = "/v2/domains/dzd_a/entities/ASSET/e{}/time-series-data-points"


def post(server: ServerProcess, entity: int, number: int) -> Any:
    """The forms of the answer, None when there was none."""
    forms = [
        {
            "formName": "f",
            "typeIdentifier": "t",
            "timestamp": number,
            "content": json.dumps({"n": number, f"n{number}": 1}),
        }
        for _ in range(2)
    ]
    body = json.dumps({"clientToken": f"token-{entity}-{number}", "forms": forms}).encode()
    try:
        status, answer = server.request("POST", PATH.format(entity), body, content_type="application/json")
    except OSError:
        return None
    assert status == 201, answer
    return json.loads(answer)["forms"]


def test_tokens_through_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--seal-points", "50") as server:
        answers: dict[tuple[int, int], Any] = {}

        def send(entity: int) -> None:
            for number in range(1000):
                answers[entity, number] = None
                answers[entity, number] = post(server, entity, number)
                if answers[entity, number] is None:
                    return

        senders = [threading.Thread(target=send, args=(entity,)) for entity in range(3)]
        for sender in senders:
            sender.start()
        time.sleep(0.4)
        server.kill()
        for sender in senders:
            sender.join()
        server.start()

        acknowledged = sum(answer is not None for answer in answers.values())
        assert 10 < acknowledged < len(answers), "each sender was cut off"
        for (entity, number), first in answers.items():
            again = post(server, entity, number)
            assert first is None or again == first
            answers[entity, number] = again
        for entity in range(3):
            mine = {number: forms for (of, number), forms in answers.items() if of == entity}
            assert listed(server, entity) == {form["id"] for forms in mine.values() for form in forms}
            assert numbers(server, entity) == sorted(mine)
        status, _ = server.request("DELETE", f"{PATH.format(0)}?formName=f")
        assert status == 204
        server.kill()
        server.start()
        assert listed(server, 0) == set()
        assert numbers(server, 0) == []
        assert numbers(server, 1) != []


def listed(server: ServerProcess, entity: int) -> set[str]:
    found: list[str] = []
    token = ""
    while True:
        status, body = server.get(f"{PATH.format(entity)}?formName=f{token}")
        assert status == 200, body
        page = json.loads(body)
        found += [item["id"] for item in page["items"]]
        if "nextToken" not in page:
            assert len(set(found)) == len(found)
            return set(found)
        token = f"&nextToken={page['nextToken'].replace('=', '%3D')}"


def numbers(server: ServerProcess, entity: int) -> list[int]:
    """The points of metric f.n."""
    question = {"metric": "f.n", "aggregator": "none", "tags": {"entity": f"e{entity}"}}
    status, body = server.request("POST", "/api/query", json.dumps({"start": 0, "queries": [question]}).encode())
    if status == 400:
        return []
    return sorted(value for answer in json.loads(body) for value in answer["dps"].values())
