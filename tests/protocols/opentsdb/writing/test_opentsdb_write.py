"""Section 1.4 of the facts beyond the golden dialogues: stores that fail or are slow, counting, hostile bodies."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room_fixture import SECRET, MemoryStore, OpenTSDB
from structlog.testing import capture_logs

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.model.series import SeriesTable
from headrace.model.series_limits import SeriesLimits
from headrace.protocols.opentsdb.writing.write import Flags, flags_of

GOOD = '{"metric":"m","timestamp":1346846400,"value":1,"tags":{"k":"v"}}'
TIMED_OUT = "The put call has timedout with 0 successful writes, 1 failed writes and 1 timed out writes."
BAD = '{"metric":"m","timestamp":0,"value":1,"tags":{"k":"v"}}'


@pytest.mark.parametrize(
    ("query", "flags"),
    [
        ("", Flags()),
        ("summary", Flags(summary=True)),
        ("summary=false&details=0", Flags(summary=True, details=True)),
        ("ignoreErrors=true", Flags(ignore_errors=True)),
        ("sync&sync_timeout=60000", Flags(timeout_ms=60000, counts_timeouts=True)),
        ("sync&sync_timeout=%2B0060000", Flags(timeout_ms=60000, counts_timeouts=True)),
        ("sync&sync_timeout=-1", Flags()),
        ("sync_timeout=60000", Flags(counts_timeouts=True)),
        ("sync", Flags()),
        ("jsonp=a.b", Flags(callback="a.b")),
        ("unknown=1", Flags()),
    ],
)
def test_flags_are_set_by_being_there(query: str, flags: Flags) -> None:
    assert flags_of(query) == flags


@pytest.mark.parametrize(
    "query", ["sync&sync_timeout=x", "sync&sync_timeout=", "sync&sync_timeout=1.5", "sync_timeout=99999999999"]
)
def test_a_timeout_that_is_no_number(query: str) -> None:
    with pytest.raises(Refused):
        flags_of(query)


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ("", None),
        ("?summary", {"success": 0, "failed": 2}),
        ("?summary&sync&sync_timeout=60000", {"success": 0, "failed": 2, "timeouts": 0}),
        ("?summary&sync_timeout=60000", {"success": 0, "failed": 2, "timeouts": 0}),
        (
            "?details",
            {
                "success": 0,
                "failed": 2,
                "errors": [
                    {"datapoint": json.loads(BAD), "error": "Invalid timestamp"},
                    {"datapoint": json.loads(GOOD), "error": "Storage exception: disk full"},
                ],
            },
        ),
    ],
)
async def test_1_4_a_storage_failure_is_503_with_the_counts_that_a_flag_asks_for(query: str, counts: object) -> None:
    tsdb = OpenTSDB(MemoryStore(fault=Unavailable("disk full", retry_after_s=7)))
    reply = await tsdb.ask(f"/api/put{query}", f"[{BAD},{GOOD}]")
    assert (reply.status, reply.headers["retry-after"]) == (503, "7")
    expected = counts or {"error": {"code": 503, "message": "Storage exception: disk full"}}
    assert json.loads(reply.body) == expected
    assert b"headrace_points_refused_total{" not in tsdb.metrics.render(), "what is sent again is not counted twice"


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        (
            "",
            {"error": {"code": 503, "message": TIMED_OUT}},
        ),
        ("&summary", {"success": 0, "failed": 1, "timeouts": 1}),
        (
            "&details",
            {
                "success": 0,
                "failed": 1,
                "timeouts": 1,
                "errors": [
                    {"datapoint": json.loads(GOOD), "error": "Write timedout"},
                    {"datapoint": json.loads(BAD), "error": "Invalid timestamp"},
                ],
            },
        ),
    ],
)
async def test_1_5_sync_timed_out_is_503(flag: str, expected: object) -> None:
    tsdb = OpenTSDB(MemoryStore(delay_s=5))
    reply = await tsdb.ask(f"/api/put?sync&sync_timeout=10{flag}", f"[{GOOD},{BAD}]")
    assert (reply.status, json.loads(reply.body)) == (503, expected)
    assert "retry-after" in reply.headers


async def test_nothing_is_appended_when_every_point_is_refused() -> None:
    tsdb = OpenTSDB()
    assert (await tsdb.ask(body=f"[{BAD}]")).status == 400
    assert tsdb.store.batches == []


async def test_points_are_counted_by_room_and_reason() -> None:
    tsdb = OpenTSDB()
    bad_name = GOOD.replace('"m"', '"m!"')
    await tsdb.ask(body=f"[{GOOD},{BAD},{bad_name},{GOOD},{BAD}]")
    rendered = tsdb.metrics.render().decode()
    assert 'headrace_points_accepted_total{room="opentsdb"} 2.0' in rendered
    assert 'headrace_points_refused_total{reason="timestamp-invalid",room="opentsdb"} 2.0' in rendered
    assert 'headrace_points_refused_total{reason="metric-character",room="opentsdb"} 1.0' in rendered


async def test_a_large_body_is_decoded_beside_the_loop_with_the_same_answer() -> None:
    tsdb = OpenTSDB()
    count = limits.OPENTSDB_LOOP_BODY_BYTES_MAX // len(GOOD) + 1
    reply = await tsdb.ask("/api/put?summary", f"[{','.join([GOOD] * count)}]")
    assert (reply.status, json.loads(reply.body)) == (200, {"success": count, "failed": 0})
    assert len(tsdb.store.stored()) == count


async def test_a_text_value_of_any_legal_length() -> None:
    tsdb = OpenTSDB()
    longest = "x" * limits.OPENTSDB_TEXT_BYTES_MAX
    body = f"[{GOOD.replace('1,', json.dumps(longest) + ',')},{GOOD.replace('1,', json.dumps(longest + 'x') + ',')}]"
    reply = await tsdb.ask("/api/put?summary", body)
    assert json.loads(reply.body) == {"success": 1, "failed": 1}
    assert [value for _, _, _, value in tsdb.store.stored()] == [longest]


async def test_an_error_stays_short_however_long_its_cause() -> None:
    point = GOOD.replace('"m"', json.dumps("!" * 100_000))
    reply = await OpenTSDB().ask("/api/put?details", f"[{point}]")
    [entry] = json.loads(reply.body)["errors"]
    assert len(entry["error"]) < 2000


SEED = (
    f'[{GOOD}, {{"metric": "a.b", "timestamp": 1346846400123, "value": "NaN", "tags": {{"h": "x", "n": 1.50}}}}, null]'
)
TOKENS = [
    b"NaN",
    b"-INF",
    b"null",
    b"true",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"1e400",
    b"\xff",
    b"\0",
    b"9" * 30,
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body with some of its bytes deleted, doubled or replaced by other tokens."""
    body = bytearray(SEED.encode())
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 8))
        body[at : at + length] = draw(st.sampled_from([*TOKENS, bytes(body[at : at + length]) * 2, b""]))
    return bytes(body)


@settings(max_examples=400)
@given(
    mutated(), st.sampled_from(["", "?summary", "?details", "?ignoreErrors", "?details&sync&sync_timeout=9999&jsonp=f"])
)
async def test_no_body_makes_us_fail(body: bytes, query: str) -> None:
    tsdb = OpenTSDB()
    reply = await tsdb.ask(f"/api/put{query}", body)
    assert reply.status in (200, 204, 400)
    if reply.status != 204:
        text = reply.body.decode()
        answer = json.loads(text.removeprefix("f(").removesuffix(")") if "jsonp" in query else text)
        if "success" in answer:
            assert answer["success"] == len(tsdb.store.stored())
            listed = answer.get("errors", answer.get("ignoredErrors"))
            assert listed is None or len(listed) == answer["failed"]
        else:
            assert answer["error"]["code"] == 400


async def test_every_place_of_a_large_mixed_batch_is_right() -> None:
    rng = random.Random(7)
    points, bad = [], []
    for place in range(2000):
        kind = rng.choice(["good", "good", "time", "name"])
        point = {"metric": "m", "timestamp": 1346846400 + place, "value": place, "tags": {"k": "v"}}
        if kind == "time":
            point["timestamp"] = -place
        if kind == "name":
            point["metric"] = "m!"
        points.append(point)
        if kind != "good":
            bad.append(point)
    tsdb = OpenTSDB()
    reply = await tsdb.ask("/api/put?details", json.dumps(points))
    assert [entry["datapoint"] for entry in json.loads(reply.body)["errors"]] == bad
    assert [value for _, _, _, value in tsdb.store.stored()] == [point["value"] for point in points if point not in bad]


async def test_points_of_one_series_too_many_are_refused_by_name_and_the_rest_kept() -> None:
    room = OpenTSDB(MemoryStore(SeriesTable(SECRET, SeriesLimits(2))))
    sent = [
        {"metric": "m", "timestamp": 1_500_000_000, "value": number, "tags": {"request": str(number)}}
        for number in (0, 1, 2, 0, 3)
    ]
    reply = await room.ask("/api/put?details", json.dumps(sent))
    answer = json.loads(reply.body)
    assert (reply.status, answer["success"], answer["failed"]) == (400, 3, 2)
    assert [error["datapoint"]["value"] for error in answer["errors"]] == [2, 3]
    assert {error["error"] for error in answer["errors"]} == {
        'no new series of "m": all 2 are in use (series_max); of late "m" has grown by 2 values of tag "request"'
    }
    refused = room.metrics.registry.get_sample_value(
        "headrace_points_refused_total", {"room": "opentsdb", "reason": "series-limit"}
    )
    assert refused == 2


async def told(
    tsdb: OpenTSDB, body: str, target: str = "/api/put", status: int = 400
) -> list[tuple[str, str, str, str]]:
    """Place, metric, reason and words of each refused point in the log."""
    with capture_logs() as logged:
        assert (await tsdb.ask("/api/put", body)).status == status
    assert {(entry["event"], entry["room"], entry["sender"]) for entry in logged} <= {
        ("point refused", "opentsdb", "192.0.2.7")
    }
    return [(entry["where"], entry["metric"], entry["reason"], entry["why"]) for entry in logged]


async def test_what_a_plain_put_refused_is_in_the_log_by_name() -> None:
    tsdb = OpenTSDB()
    named, broken = GOOD.replace('"m"', '"m!"'), GOOD.replace('"m"', '"b"').replace(":1,", ":x,")
    assert await told(tsdb, f"[{GOOD},{BAD},{named},{broken},null]") == [
        ("[1]", "m", "timestamp-invalid", "Invalid timestamp"),
        ("[2]", "m!", "metric-character", 'Invalid metric name ("m!"): illegal character: !'),
        ("[3]", "b", "json", "JSON is malformed: invalid character (byte 45)"),
        ("[4]", "", "null-point", "Unexpected null datapoint encountered in set."),
    ]
    assert await told(tsdb, f"[{GOOD}]", status=204) == []
    counted = dict.fromkeys(("timestamp-invalid", "metric-character", "json", "null-point"), 1)
    assert refused_by(tsdb) == counted


async def test_a_put_that_is_refused_whole_is_counted_and_told() -> None:
    tsdb = OpenTSDB()
    [(where, metric, reason, words)] = await told(tsdb, '[{"metric":"a","value":{}},5]')
    assert (where, metric, reason) == ("all", "", "json")
    assert words == "Unable to parse the given JSON: [0] a: text was expected, not an object or an array"
    assert await told(tsdb, "[]") == await told(tsdb, "") == []
    reply = await tsdb.ask("/api/put", "no gzip", headers={"content-encoding": "gzip"})
    assert reply.status == 400
    assert refused_by(tsdb) == {"json": 2, "bad-compression": 1}


def refused_by(tsdb: OpenTSDB) -> dict[str, float]:
    family = next(iter(tsdb.metrics.points_refused.collect()))
    return {sample.labels["reason"]: sample.value for sample in family.samples if sample.name.endswith("_total")}
