"""Times in seconds and in milliseconds, as OpenTSDB's readers and Alibaba's get them: bytes in, bytes out, under the
setting of each."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, real_room

from headrace.config import Settings

ROOT = Path(__file__).parents[4]
TIMES = json.loads((ROOT / "tests" / "golden" / "opentsdb" / "times.json").read_text())
DIALOGUES = [pytest.param(one, id=f"{one['client']}: {one['name']}") for one in TIMES["dialogues"]]
PAGE = ROOT / "docs" / "protocols" / "alibaba.md"


async def prepare(tsd: RealRoom) -> None:
    await tsd.put(*[(metric, time, value, tags) for metric, time, value, tags in TIMES["stored"]])
    assert (await tsd.post("mput", TIMES["fields"])).status == 204


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(tmp_path: Path, dialogue: dict[str, Any]) -> None:
    send, answer = dialogue["send"], dialogue["answer"]
    with real_room(tmp_path, opentsdb_times=dialogue["opentsdb_times"]) as tsd:
        await prepare(tsd)
        reply = await tsd.ask(send["target"], send["body"], method=send["method"])
    body = re.sub(r'"tsuid":"[0-9A-F]{32}"', '"tsuid":"TSUID"', reply.body.decode())
    assert (reply.status, body) == (answer["status"], answer["body"])


def test_what_the_page_sets_can_be_set() -> None:
    [block] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    settings = Settings(**tomllib.loads(block))
    assert (settings.opentsdb_times, settings.port) == ("as-written", (4242, 8242))
