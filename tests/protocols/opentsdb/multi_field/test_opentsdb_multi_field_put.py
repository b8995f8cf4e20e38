"""mput: the flags and answers that Alibaba's SDK knows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from real_room import RealRoom, answered, error
from structlog.testing import capture_logs
from wind_points import WIND, T, asking

from headrace import limits


async def test_flags_and_bad_points(tsd: RealRoom) -> None:
    bad = {**WIND, "fields": {"speed": "NaN", "level": 7}}
    nameless = {**WIND, "fields": {"a!": 1}}
    assert error(await tsd.post("mput", [WIND, bad])) == (400, "One or more data points had errors")
    reply = await tsd.post("mput?summary=true", [WIND, bad, nameless])
    assert (reply.status, reply.body) == (400, b'{"success":1,"failed":2}')
    large = json.dumps([WIND, bad, nameless]) + " " * limits.OPENTSDB_LOOP_BODY_BYTES_MAX
    assert (await tsd.post("mput?summary=true", large)).body == reply.body
    assert answered(await tsd.post("mput?ignoreErrors&summary", [nameless]))["failed"] == 1
    assert (await tsd.post("mput", "[]")).status == 204
    ignored = answered(await tsd.post("mput?ignoreErrors=true", [bad, nameless]))
    assert (ignored["success"], ignored["failed"]) == (0, 2)
    assert [entry["error"] for entry in ignored["ignoredErrors"]] == [
        "Unable to parse value to a number",
        'Invalid field name ("a!"): illegal character: !',
    ]
    assert ignored["ignoredErrors"][0]["datapoint"] == bad
    assert answered(await tsd.post("mput?details", WIND)) == {"success": 1, "failed": 0, "errors": []}
    [element] = answered(await tsd.post("mquery", asking({"field": "level"})))
    assert element["values"] == [[T, 1]]


async def test_a_sync_that_takes_too_long_is_503(tsd: RealRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(points: Any) -> int:
        await asyncio.sleep(5)
        return 0

    assert (await tsd.post("mput?sync&sync_timeout=60000", WIND)).status == 204
    monkeypatch.setattr(tsd.opened, "append", slow)
    reply = await tsd.post("mput?sync&sync_timeout=20&summary", WIND)
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert "timedout" in error(reply)[1]


async def test_mistakes_of_writers(tsd: RealRoom) -> None:
    assert error(await tsd.post("mput", "[")) == (400, "Unable to parse the given JSON")


@pytest.mark.parametrize("wrong", [b"1\xed\xa0\x80", b'"\xb6"', b'{"speed":1\xff}'])
async def test_bytes_that_are_no_utf_8_are_refused_or_replaced(wrong: bytes, tsd: RealRoom) -> None:
    sent = b'{"metric":"wind","timestamp":%d,"tags":{"s":"a"},"fields":{"text":"a","speed":1}}'
    for body in (sent.replace(b"%d", wrong), (sent % T).replace(b'"a","speed"', wrong + b',"speed"')):
        answer = await tsd.ask("/api/mput?summary", method="POST", body=body)
        assert answer.status in (200, 400), answer.body


async def test_what_is_refused_is_in_the_log_by_name_and_counted(tsd: RealRoom) -> None:
    bad, nameless = {**WIND, "fields": {"speed": "NaN", "level": 7}}, {**WIND, "fields": {"a!": 1, "b": 2}}
    with capture_logs() as logged:
        await tsd.post("mput", [WIND, bad, nameless, 5])
    told = [entry for entry in logged if entry["event"] == "point refused"]
    assert [(entry["where"], entry["metric"], entry["reason"]) for entry in told] == [
        ("[1]", "wind.speed", "value-number"),
        ("[2]", "wind", "metric-character"),
        ("[3]", "", "json"),
    ]
    assert {entry["sender"] for entry in told} == {"192.0.2.7"}
    rendered = tsd.metrics.render().decode()
    for reason, points in (("value-number", 1), ("metric-character", 2), ("json", 1)):
        assert f'headrace_points_refused_total{{reason="{reason}",room="opentsdb"}} {points}.0' in rendered
