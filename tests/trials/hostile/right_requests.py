"""Requests that are right, of every dialect: those of tests/golden, and some more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from mutating import Sent

GOLDEN: Final = Path(__file__).parents[2] / "golden"

JSON: Final = ((b"Content-Type", b"application/json"),)

FORGETS: Final = (b"/api/ttl", b"dropcaches")
"""Addresses that may hide a neighbour's points, or change how all are answered."""

MULTI_FIELD: Final = (
    Sent(
        "POST",
        b"/api/mput?details",
        JSON,
        b'[{"metric":"wind","timestamp":1346846400,"fields":{"speed":45.1,"level":9,"text":"a"},"tags":{"s":"a"}},'
        b'{"metric":"wind","timestamp":1346846401,"fields":{"speed":46},"tags":{"s":"a","t":"b"}}]',
    ),
    Sent(
        "POST", b"/api/mput", JSON, b'{"metric":"wind","timestamp":1346846400000,"fields":{"v":1.5},"tags":{"s":"a"}}'
    ),
    Sent(
        "POST",
        b"/api/mquery",
        JSON,
        b'{"start":1346846000,"end":1346847000,"queries":[{"metric":"wind","tags":{"s":"a"},"fields":'
        b'[{"field":"level","aggregator":"none"},{"field":"speed","aggregator":"avg","downsample":"60s-avg"}]}]}',
    ),
    Sent(
        "POST",
        b"/api/query/mlast",
        JSON,
        b'{"queries":[{"metric":"wind","fields":["speed"],"tags":{"s":"a"}}],"backScan":24}',
    ),
    Sent(
        "POST",
        b"/api/delete_data",
        JSON,
        b'{"metric":"wind","fields":["speed"],"tags":{"s":"b"},"start":1346846000,"end":1346847000}',
    ),
)

TELNET: Final = {
    "opentsdb-telnet": (b"version\n", b"help\n", b"stats\n", b"put m 1346846400000 1.5 host=web01 dc=lga\n"),
    "kairosdb-telnet": (
        b"put m 1346846400 2 host=a\n",
        b"putm m 1346846400000 5.5 host=a dc=b kairos_opt.ttl=60\n",
        b'puts s 1346846400000 "a b" "h"="a b"\n',
        b"version\n",
    ),
}


def opentsdb() -> list[Sent]:
    """Of OpenTSDB and Alibaba's single values."""
    return [sent for sent in _golden("opentsdb", "target") if b"/m" not in sent.target]


def multi_field() -> list[Sent]:
    """Of Alibaba's multi-field points."""
    return list(MULTI_FIELD)


def kairosdb() -> list[Sent]:
    """Paths of the golden dialogues are below /api/v1/."""
    return [sent._replace(target=b"/api/v1/" + sent.target.lstrip(b"/")) for sent in _golden("kairosdb", "path")]


def apollo() -> list[Sent]:
    """Of Apollo."""
    return _golden("apollo", "path")


def datazone() -> list[Sent]:
    """Of DataZone. Without their signatures: the server of the trial asks for none."""
    kept = (b"content-type", b"accept-encoding", b"user-agent")
    return [
        sent._replace(headers=tuple(header for header in sent.headers if header[0].lower() in kept))
        for sent in _golden("datazone", "target")
    ]


HTTP: Final[dict[str, Callable[[], list[Sent]]]] = {
    "opentsdb": opentsdb,
    "mput": multi_field,
    "kairosdb": kairosdb,
    "apollo": apollo,
    "datazone": datazone,
}

DIALECTS: Final = (*HTTP, *TELNET)


def lines_of(dialect: str) -> list[bytes]:
    """Right lines of a telnet dialect."""
    lines = list(TELNET[dialect])
    if dialect == "opentsdb-telnet":
        dialogues = json.loads((GOLDEN / "opentsdb" / "telnet.json").read_text())
        lines += [dialogue["send"].encode() for dialogue in dialogues if len(dialogue["send"]) < 2000]
    return lines


def _golden(room: str, path: str) -> list[Sent]:
    found = []
    for file in sorted((GOLDEN / room).glob("*.json")):
        for send in _sends(json.loads(file.read_text())):
            target = send.get(path, send.get("target", "")).encode().replace(b" ", b"%20")
            body = send.get("body") or ""
            text = body if isinstance(body, str) else json.dumps(body)
            headers = tuple((name.encode(), str(value).encode()) for name, value in send.get("headers", {}).items())
            if target and len(text) < 20_000 and not any(word in target for word in FORGETS):
                found.append(Sent(send.get("method", "POST"), target, headers or JSON, _as_bytes(text)))
    assert len(found) > 10, f"the dialogues of {room} are written otherwise now"
    return found


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _sends(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("send"), dict):
            yield value["send"]
        for inner in value.values():
            yield from _sends(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sends(inner)
