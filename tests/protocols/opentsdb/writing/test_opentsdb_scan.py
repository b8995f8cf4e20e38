"""The scanner against the reference decoder: what it takes, it takes exactly so; the rest it hands over."""

import json

import numpy as np
import pytest
from chance import examples
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.kernels.scanning import opentsdb_json as kernel
from headrace.model.points import Kind, Points
from headrace.model.series import SeriesTable, series_name
from headrace.protocols.opentsdb.writing.bodies import as_utf8
from headrace.protocols.opentsdb.writing.scan import ScanningDecoder, scan
from headrace.protocols.opentsdb.writing.wire import ReferenceDecoder

SECRET = np.random.default_rng(4242).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)
TABLE = SeriesTable(SECRET)
reference = ReferenceDecoder(TABLE)


def assert_equal_points(scanned: Points, expected: Points) -> None:
    np.testing.assert_array_equal(scanned.keys, expected.keys)
    np.testing.assert_array_equal(scanned.times, expected.times)
    np.testing.assert_array_equal(scanned.values.kinds, expected.values.kinds)
    np.testing.assert_array_equal(scanned.values.bits, expected.values.bits)
    np.testing.assert_array_equal(scanned.places, expected.places)
    assert scanned.expires is expected.expires is None
    assert [scanned.names.name(row) for row in range(len(scanned))] == [
        expected.names.name(row) for row in range(len(expected))
    ]


def assert_scan_agrees(body: bytes) -> Points | None:
    """Either the scanner hands over, or the reference refuses nothing and says the same."""
    scanned = scan(body, SECRET)
    if scanned is not None:
        decoded = reference(body)
        assert decoded.failures == []
        assert decoded.total == len(scanned) > 0
        assert_equal_points(scanned, decoded.points)
    return scanned


# Plain bodies: always taken -------------------------------------------------------------------------------------------

blanks = st.text(" \t\r\n", max_size=2)
plain_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1, max_size=30
)
plain_times = st.integers(4_284_768, 9_999_999_999_999)
plain_numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(str),
    st.sampled_from(["0", "-0", "0.0", "-0.0", "1E3", "-4.5E3", "1e-400", "0.1e+2"]),
)


@st.composite
def plain_points(draw: st.DrawFn) -> str:
    def between() -> str:
        return draw(blanks)

    tags = draw(st.dictionaries(plain_text, plain_text, min_size=1, max_size=6))
    pairs = ",".join(f'{between()}"{key}"{between()}:{between()}"{value}"{between()}' for key, value in tags.items())
    members = [
        ("metric", f'"{draw(plain_text)}"'),
        ("timestamp", str(draw(plain_times))),
        ("value", draw(plain_numbers)),
        ("tags", "{" + pairs + "}"),
        *draw(st.lists(st.tuples(st.sampled_from(["granularity", "metrics", "tag", "x"]), extras), max_size=2)),
    ]
    shuffled = draw(st.permutations(members))
    return (
        "{" + ",".join(f'{between()}"{key}"{between()}:{between()}{value}{between()}' for key, value in shuffled) + "}"
    )


extras = st.one_of(plain_text.map(lambda text: f'"{text}"'), st.just('""'), st.integers(0, 10**9).map(str))


@st.composite
def plain_bodies(draw: st.DrawFn) -> bytes:
    points = draw(st.lists(plain_points(), min_size=1, max_size=5))
    if len(points) == 1 and draw(st.booleans()):
        text = points[0]
    else:
        text = "[" + ",".join(draw(blanks) + point + draw(blanks) for point in points) + "]"
    return (draw(blanks) + text + draw(blanks)).encode()


@examples(200)
@given(plain_bodies())
def test_plain_bodies_are_taken_and_equal_the_reference(body: bytes) -> None:
    assert assert_scan_agrees(body) is not None


# Odd and broken bodies: handed over or equal --------------------------------------------------------------------------

ODD_METRICS = [
    r'""',
    r"1",
    r"true",
    r"null",
    r'"a\u0062"',
    r'"a\n"',
    r'"a',
    r"[]",
    r'"é"',
    r'"中"',
    '"a b"',
    '"a\x7f"',
    '"a\x01"',
]
ODD_TIMES = [
    "0",
    "-1",
    "1",
    "4284767",
    "4284768",
    "4294967296",
    "9999999999",
    "10000000000",
    "9999999999999",
    "10000000000000",
    "99999999999999999999",
    "01500000000",
    "1500000000.0",
    "15e8",
    '"1500000000"',
    "null",
    "true",
    "+1500000000",
]
ODD_VALUES = [
    "01",
    "1.",
    ".5",
    "-",
    "+1",
    "1e",
    "1e400",
    "-1e400",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "NaN",
    "Infinity",
    "-Infinity",
    "null",
    "true",
    '"42"',
    '"NaN"',
    '"text"',
    "{}",
    "[]",
    "123456789012345678901.5",
    "0.00000000000000000000012345678901234567891",
    "0x1F",
    "1_0",
    "1 2",
    "",
]
ODD_TAGS = [
    *[
        r"{}",
        r"null",
        r"[]",
        r'"k"',
        r'{"k":1}',
        r'{"k":null}',
        r'{"k":""}',
        r'{"":"v"}',
        r'{"k":"v","k":"w"}',
        r'{"k":"v",}',
        r'{"k":"v","l":"w","k":"v"}',
        r'{"k":{"a":"b"}}',
        r'{"k":"\u0041"}',
        r'{"k\"":"v"}',
        r'{"k":"v"',
        r'{k:"v"}',
    ],
    '{"k":"v" "l":"w"}',
    "{" + ",".join(f'"k{n}":"v"' for n in range(64)) + "}",
    "{" + ",".join(f'"k{n}":"v"' for n in range(65)) + "}",
]
ODD_MEMBERS = [
    r'"x":1',
    r'"x":null',
    r'"x":{}',
    r'"x":[1]',
    r'"x":"a\"b"',
    r'"x":1e999',
    r'"x":99999999999999999999',
    r'"":1',
    r'"metric\u0000":1',
    r'"metric":"twice"',
    r'"timestamp":1500000001',
    r'"value":7',
    r'"tags":{"other":"v"}',
    r"x:1",
    r'"x"',
    r'"x":',
    r'"metricx":"a"',
]
INSERTIONS = ['"', "\\", ",", ":", "{", "}", "[", "]", "0", "-", "\0", "\x1f", "\xff"]


@st.composite
def odd_points(draw: st.DrawFn) -> str:
    def sometimes(plain: str, odd: list[str]) -> str:
        return draw(st.sampled_from(odd)) if draw(st.integers(0, 5)) == 0 else plain

    members = [
        '"metric":' + sometimes('"sys.cpu.user"', ODD_METRICS),
        '"timestamp":' + sometimes("1500000000", ODD_TIMES),
        '"value":' + sometimes("42.5", ODD_VALUES),
        '"tags":' + sometimes('{"host":"web01","dc":"lga"}', ODD_TAGS),
    ]
    if draw(st.integers(0, 5)) == 0:
        members.insert(draw(st.integers(0, 4)), draw(st.sampled_from(ODD_MEMBERS)))
    if draw(st.integers(0, 9)) == 0:
        del members[draw(st.integers(0, len(members) - 1))]
    return "{" + ",".join(members) + "}"


@st.composite
def odd_bodies(draw: st.DrawFn) -> bytes:
    points = ",".join(draw(st.lists(odd_points(), max_size=3)))
    frame = draw(st.sampled_from(["[{}]", "[{}]", "[{}]", "{}", "[{},]", "[,{}]", "[{}", "{}]", "[null,{}]", "[[{}]]"]))
    tail = draw(st.sampled_from(["", "", "", " ", "\n", "\0", "x", "[]", "{}", "\x0b", "\ufeff"]))
    return (frame.replace("{}", points, 1) + tail).encode()


@examples(500)
@given(odd_bodies())
@example(b"")
@example(b"[]")
@example(b"{}")
@example(b"\xef\xbb\xbf[]")
def test_odd_bodies_are_handed_over_or_equal_the_reference(body: bytes) -> None:
    assert_scan_agrees(body)


@st.composite
def mutated_bodies(draw: st.DrawFn) -> bytes:
    body = bytearray(draw(plain_bodies()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        change = draw(st.sampled_from(["insert", "replace", "delete", "copy", "cut"]))
        if change == "insert":
            body[at:at] = draw(
                st.sampled_from([b'"', b"\\", b",", b":", b"{", b"}", b"[", b"]", b"0", b"-", b"\0", b"\x1f", b"\xff"])
            )
        elif change == "replace" and at < len(body):
            body[at] = draw(st.integers(0, 255))
        elif change == "delete":
            del body[at : at + draw(st.integers(1, 9))]
        elif change == "copy":
            body[at:at] = body[at : at + draw(st.integers(1, 40))]
        elif change == "cut":
            del body[at:]
    return as_utf8(bytes(body))


@examples(350)
@given(mutated_bodies())
def test_mutated_bodies_are_handed_over_or_equal_the_reference(body: bytes) -> None:
    assert_scan_agrees(body)


POINT = '{"metric":"m","timestamp":%s,"value":%s,"tags":%s}'


@pytest.mark.parametrize(
    "body",
    [
        POINT % ("1500000000", "1", '{"k":"v","k":"v"}'),
        POINT % ("1500000000", "1", '{"k":"v","l":"w","k":"x"}'),
        POINT % ("1500000000", '"1"', '{"k":"v"}'),
        POINT % ("4284767", "1", '{"k":"v"}'),
        POINT % ("10000000000000", "1", '{"k":"v"}'),
        POINT % ("1500000000", "1e400", '{"k":"v"}'),
        POINT % ("1500000000", "1", '{"k":""}'),
        POINT % ("1500000000", "1", "{}"),
        POINT % ("1500000000", "1", '{"k":"v"}') + "x",
        POINT % ("1500000000", "1", '{"k":"v"}') + "\0",
        (POINT % ("1500000000", "1", '{"k":"v"}')).replace('"m"', '"\\u006d"'),
        (POINT % ("1500000000", "1", '{"k":"v"}')).replace('"value":1', '"value":1,"value":1'),
        "[" + POINT % ("1500000000", "1", '{"k":"v"}') + ",]",
        "[" + POINT % ("1500000000", "1", '{"k":"v"}'),
        "[]",
        "",
    ],
)
def test_what_needs_a_closer_look_is_handed_over(body: str) -> None:
    assert scan(body.encode(), SECRET) is None


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("4284768", 4_284_768_000),
        ("4294967295", 4_294_967_295_000),
        ("4294967296", 4_294_967_296_000),
        ("9999999999", 9_999_999_999_000),
        ("10000000000", 10_000_000_000),
        ("9999999999999", 9_999_999_999_999),
    ],
)
def test_the_rule_of_time(written: str, ms: int) -> None:
    points = scan((POINT % (written, "1", '{"k":"v"}')).encode(), SECRET)
    assert points is not None
    assert points.times.tolist() == [ms]


def test_the_key_is_the_tables_whatever_the_order_of_tags_and_members() -> None:
    tags = {"host": "web01", "dc": "lga", "cpu": "0"}
    first = {"metric": "sys.cpu.user", "timestamp": 1500000000, "value": 1, "tags": tags}
    turned = {"tags": dict(reversed(tags.items())), "value": 1.5, "timestamp": 1500000000, "metric": "sys.cpu.user"}
    sent = [first, turned]
    points = scan(json.dumps(sent).encode(), SECRET)
    assert points is not None
    name = series_name("sys.cpu.user", tags)
    assert [tuple(key) for key in points.keys.tolist()] == [TABLE.key_of(name)] * 2
    assert points.values.kinds.tolist() == [Kind.INT64, Kind.DOUBLE]
    assert points.names.name(0) == points.names.name(1) == name


@pytest.mark.parametrize("length", range(1, 34))
def test_names_of_every_length_around_whole_words(length: int) -> None:
    tags = {"k" * length: "v" * length, "l": "é" * length}
    body = json.dumps({"metric": "m" * length, "timestamp": 1500000000, "value": 1, "tags": tags}, ensure_ascii=False)
    points = scan(body.encode(), SECRET)
    assert points is not None
    assert tuple(points.keys[0].tolist()) == TABLE.key_of(series_name("m" * length, tags))


def test_the_shortest_points_fit_the_rows_that_are_kept_for_them() -> None:
    shortest = POINT % ("4284768", "1", '{"k":"v"}')
    assert len(shortest) + 1 > kernel.POINT_BYTES_MIN
    points = scan(("[" + ",".join([shortest] * 5000) + "]").encode(), SECRET)
    assert points is not None
    assert len(points) == 5000


def test_the_decoder_asks_the_reference_for_the_rest() -> None:
    decode = ScanningDecoder(reference, SECRET)
    plain = decode((POINT % ("1500000000", "1", '{"k":"v"}')).encode())
    assert (plain.total, len(plain.points), plain.failures) == (1, 1, [])
    quoted = decode((POINT % ("1500000000", '"1"', '{"k":"v"}')).encode())
    assert quoted.points.values.bits.tolist() == [1]
    assert [failure.place for failure in decode((POINT % ("0", "1", '{"k":"v"}')).encode()).failures] == [0]
