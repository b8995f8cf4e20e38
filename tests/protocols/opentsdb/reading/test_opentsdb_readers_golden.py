"""What the readers of OpenTSDB send, word for word, and what they get: bytes in, bytes out, each against a database of
its own. The other half, of those who write, is in clients.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from real_room import RealRoom, real_room

from headrace import __version__

GOLDEN = Path(__file__).parents[3] / "golden" / "opentsdb"
READERS = json.loads((GOLDEN / "readers.json").read_text())
WRITERS = json.loads((GOLDEN / "clients.json").read_text()) + json.loads((GOLDEN / "telnet.json").read_text())
DIALOGUES = [pytest.param(one, id=f"{one['client']}: {one['name']}") for one in READERS["dialogues"]]

CALLS = {
    "Grafana, Go backend": {"query", "query?arrays"},
    "Grafana, frontend": {"query", "suggest", "aggregators", "config/filters", "search/lookup"},
    "aliyun-tsdb-java-sdk": {
        *("query", "query/last", "suggest", "version", "mput", "mput?details", "mput?ignoreErrors", "mquery", "ttl"),
        *("query/mlast", "delete_data", "delete_meta", "dump_meta", "search/lookup"),
    },
    "opentsdb-py": {"version"},
    "scollector / bosun": {"query", "suggest"},
}
"""Who calls what to read, and Alibaba's endpoints."""

WRITING = (
    *("telegraf", "scollector", "tcollector", "collectd", "potsdb", "aliyun-tsdb-java-sdk", "opentsdb-py"),
    "Prometheus's example adapter",
)
"""Who calls /api/put or telnet put."""


def settled(body: str) -> str:
    """Without what differs from one run to the next: keys of series, durations, the version."""
    body = re.sub(r'"tsuid":"[0-9A-F]{32}"', '"tsuid":"TSUID"', body)
    return re.sub(r'"time":[0-9.]+', '"time":0', body).replace(__version__, "VERSION")


async def prepare(tsd: RealRoom) -> None:
    await tsd.put(*[(metric, time_s, value, tags) for metric, time_s, value, tags in READERS["stored"]])
    assert (await tsd.post("mput", READERS["fields"])).status == 204
    assert (await tsd.post("annotation", READERS["note"])).status == 200
    [last] = json.loads((await tsd.get("query/last?timeseries=deploy")).body)
    assert (await tsd.post("annotation", {**READERS["note"], "tsuid": last["tsuid"]})).status == 200


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(tmp_path: Path, dialogue: dict[str, Any]) -> None:
    send, answer = dialogue["send"], dialogue["answer"]
    with real_room(tmp_path) as tsd:
        await prepare(tsd)
        reply = await tsd.ask(send["target"], send["body"], method=send["method"], headers=send.get("headers"))
    assert (reply.status, settled(reply.body.decode())) == (answer["status"], answer["body"])
    if reply.body:
        assert reply.headers["content-type"] == "application/json; charset=UTF-8"


def test_no_call_is_missing() -> None:
    found: dict[str, set[str]] = {}
    for dialogue in READERS["dialogues"]:
        path, _, query = dialogue["send"]["target"].removeprefix("/api/").partition("?")
        flag = query.partition("=")[0]
        found.setdefault(dialogue["client"], set()).add(
            f"{path}?{flag}" if flag in ("arrays", "details", "ignoreErrors") else path
        )
    assert found == CALLS


@pytest.mark.parametrize("client", WRITING)
def test_every_writer_has_a_dialogue(client: str) -> None:
    assert any(client in dialogue["name"] for dialogue in WRITERS)
