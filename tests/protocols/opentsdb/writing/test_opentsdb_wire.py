"""Sections 1.1 and 1.2 of the facts: what a body means, and that the quick way through it equals the slow one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from room_fixture import SECRET, value_of

from headrace import limits
from headrace.errors import Refused
from headrace.model.series import SeriesTable, series_name
from headrace.model.spelling import KeyCache
from headrace.protocols.opentsdb.writing.bodies import as_utf8, incoming_points
from headrace.protocols.opentsdb.writing.wire import Decoded, ReferenceDecoder, read_name
from headrace.protocols.opentsdb.writing.wire import _Slow as Slow

TABLE = SeriesTable(SECRET)
DECODE = ReferenceDecoder(TABLE)

Row = tuple[int, str, tuple[tuple[str, str], ...], int, str]


def rows(decoded: Decoded) -> list[Row]:
    """(place, metric, tags, ms, value by its repr) of each point."""
    points = decoded.points
    found = []
    for row, place in enumerate(points.places.tolist()):
        name = points.names.name(row)
        assert tuple(points.keys[row].tolist()) == TABLE.key_of(name)
        found.append((place, *name, int(points.times[row]), repr(value_of(points.values, row))))
    return found


def body(value: str = "1", stamp: str = "1346846400", metric: str = '"m"', tags: str = '{"k":"v"}') -> bytes:
    return f'[{{"metric":{metric},"timestamp":{stamp},"value":{value},"tags":{tags}}}]'.encode()


def one(content: bytes) -> tuple[str, tuple[tuple[str, str], ...], int, str]:
    """The one point of a body, which must be good."""
    decoded = DECODE(content)
    assert decoded.failures == []
    assert decoded.total == 1
    [(_, metric, tags, time_ms, value)] = rows(decoded)
    return metric, tags, time_ms, value


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("1", "1"),
        ("1.0", "1.0"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("42.2", "42.2"),
        ("4.5e3", "4500.0"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ('"42"', "42"),
        ('"+42"', "42"),
        ('"42.5 "', "42.5"),
        ('"1E3"', "1000.0"),
        ("true", "True"),
        ("false", "False"),
        ('"true"', "'true'"),
        ('"notanumber"', "'notanumber'"),
        ('" 42"', "42"),
        ('"1 "', "1"),
        ('" 1.5\\t"', "1.5"),
        ('"0x1F"', "'0x1F'"),
        ('"1,5"', "'1,5'"),
        ('"-"', "'-'"),
        ('" "', "' '"),
        ('"1 2"', "'1 2'"),
        (".5", "0.5"),
        ("+1", "1"),
        ("01", "1"),
        ("-007.50", "-7.5"),
        ('"a\nb"', "'a\\nb'"),
        ('"caf\\udce9.txt"', "'caf\ufffd.txt'"),
        ('"\\u4e2d\\n"', "'中\\n'"),
        ('"\\ud83d\\ude00"', "'😀'"),
        ('"\\u0000"', "'\\x00'"),
    ],
)
def test_1_2_value(sent: str, meant: str) -> None:
    assert one(body(value=sent))[3] == meant


@pytest.mark.parametrize(
    ("sent", "ms"),
    [
        ("1365465600", 1365465600000),
        ("1365465600123", 1365465600123),
        ('"1365465600"', 1365465600000),
        ('" 1365465600 "', 1365465600000),
        ('"0001365465600"', 1365465600000),
        ("1365465600.9", 1365465600000),
        ("1.3654656e9", 1365465600000),
    ],
)
def test_1_2_timestamp(sent: str, ms: int) -> None:
    assert one(body(stamp=sent))[2] == ms


@pytest.mark.parametrize("sent", ["0", "-1", "0.5", "null", '""', '"  "', "NaN"])
def test_1_2_timestamp_that_fails_its_point(sent: str) -> None:
    assert [failure.error for failure in DECODE(body(stamp=sent)).failures] == ["Invalid timestamp"]


@pytest.mark.parametrize(
    ("metric", "text"),
    [('"m"', "m"), ("7", "7"), ("1.50", "1.50"), ("true", "true"), ('"\\u006d"', "m"), ("NaN", "NaN")],
)
def test_1_2_metric(metric: str, text: str) -> None:
    assert one(body(metric=metric))[0] == text


def test_1_2_tags_of_numbers_and_booleans_keep_their_text() -> None:
    tags = '{"f":1.50,"i":7,"t":true,"n":NaN,"s":"x"}'
    assert one(body(tags=tags))[1] == (("f", "1.50"), ("i", "7"), ("n", "NaN"), ("s", "x"), ("t", "true"))


def test_1_2_the_last_of_equal_keys_wins() -> None:
    content = (
        b'{"metric":"a","metric":"b","timestamp":1,"timestamp":1346846400,"value":1,"value":2,"tags":{"k":"x","k":"y"}}'
    )
    assert one(content) == ("b", (("k", "y"),), 1346846400000, "2")


WHOLE_REQUEST = {
    "timestamp 1365465600.9 in quotes": body(stamp='"1365465600.9"'),
    "timestamp abc": body(stamp='"abc"'),
    "timestamp true": body(stamp="true"),
    "timestamp beyond long": body(stamp="9223372036854775808"),
    "timestamp beyond long, in quotes": body(stamp='"9223372036854775808"'),
    "timestamp beyond long, a float": body(stamp="1e30"),
    "timestamp infinite": body(stamp="Infinity"),
    "timestamp object": body(stamp="{}"),
    "timestamp of 5000 digits": body(stamp="1" * 5000),
    "value object": body(value='{"a":1}'),
    "value array": body(value="[1]"),
    "tags array": body(tags='["k","v"]'),
    "tags text": body(tags='"k=v"'),
    "tags number": body(tags="1"),
    "tag value object": body(tags='{"k":{}}'),
    "tag value array": body(tags='{"k":["v"]}'),
    "metric object": body(metric="{}"),
    "a number among the points": b"[1]",
    "a text among the points": b'["x"]',
    "an array among the points": b"[[]]",
    "bare INF": body(value="INF"),
    "bare Nan": body(value="Nan"),
    "bare +inf": body(value="+inf"),
    "bare -NaN": body(value="-NaN"),
    "bare word as a key": b"[{NaN:1}]",
    "nested without end": b"[" * 100_000,
    "nested without end in a field": body(value="[" * 100_000),
}


@pytest.mark.parametrize("content", WHOLE_REQUEST.values(), ids=WHOLE_REQUEST.keys())
def test_1_2_wrong_types_fail_the_whole_request(content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        DECODE(content)
    assert refused.value.detail == "Unable to parse the given JSON"
    assert refused.value.at, "the parser's words go into the details"


BAD_ELEMENTS = {
    "a value that is an array": (body(value="[]"), "[1] m: text was expected, not an object or an array"),
    "tags that are none": (body(tags="7"), "[1] m: tags must be an object"),
    "a timestamp that is none": (body(stamp="true"), "[1] m: timestamp is not a 64-bit integer"),
    "a number": (b"[5]", "[1]: Expected `object | null`, got `int`"),
    "no JSON": (body(value="INF"), "[1] m: JSON is malformed: invalid character"),
    "a needless backslash": (body(metric=r'"m\q"'), r"[1] m\q: JSON is malformed: invalid escaped character"),
    "nothing": (b"[]", "[1]: nothing stands between two commas, or behind the last one"),
    "a comma too many": (body()[:-2] + b",}]", "[1] m: JSON is malformed: "),
    "an end of another kind": (body()[:-2] + b"]]", "[1] m: JSON is malformed: "),
}


@pytest.mark.parametrize("piece_bytes", [limits.JSON_PIECE_BYTES, 100])
@pytest.mark.parametrize(("content", "words"), BAD_ELEMENTS.values(), ids=BAD_ELEMENTS.keys())
def test_the_others_are_read_and_the_bad_one_is_named(
    content: bytes, words: str, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JSON_PIECE_BYTES", piece_bytes)
    good = body()[1:-1]
    decoded = DECODE(b"[%b,%b,%b]" % (good, content[1:-1], good))
    [failure] = decoded.failures
    assert f"{failure.about}: {failure.error}".startswith(words)
    assert [row[0] for row in rows(decoded)] == [0, 2]
    assert decoded.total == 3
    assert decoded.by_rule == {"json": 1}


@pytest.mark.parametrize("piece_bytes", [limits.JSON_PIECE_BYTES, 100])
@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (b"", "[2]: the text ends before the array does"),
        (b"] []", "[2]: no comma stands before it, or it is behind the end"),
        (b"}", "[2]: no comma stands before it, or it is behind the end"),
        (b',{"metric":"cut', "[2] cut: Input data was truncated"),
    ],
)
def test_what_stands_before_the_end_of_a_broken_body_is_read(
    rest: bytes, words: str, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JSON_PIECE_BYTES", piece_bytes)
    good = body()[1:-1]
    decoded = DECODE(b"[%b,%b%b" % (good, good, rest))
    assert [f"{failure.about}: {failure.error}" for failure in decoded.failures][-1] == words
    assert [row[0] for row in rows(decoded)] == [0, 1]


def test_where_nothing_can_be_read_the_first_is_named() -> None:
    with pytest.raises(Refused) as refused:
        DECODE(b"[%b,5]" % body(value="[]")[1:-1])
    assert refused.value.at == "[0] m: text was expected, not an object or an array"


def test_places_count_all_points() -> None:
    good = body()[1:-1]
    decoded = DECODE(b"[" + b",".join([b"null", good, b"{}", good]) + b"]")
    assert [failure.place for failure in decoded.failures] == [0, 2]
    assert [row[0] for row in rows(decoded)] == [1, 3]
    assert decoded.total == 4


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        ("", "é中".encode(), "é中"),
        ("application/json; charset=UTF-8", "é".encode(), "é"),
        ('application/json; Charset="utf-8"; x=y', "é".encode(), "é"),
        ("application/json;charset=ISO-8859-1", "é".encode("latin-1"), "é"),
        ("application/json;charset=GBK", "中文".encode("gbk"), "中文"),
        ("application/json;charset=utf-16", "[]".encode("utf-16"), "[]"),
        ("", b"a\xff\xfeb", "a\ufffd\ufffdb"),
    ],
)
def test_1_1_charset(content_type: str, content: bytes, text: str) -> None:
    assert as_utf8(content, content_type).decode() == text


@pytest.mark.parametrize("charset", ["nosuch", "zlib", "rot13", "hex", "idna", ""])
def test_unknown_charset(charset: str) -> None:
    with pytest.raises(Refused):
        as_utf8(b"[]", f"application/json; charset={charset}")


NAME = st.text("abcXYZ019-_./:中é", min_size=1, max_size=6)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
TEXT_VALUE = TEXT.map("text ".__add__)  # by itself it could be a number in quotes
POINT = st.fixed_dictionaries(
    {
        "metric": NAME,
        "timestamp": st.integers(4284768, 9999999999999),
        "value": st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.booleans()
        | TEXT_VALUE,
        "tags": st.dictionaries(NAME, NAME, min_size=1, max_size=5),
    }
)


@given(st.lists(POINT, min_size=1, max_size=8), st.booleans())
def test_valid_batches_come_through_exactly(points: list[dict[str, Any]], ascii_only: bool) -> None:
    decoded = DECODE(json.dumps(points, ensure_ascii=ascii_only).encode())
    assert decoded.failures == []
    expected = []
    for place, point in enumerate(points):
        value, stamp = point["value"], point["timestamp"]
        name = series_name(point["metric"], point["tags"])
        expected.append((place, *name, stamp * 1000 if stamp < 10**10 else stamp, repr(value)))
    assert rows(decoded) == expected


NUMBERS = st.tuples(POINT, st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)).map(
    lambda drawn: {**drawn[0], "value": drawn[1]}
)


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_columns_equal_point_by_point(points: list[dict[str, Any]]) -> None:
    content = json.dumps(points).encode()
    slow = Slow(KeyCache(TABLE, read_name)).decode(incoming_points(content))
    quick = DECODE(content)
    assert rows(quick) == rows(slow)
    assert (quick.failures, quick.total) == (slow.failures, slow.total)
