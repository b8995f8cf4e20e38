"""Long questions: read beside the event loop, at every address, and given up when their time is over."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from real_room import RealRoom, error, real_room

from headrace import limits
from headrace.protocols.opentsdb.catalog import search, uids
from headrace.protocols.opentsdb.expressions import gexp, request
from headrace.protocols.opentsdb.managing import annotations as notes
from headrace.protocols.opentsdb.managing import deletes
from headrace.protocols.opentsdb.multi_field import query as multi_field
from headrace.protocols.opentsdb.old import graph
from headrace.protocols.opentsdb.reading import last, names, wire

LONG = {"more": "x" * limits.QUESTION_ON_LOOP_BYTES_MAX}

READERS = [
    (wire, "_QUERY", "query"),
    (request, "_REQUEST", "query/exp"),
    (last, "LAST_QUERY", "query/last"),
    (multi_field, "_QUERY", "mquery"),
    (deletes, "_TIMELINE", "delete_data"),
    (names, "_LOOKUP", "search/lookup"),
    (names, "_ASSIGNMENT", "uid/assign"),
    (search, "_SEARCH", "search/tsmeta"),
    (uids, "_UID_META", "uid/uidmeta"),
    (uids, "_SERIES_META", "uid/tsmeta"),
    (notes, "_ANNOTATION", "annotation"),
    (notes, "_ANNOTATIONS", "annotation/bulk"),
]


class Watched:
    """Stands for what reads a question, and knows on which threads it was asked."""

    def __init__(self, read: Any) -> None:
        self.read = read
        self.threads: list[int] = []

    def __call__(self, *given: Any) -> Any:
        self.threads.append(threading.get_ident())
        return self.read(*given)

    decode = __call__


@pytest.mark.parametrize(("module", "name", "path"), READERS, ids=[path for _, _, path in READERS])
async def test_a_long_body_is_read_beside_the_event_loop(
    tsd: RealRoom, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, path: str
) -> None:
    decoder: msgspec.json.Decoder[Any] = getattr(module, name)
    watched = Watched(decoder.decode)
    monkeypatch.setattr(module, name, watched)
    await tsd.post(path, [LONG] if path == "annotation/bulk" else LONG)
    assert watched.threads
    assert threading.get_ident() not in watched.threads


@pytest.mark.parametrize(
    ("module", "target"),
    [
        (graph, "/q?ascii&start=1h-ago&m=sum:m%7B{}%7D"),
        (gexp, "/api/query/gexp?start=1h-ago&exp=scale(sum:m%7B{}%7D,2)"),
    ],
    ids=["q", "gexp"],
)
async def test_a_long_question_of_a_url_is_too(
    tsd: RealRoom, monkeypatch: pytest.MonkeyPatch, module: Any, target: str
) -> None:
    watched = Watched(module.query_of_parameters)
    monkeypatch.setattr(module, "query_of_parameters", watched)
    pairs = ",".join(["host=a"] * (limits.QUESTION_ON_LOOP_BYTES_MAX // len("host=a,") + 1))
    await tsd.ask(target.format(pairs), method="GET")
    assert len(watched.threads) == 1
    assert threading.get_ident() not in watched.threads


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("uid/assign", {"metric": ["a", "b"]}),
        ("search/lookup", {"metric": "*", "tags": [{"key": "*", "value": "*"}, {"key": "host"}]}),
    ],
    ids=["assign", "lookup"],
)
async def test_many_names_are_looked_for_as_long_as_a_question_may_take(tmp_path: Path, path: str, asked: Any) -> None:
    with real_room(tmp_path, query_timeout_s=1e-9) as tsd:
        status, message = error(await tsd.post(path, asked))
    assert status == 413
    assert message.startswith("Sorry, your query timed out.")


async def test_filters_of_a_question_are_bounded(tsd: RealRoom) -> None:
    most = limits.QUESTION_FILTERS_MAX
    await tsd.put(("m", 1356998400, 1, {"host": "a"}))

    async def status(*counts: int, **tags: str) -> int:
        one = {"tagk": "host", "type": "wildcard", "filter": "a*"}
        queries = [{"aggregator": "sum", "metric": "m", "filters": [one] * count, "tags": tags} for count in counts]
        return (await tsd.post("query", {"start": 1356998400, "queries": queries})).status

    assert await status(most) == 200
    assert await status(most - 9, 9) == 200
    assert await status(most - 9, 9, host="a") == 400
    assert await status(most + 1) == 400
