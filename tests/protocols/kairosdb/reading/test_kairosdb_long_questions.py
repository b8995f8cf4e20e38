"""A long question is read beside the event loop, at every address that takes one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from kairosdb_room import KairosDB, kairosdb_room

from headrace import limits
from headrace.protocols.kairosdb import endpoints
from headrace.protocols.kairosdb.reading import read
from headrace.protocols.kairosdb.reading.wire import parse_query

SHORT = b'{"start_absolute":1,"metrics":[{"name":"m"}]}'
PLAIN = SHORT.replace(b'"name"', b'"x":1,' * (limits.QUESTION_ON_LOOP_BYTES_MAX // 6) + b'"name"')
LENIENT = PLAIN.replace(b'"', b"'")


@pytest.fixture(scope="module")
def kairos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KairosDB]:
    with kairosdb_room(tmp_path_factory.mktemp("long") / "data") as room:
        yield room


@pytest.mark.parametrize("question", [SHORT, PLAIN, LENIENT], ids=["short", "plain", "lenient"])
@pytest.mark.parametrize(
    ("module", "method", "path"),
    [
        (read, "POST", "datapoints/query"),
        (read, "GET", "datapoints/query"),
        (read, "POST", "datapoints/query/tags"),
        (endpoints, "POST", "datapoints/delete"),
    ],
)
async def test_where_a_question_is_read(
    kairos: KairosDB, monkeypatch: pytest.MonkeyPatch, module: Any, method: str, path: str, question: bytes
) -> None:
    read_by: list[threading.Thread] = []

    def parsing(*given: Any) -> Any:
        read_by.append(threading.current_thread())
        return parse_query(*given)

    monkeypatch.setattr(module, "parse_query", parsing)
    if method == "GET":
        reply = await kairos.get(f"{path}?query={quote(question)}")
    else:
        reply = await kairos.ask(path, question)
    assert reply.status in (200, 204), reply.body
    assert [thread is threading.current_thread() for thread in read_by] == [question == SHORT]


async def test_a_fault_that_is_found_beside_the_loop_is_a_refusal(kairos: KairosDB) -> None:
    for question in (PLAIN[:-1], LENIENT[:-1]):
        reply = await kairos.ask("datapoints/query", question)
        assert (reply.status, len(reply.errors)) == (400, 1)


async def test_tags_and_patterns_of_a_question_are_bounded_and_values_are_not(kairos: KairosDB) -> None:
    most = limits.QUESTION_FILTERS_MAX

    async def status(*tags: dict[str, Any]) -> int:
        asked = {"start_absolute": 1, "metrics": [{"name": "m", "tags": one} for one in tags]}
        return (await kairos.ask("datapoints/query", asked)).status

    half = {f"k{number}": "v" for number in range(most // 2)}
    assert await status(half, half) == 200
    assert await status(half, half, {"k": "v"}) == 400
    assert await status({"k": [f"regex:v{number}" for number in range(most - 1)]}) == 200
    assert await status({"k": [f"regex:v{number}" for number in range(most)]}) == 400
    assert await status({"k": [f"v{number}" for number in range(100 * most)]}) == 200
