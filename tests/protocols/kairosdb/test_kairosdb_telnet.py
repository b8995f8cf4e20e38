"""Telnet as KairosDB reads it (its PutCommand, PutMillisecondCommand, PutStringCommand and their tests)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from kairosdb_room import KairosDB, kairosdb_room
from structlog.testing import capture_logs

from headrace.protocols.kairosdb.telnet import words_of
from headrace.transport import Sender


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KairosDB]:
    with kairosdb_room(tmp_path_factory.mktemp("kairosdb") / "data") as room:
        yield room


@pytest.fixture
async def kairos(room: KairosDB) -> KairosDB:
    """Empty before each test; opening a store takes longer than most of them."""
    for name in (await room.get("metricnames")).json["results"]:
        await room.ask(f"metric/{quote(name, safe='')}", method="DELETE")
    return room


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"put m 1 2 h=a", ["put", "m", "1", "2", "h=a"]),
        (b"  put\tm  1\x012 h=a \r", ["put", "m", "1", "2", "h=a"]),
        (b'puts m 1 "a b" h=a', ["puts", "m", "1", "a b", "h=a"]),
        (b'puts m 1 "a"b" h=a', ["puts", "m", "1", 'a"b', "h=a"]),
        (b'puts "m n" 1 ""', ["puts", "m n", "1", ""]),
        ("put größe 1 2".encode(), ["put", "größe", "1", "2"]),
        (b"put m\xff 1 2", ["put", "m\ufffd", "1", "2"]),
        (b"", []),
    ],
)
def test_words(line: bytes, words: list[str]) -> None:
    assert words_of(line) == words


def test_quotes_that_close_nothing_are_looked_for_once() -> None:
    """For each word anew, a line of half a megabyte takes minutes: the time limit of a test."""
    assert words_of(b'"x ' * 200_000) == ['"x'] * 200_000
    assert words_of(b'"x ' * 2 + b'"') == ['x "x ']


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ("put m 2999999999 5 h=a", {"number": [[2999999999000, 5]]}),
        ("put m 3000000000 5 h=a", {"number": [[3000000000, 5]]}),
        ("put m 1349109376000 -5 h=a", {"number": [[1349109376000, -5]]}),
        ("put m -1 5 h=a", {"number": [[-1000, 5]]}),
        ("putm m 5 1.5e3 h=a", {"number": [[5, 1500]]}),
        ("putm m 5 .25 h=a", {"number": [[5, 0.25]]}),
        ('puts m 5 "a b" h=a', {"text": [[5, "a b"]]}),
        ("puts m 5 7 h=a", {"text": [[5, "7"]]}),
    ],
)
async def test_lines(kairos: KairosDB, line: str, stored: dict[str, Any]) -> None:
    assert await kairos.lines(f"{line}\r\n") == ""
    assert await kairos.stored("m") == stored


LONG = f"putm e 1 2 h={'t' * 5000}\n"


async def test_the_log_names_the_first_of_each_minute_and_reason(tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos, capture_logs() as logged:
        await kairos.lines("putm a x 5 h=a\nputm m 5 5 h=a\n\n putm b 6 y h=a\nput c\nPUT d 1 2\n" + LONG)
        told = [entry for entry in logged if entry["event"] == "point refused"]
        assert [(entry["where"], entry["metric"], entry["reason"], entry["why"]) for entry in told] == [
            ("line 1", "a", "timestamp-invalid", "x is no time"),
            ("line 4", "b", "value-number", "y is no number"),
            ("line 5", "c", "arguments", "put needs a metric, a time and a value"),
            ("line 6", "d", "command-unknown", "unknown command: PUT"),
            ("line 7", "e", "name-too-long", "tag-value is longer than 4096 bytes"),
        ]
        assert {(entry["room"], entry["sender"]) for entry in told} == {("kairosdb", "192.0.2.7")}
        assert await kairos.stored("m") == {"number": [[5, 5]]}


async def test_tags(kairos: KairosDB) -> None:
    await kairos.lines("putm none 1 2\nputm parts 1 2 a=b=c d=é\n")
    with kairos.store.snapshot() as snapshot:
        tags = {name: snapshot.names(snapshot.find(name, {}))[0].tags for name in ("none", "parts")}
    assert tags == {"none": (("add", "tag"),), "parts": (("a", "b"), ("d", "é"))}


async def test_a_ttl_is_no_tag(kairos: KairosDB) -> None:
    await kairos.lines("putm m 1 2 h=a kairos_opt.ttl=1\nputm m 2 2 h=a kairos_opt.ttl=300\nputm m 3 2 h=a\n")
    with kairos.store.snapshot() as snapshot:
        assert snapshot.names(snapshot.find("m", {}))[0].tags == (("h", "a"),)
    assert await kairos.stored("m") == {"number": [[1, 2], [2, 2], [3, 2]]}
    await asyncio.sleep(1.1)
    assert await kairos.stored("m") == {"number": [[2, 2], [3, 2]]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("put m 1", "arguments"),
        ('put "" 1 2 h=a', "name-empty"),
        ("put m x 2 h=a", "timestamp-invalid"),
        ("put m 9999999999999999999 2 h=a", "timestamp-range"),
        ("put m 1 1e5 h=a", "value-number"),
        ("put m 1 +5 h=a", "value-number"),
        ("put m 1 1.0e999 h=a", "value-number"),
        ("put m 1 9223372036854775808 h=a", "value-number"),
        ("put m 1 2 fum", "tag-invalid"),
        ("put m 1 2 a=b a=c", "tag-duplicate"),
        ("put m 1 2 fum=", "tag-invalid"),
        ("put m 1 2 =x", "tag-name-empty"),
        ("put m 1 2 kairos_opt.ttl=x", "ttl-invalid"),
        ("put m 1 2 kairos_opt.ttl=99999999999", "ttl-invalid"),
        ("put m 1 2 kairos_opt.ttl=" + "1" * 5000, "ttl-invalid"),
    ],
)
async def test_a_bad_line_is_silent_counted_and_disturbs_no_other(kairos: KairosDB, line: str, reason: str) -> None:
    labels = {"room": "kairosdb", "reason": reason}
    count = "headrace_points_refused_total"
    before = kairos.metrics.registry.get_sample_value(count, labels) or 0
    assert await kairos.lines(f"putm good 1 1 h=a\n{line}\nnonsense\n\nputm good 2 2 h=a\n") == ""
    assert await kairos.stored("good") == {"number": [[1, 1], [2, 2]]}
    assert await kairos.stored("m") == {}
    assert kairos.metrics.registry.get_sample_value(count, labels) == before + 1


async def test_version_answers_once_all_before_it_is_durable(kairos: KairosDB) -> None:
    answer = await kairos.lines("putm m 1 2 h=a\nversion\n")
    assert answer.startswith("KairosDB 1.3.0")
    assert answer.endswith("\n")
    assert answer.count("\n") == 1
    assert await kairos.stored("m") == {"number": [[1, 2]]}


async def test_a_line_too_long_is_silent(kairos: KairosDB) -> None:
    assert kairos.room.lines is not None
    assert kairos.room.lines(Sender("")).line_too_long(7).data == b""
