"""What a write stores, and every error in KairosDB's words (its DataPointsParser and the tests of it)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kairosdb_room import KairosDB, kairosdb_room
from structlog.testing import capture_logs

from headrace import limits
from headrace.errors import Unavailable
from headrace.protocols.kairosdb import names
from headrace.protocols.kairosdb.writing import decode, metric, values, wire, write

TAGS = {"host": "a"}
OF_THIS_TEST = (decode, metric, names, values, wire, write)


@pytest.fixture(scope="module")
def kairos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KairosDB]:
    """One for all tests: opening a store takes longer than most of them."""
    with kairosdb_room(
        tmp_path_factory.mktemp("kairosdb") / "data", kairosdb_types={"position": {"name": "string", "floor": "long"}}
    ) as room:
        yield room


async def write_one(kairos: KairosDB, value: str, kind: str = "") -> dict[str, list[list[Any]]]:
    """What is stored of one value, given as JSON, at time 1, by each of the two forms alike."""
    more = f'"type":{json.dumps(kind)},' if kind else ""
    for form in (f'"timestamp":1,"value":{value}', f'"datapoints":[[1,{value}]]'):
        name = f"m{hash((value, kind, form))}"
        reply = await kairos.ask("datapoints", f'{{"name":"{name}",{more}"tags":{{"h":"a"}},{form}}}')
        assert (reply.status, reply.body) == (204, b""), reply
    return await kairos.stored(name)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("123", {"number": [[1, 123]]}),
        ("1e5", {"number": [[1, 100000]]}),
        ("-0", {"number": [[1, 0]]}),
        ("9223372036854775807", {"number": [[1, 2**63 - 1]]}),
        ("123.3", {"number": [[1, 123.3]]}),
        ("5.0", {"number": [[1, 5]]}),
        ("1e-05", {"number": [[1, 1e-05]]}),
        ("-1e+300", {"number": [[1, -1e300]]}),
        ("9E18", {"number": [[1, 9 * 10**18]]}),
        ("1e19", {"number": [[1, 1e19]]}),
        ('"123"', {"number": [[1, 123]]}),
        ('"+5"', {"number": [[1, 5]]}),
        ('"-.5"', {"number": [[1, -0.5]]}),
        ('"123.3"', {"number": [[1, 123.3]]}),
        ('"1e5"', {"text": [[1, "1e5"]]}),
        ('"1."', {"text": [[1, "1."]]}),
        ('"-"', {"text": [[1, "-"]]}),
        ('"127.0.0.1"', {"text": [[1, "127.0.0.1"]]}),
        ('"99999999999999999999"', {"text": [[1, "99999999999999999999"]]}),
        ("true", {"text": [[1, "true"]]}),
        ("NaN", {"text": [[1, "NaN"]]}),
        ("9223372036854775808", {"number": [[1, 9223372036854775808.0]]}),
        ("-12345678901234567890", {"number": [[1, -12345678901234567890.0]]}),
        ("10000000000000000905969664", {"number": [[1, 1e25]]}),
        # Gson's leniency, as KairosDB 1.3.0 stores it.
        (".50", {"number": [[1, 0.5]]}),
        ("+.5", {"number": [[1, 0.5]]}),
        ("+5", {"number": [[1, 5]]}),
        ("00012", {"number": [[1, 12]]}),
        ("-007", {"number": [[1, -7]]}),
        ("01.5", {"number": [[1, 1.5]]}),
        ("5.", {"text": [[1, "5."]]}),
        ("0x1F", {"text": [[1, "0x1F"]]}),
        ("undefined", {"text": [[1, "undefined"]]}),
        ("TRUE", {"text": [[1, "true"]]}),
        ("1e", {"text": [[1, "1e"]]}),
        ("'1'", {"number": [[1, 1]]}),
        (r"'it\'s \"x\"'", {"text": [[1, 'it\'s "x"']]}),
        (r'"it\'s"', {"text": [[1, "it's"]]}),
        (r'"a\qb"', {"text": [[1, "aqb"]]}),
        ('"a\nb"', {"text": [[1, "a\nb"]]}),
        ('"a\x00\tb"', {"text": [[1, "a\x00\tb"]]}),
        ('"a\\\nb"', {"text": [[1, "a\nb"]]}),
        ("1 /* c */", {"number": [[1, 1]]}),
        ("1 # c\n", {"number": [[1, 1]]}),
        # KairosDB stores half a surrogate pair as a question mark.
        (r'"caf\udce9.txt"', {"text": [[1, "caf\ufffd.txt"]]}),
        (r'"\ud83d\ude00"', {"text": [[1, "😀"]]}),
        (r'"\ude00\ud83d"', {"text": [[1, "\ufffd\ufffd"]]}),
    ],
)
async def test_values_by_their_looks(kairos: KairosDB, value: str, stored: object) -> None:
    assert await write_one(kairos, value) == stored


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        ("3.7", "long", {"number": [[1, 3]]}),
        ("-3.7", "long", {"number": [[1, -3]]}),
        ('"12"', "long", {"number": [[1, 12]]}),
        ("3", "double", {"number": [[1, 3]]}),
        ('"2.5"', "double", {"number": [[1, 2.5]]}),
        ('"1e5"', "double", {"number": [[1, 1e5]]}),
        ('"5."', "double", {"number": [[1, 5]]}),
        ("456", "string", {"text": [[1, "456"]]}),
        ('"456"', "string", {"text": [[1, "456"]]}),
        ('""', "string", {"text": [[1, ""]]}),
        ("false", "string", {"text": [[1, "false"]]}),
        ('{"real":2.3,"imaginary":5.0}', "complex-number", {"complex": [[1, {"real": 2.3, "imaginary": 5}]]}),
        ('{"real":2.3,"imaginary":5.0}', "complex", {"complex": [[1, {"real": 2.3, "imaginary": 5}]]}),
        (
            '{"bins":{"10":2,"9":1},"min":9,"max":10.5,"mean":10,"sum":30}',
            "histogram",
            {
                "histogram": [
                    [1, {"bins": {"9.0": 1, "10.0": 2}, "min": 9, "max": 10.5, "mean": 10, "sum": 30, "precision": 7}]
                ]
            },
        ),
        ('{"floor":-3,"name":"\\u00e9"}', "position", {"position": [[1, {"name": "é", "floor": -3}]]}),
    ],
)
async def test_values_of_a_type(kairos: KairosDB, value: str, kind: str, stored: object) -> None:
    assert await write_one(kairos, value, kind) == stored


async def test_longs_stay_longs(kairos: KairosDB) -> None:
    for value in ("5", "5.0"):
        await kairos.ask("datapoints", f'{{"name":"m{value}","tags":{{"h":"a"}},"timestamp":1,"value":{value}}}')
    with kairos.store.snapshot() as snapshot:
        kinds = [snapshot.select(snapshot.find(f"m{value}", {}), 0, 9).values.kinds.tolist() for value in ("5", "5.0")]
    assert kinds == [[1], [0]]


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("9223372036854775808", "long", ".value is beyond the range of a long: 9223372036854775808"),
        ('"abc"', "long", '.value is not a number: "abc"'),
        ("true", "double", '.value is not a number: "true"'),
        ("2.0e400", "", '.value is not a number: "2.0e400"'),
        ('{"real":1}', "complex-number", '.value must have the field "imaginary".'),
        (
            '{"real":1,"imaginary":2,"phase":3}',
            "complex-number",
            '.value must not have the field "phase".',
        ),
        ('{"real":"x","imaginary":2}', "complex-number", ".value must have a double as its real."),
        ("[1]", "complex-number", ".value must be an object of type complex-number."),
        ('{"real":1}', "complex", '.value must have the field "imaginary".'),
        ('{"bins":{}}', "histogram", ".value is no histogram: Object missing required field `min`."),
        (
            '{"bins":{"a":1},"min":1,"max":1,"mean":1,"sum":1}',
            "histogram",
            ".value must have bins that are named by finite numbers.",
        ),
        (
            json.dumps({"bins": dict.fromkeys(range(8000), 1), "min": 1, "max": 1, "mean": 1, "sum": 1}),
            "histogram",
            ".value is longer than 65536 bytes.",
        ),
        ('{"name":"x","floor":1.5}', "position", ".value must have a long as its floor."),
    ],
)
async def test_values_that_are_not_taken(kairos: KairosDB, value: str, kind: str, words: str) -> None:
    more = f'"type":{json.dumps(kind)},' if kind else ""
    body = f'{{"name":"m",{more}"tags":{{"h":"a"}},"timestamp":1,"value":%s,"datapoints":[[2,%s]]}}' % (value, value)
    assert await kairos.refused(body) == [f"metric[0](name=m){words}", f"metric[0](name=m).datapoints[0]{words}"]


def point(**fields: Any) -> dict[str, Any]:
    return {"name": "m", "timestamp": 1, "value": 2, "tags": TAGS, **fields}


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in point().items() if key != field}


M = "metric[0](name=m)"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (without("name"), ["metric[0].name may not be null."]),
        (point(name=None), ["metric[0].name may not be null."]),
        (point(name=""), ["metric[0].name may not be empty."]),
        ([point(), without("name")], ["metric[1].name may not be null."]),
        (without("tags"), [f"{M}.tags count must be greater than or equal to 1."]),
        (point(tags={}), [f"{M}.tags count must be greater than or equal to 1."]),
        (point(tags=[]), [f"{M}.tags count must be greater than or equal to 1."]),
        (point(tags={"": "v"}), [f"{M}.tag[0].name may not be empty."]),
        (point(tags={"a": "b", "": "v"}), [f"{M}.tag[1].name may not be empty."]),
        (point(tags={"foo": ""}), [f"{M}.tag[foo].value may not be empty."]),
        (point(tags={"foo": None}), [f"{M}.tag[foo].value may not be null."]),
        (without("value"), [f"{M}.value may not be null."]),
        (point(value=None), [f"{M}.value may not be empty."]),
        (point(value=""), [f"{M}.value may not be empty."]),
        (point(value=[]), [f"{M}.value may not be an empty array."]),
        (without("timestamp"), [f"{M}.timestamp may not be null."]),
        (point(value={"a": 1}), [f"{M} value is an invalid type"]),
        (point(value=[1]), [f"{M} value is an invalid type"]),
        (point(type="nope"), ["Unregistered data point type 'nope'"]),
        (
            {"name": "m", "tags": TAGS, "datapoints": [[], [1], [None, 1], [1, None], [1, ""], [7, 1]]},
            [
                f"{M}.datapoints[0].timestamp cannot be null or empty.",
                f"{M}.datapoints[1].value cannot be null or empty.",
                f"{M}.datapoints[2].timestamp may not be null.",
                f"{M}.datapoints[3].value may not be empty.",
                f"{M}.datapoints[4].value may not be empty.",
            ],
        ),
        (
            {"name": "", "tags": {}, "timestamp": 1, "value": ""},
            [
                "metric[0].name may not be empty.",
                "metric[0].value may not be empty.",
                "metric[0].tags count must be greater than or equal to 1.",
            ],
        ),
        (b"", ["Invalid json. No content due to end of input."]),
        (b"[", ["Invalid json. No content due to end of input."]),
        (b'"text"', ["Invalid start of json."]),
        (b"17", ["Invalid start of json."]),
        (b"null", ["Invalid start of json."]),
    ],
)
async def test_errors_word_for_word(kairos: KairosDB, body: Any, words: list[str]) -> None:
    assert await kairos.refused(body) == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([None, point()], ["metric[0] must be an object."]),
        (point(timestamp=1.5), [f"{M}.timestamp must be a number of milliseconds."]),
        (point(timestamp="abc"), [f"{M}.timestamp must be a number of milliseconds."]),
        (point(timestamp=2**53 + 1), [f"{M}.timestamp must be within 9007199254740992 milliseconds of 1970."]),
        (point(ttl=-1), [f"{M}.ttl must be a number of seconds from 0 to 2147483647."]),
        (point(ttl=1.5), [f"{M}.ttl must be a number of seconds from 0 to 2147483647."]),
        (point(tags={"a": {"b": "c"}}), [f"{M}.tag[a].value must be a string."]),
        (
            '{"name":"m","timestamp":1,"value":2,"tags":{"a":"b,c","h" : "1","x":"","\\u0068":"2"}}',
            [f"{M}.tags has a duplicate key: h", f"{M}.tag[x].value may not be empty."],
        ),
        (point(tags=7), [f"{M}.tags must be an object."]),
        (point(name=["m"]), ["metric[0].name must be a string."]),
        (point(datapoints=7), [f"{M}.datapoints must be an array."]),
        (point(value="x" * 65_537), [f"{M}.value is longer than 65536 bytes."]),
        (point(tags={"a": "x" * 4097}), [f"{M} tag-value is longer than 4096 bytes."]),
    ],
)
async def test_our_own_words_where_kairosdb_has_none(kairos: KairosDB, body: Any, words: list[str]) -> None:
    assert await kairos.refused(body) == words


async def test_partial_success(kairos: KairosDB) -> None:
    errors = await kairos.refused(
        [
            point(name="one"),
            point(name="two", tags={}),
            {"name": "three", "tags": TAGS, "datapoints": [[1, 10], [2], [3, 30], [4, "x", "nope"], [5, 1.5, "long"]]},
            point(name="four"),
        ]
    )
    assert [error.partition(".")[0] for error in errors] == [
        "metric[1](name=two)",
        "metric[2](name=three)",
        "Unregistered data point type 'nope'",
    ]
    assert await kairos.stored("one") == {"number": [[1, 2]]}
    assert await kairos.stored("two") == {}
    assert await kairos.stored("three") == {"number": [[1, 10], [3, 30], [5, 1]]}
    assert await kairos.stored("four") == {"number": [[1, 2]]}


async def test_broken_json_stores_what_is_whole_around_the_break(kairos: KairosDB) -> None:
    first, second = json.dumps(point(name="first [}")), json.dumps(point(name="second"))
    for broken in (f"[{first},", f"[{first}, {second[:-9]}", f"[{first},,{second}]", f"[{first}{second}]"):
        assert len(await kairos.refused(broken)) == 1
        assert await kairos.stored("first [}") == {"number": [[1, 2]]}
        assert await kairos.stored("second") == ({"number": [[1, 2]]} if ",," in broken else {})
        await kairos.ask("metric/second", method="DELETE")
        await kairos.ask("metric/first%20%5B%7D", method="DELETE")


@pytest.mark.parametrize(
    ("body", "second", "bad"),
    [
        ("[{A},{B},{C}]", """{name:'b',timestamp:"1",value:2,tags:{h=x}}""", ""),
        ("\ufeff[{A},{B},{C}] // behind", "", ""),
        ("[{A};{B};{C}]", "", ""),
        ("[{A},{B},{C}]", '{"name":"b","timestamp":1,"value":2 2,"tags":{"h":"x"}}', "metric[1](name=b)"),
        ("[{A},{B},{C}]", '{"name":"b","timestamp":1,"value":2,"tags":{"h":"x",}}', "metric[1](name=b)"),
        ("[{A},{B},{C}]", r'{"name":"b","timestamp":1,"value":"\u12","tags":{"h":"x"}}', "metric[1](name=b)"),
        ("[{A},{B},{C},]", "", "metric[3]"),
    ],
)
async def test_of_lenient_json_the_good_is_stored_and_the_bad_is_named(
    kairos: KairosDB, body: str, second: str, bad: str
) -> None:
    body = body.replace("{B}", second or "{B}")
    for name in "abc":
        await kairos.ask(f"metric/{name}", method="DELETE")
        body = body.replace(f"{{{name.upper()}}}", json.dumps(point(name=name)))
    reply = await kairos.ask("datapoints", body.encode())
    assert reply.status == (400 if bad else 204)
    if bad:
        assert [bad in error for error in reply.errors] == [True]
    stored = {name: await kairos.stored(name) for name in "abc"}
    assert stored == {name: {} if f"(name={name})" in bad else {"number": [[1, 2]]} for name in "abc"}


@pytest.mark.parametrize("ttl", ["60", "60.0", "6e1", '"60"', '"60.0"', '" 60"', "'60'"])
async def test_a_ttl_as_gson_reads_an_integer(kairos: KairosDB, ttl: str) -> None:
    body = f'{{"name":"m","timestamp":1,"value":2,"ttl":{ttl},"tags":{{"h":"a"}}}}'
    assert (await kairos.ask("datapoints", body)).status == 204


@pytest.mark.parametrize("stamp", ["7", "7.0", '"7"', '"7.0"', "70e-1", '" 7"', "'7'"])
async def test_a_time_as_gson_reads_a_long(kairos: KairosDB, stamp: str) -> None:
    await kairos.ask("metric/timed", method="DELETE")
    body = f'{{"name":"timed","timestamp":{stamp},"value":2,"tags":{{"h":"a"}},"datapoints":[[{stamp},2]]}}'
    assert (await kairos.ask("datapoints", body)).status == 204
    assert await kairos.stored("timed") == {"number": [[7, 2]]}


async def test_forms_of_a_point(kairos: KairosDB) -> None:
    both = {**point(name="both"), "datapoints": [[3, 4], ["5", 6], [7.9, 8]]}
    named = {**point(name="time", timestamp=5), "time": 4}
    numbered = '{"name":7,"tags":{"a":1.50,"b":true},"timestamp":"-9","value":1}'
    assert (await kairos.ask("datapoints", [both, named, {"name": "none", "tags": TAGS}])).status == 204
    assert (await kairos.ask("datapoints", numbered)).status == 204
    assert (await kairos.ask("datapoints", "[]")).status == 204
    assert await kairos.stored("both") == {"number": [[1, 2], [3, 4], [5, 6], [7, 8]]}
    assert await kairos.stored("time") == {"number": [[4, 2]]}
    assert await kairos.stored("none") == {}
    assert await kairos.stored("7") == {"number": [[-9, 1]]}
    with kairos.store.snapshot() as snapshot:
        assert snapshot.names(snapshot.find("7", {}))[0].tags == (("a", "1.50"), ("b", "true"))


@pytest.mark.parametrize(
    ("headers", "compress"),
    [
        ({}, False),
        ({"Content-Type": "text/plain"}, False),
        ({"Content-Type": "application/x-www-form-urlencoded"}, False),
        ({"Content-Type": "application/gzip"}, True),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, True),
    ],
)
async def test_any_content_type_and_both_ways_to_say_gzip(
    kairos: KairosDB, headers: dict[str, str], compress: bool
) -> None:
    reply = await kairos.ask("datapoints", [point()], headers=headers, compress=compress)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers == {
        "content-type": "application/json;charset=utf-8",
        "pragma": "no-cache",
        "cache-control": "no-cache",
        "expires": "0",
    }
    assert [1, 2] in (await kairos.stored("m"))["number"]


async def test_what_is_no_gzip(kairos: KairosDB) -> None:
    reply = await kairos.ask("datapoints", b"[]", headers={"Content-Type": "application/gzip"})
    assert reply.status == 400
    assert len(reply.errors) == 1


async def test_a_ttl_hides_a_point_when_it_is_over_and_a_later_write_takes_it_back(kairos: KairosDB) -> None:
    long_ago = [point(name="short", ttl="1"), point(name="long", ttl=300.0), point(name="ever", ttl=0)]
    assert (await kairos.ask("datapoints", [*long_ago, point(name="again", ttl=1)])).status == 204
    assert await kairos.stored("short") == {"number": [[1, 2]]}
    assert (await kairos.ask("datapoints", point(name="again", value=3))).status == 204
    await asyncio.sleep(1.1)
    assert await kairos.stored("short") == {}
    assert await kairos.stored("long") == {"number": [[1, 2]]}
    assert await kairos.stored("ever") == {"number": [[1, 2]]}
    assert await kairos.stored("again") == {"number": [[1, 3]]}


async def test_errors_are_bounded_and_counted(kairos: KairosDB) -> None:
    body = {"name": "m", "tags": TAGS, "datapoints": [[]] * (limits.KAIROSDB_ERRORS_MAX + 5)}
    labels = {"room": "kairosdb", "reason": "timestamp-null"}
    count = "headrace_points_refused_total"
    before = kairos.metrics.registry.get_sample_value(count, labels) or 0
    errors = await kairos.refused([body, point(name="")])
    assert len(errors) == limits.KAIROSDB_ERRORS_MAX + 1
    assert errors[-1] == "and 6 more errors."
    assert kairos.metrics.registry.get_sample_value(count, labels) == before + len(body["datapoints"])


async def test_a_store_that_takes_nothing_is_503_with_retry_after(
    kairos: KairosDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(points: object) -> int:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(kairos.store, "append", full)
    reply = await kairos.ask("datapoints", point())
    assert (reply.status, reply.headers["retry-after"], reply.errors) == (503, "1", ["the disk is full"])


async def test_our_own_fault_is_500_in_the_same_shape(kairos: KairosDB, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(points: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(kairos.store, "append", broken)
    reply = await kairos.ask("datapoints", point())
    assert reply.status == 500
    assert "ZeroDivisionError" in reply.errors[0]


async def test_what_a_400_refused_is_in_the_log_by_name(tmp_path: Path) -> None:
    tags = dict.fromkeys("a", "x" * 4097)
    with kairosdb_room(tmp_path / "data") as kairos, capture_logs() as logged:
        await kairos.ask("datapoints", [point(), point(name="two", tags={}), 5, point(name="three", tags=tags)])
        await kairos.ask("datapoints", {"name": "pairs", "tags": TAGS, "datapoints": [[1, 2], [2]]})
        await kairos.ask("datapoints", b"no gzip", headers={"content-type": "application/gzip"})
    told = [entry for entry in logged if entry["event"] == "point refused"]
    assert [(entry["where"], entry["metric"], entry["reason"], entry["why"]) for entry in told] == [
        ("[1]", "two", "tags-missing", "metric[1](name=two).tags count must be greater than or equal to 1."),
        ("[2]", "", "json", "metric[2] must be an object."),
        ("[3]", "three", "name-too-long", "tag-value is longer than 4096 bytes"),
        ("[0]", "pairs", "value-null", "metric[0](name=pairs).datapoints[1].value cannot be null or empty."),
        ("all", "", "bad-compression", "the body can not be decompressed: the data ends early"),
    ]
    assert {(entry["room"], entry["sender"]) for entry in told} == {("kairosdb", "192.0.2.7")}
