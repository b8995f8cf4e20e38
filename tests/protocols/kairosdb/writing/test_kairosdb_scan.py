"""The scanner against the reference decoder: what it takes, it takes exactly so; the rest it hands over."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from chance import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.kernels.scanning import kairosdb_datapoints as kernel
from headrace.model.odd_json.lenient import TooLongForTheLoop
from headrace.model.points import Points
from headrace.model.series import SeriesTable
from headrace.protocols.kairosdb.types.registry import Types
from headrace.protocols.kairosdb.writing.decode import ReferenceDecoder
from headrace.protocols.kairosdb.writing.scan import ScanningDecoder, scan

SECRET = np.random.default_rng(8080).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)
TABLE = SeriesTable(SECRET)
NOW_MS = 1_700_000_000_000
reference = ReferenceDecoder(TABLE, Types())


def assert_equal_points(scanned: Points, expected: Points) -> None:
    np.testing.assert_array_equal(scanned.keys, expected.keys)
    np.testing.assert_array_equal(scanned.times, expected.times)
    np.testing.assert_array_equal(scanned.values.kinds, expected.values.kinds)
    np.testing.assert_array_equal(scanned.values.bits, expected.values.bits)
    np.testing.assert_array_equal(scanned.places, expected.places)
    assert scanned.runs is not None
    assert expected.runs is not None
    np.testing.assert_array_equal(scanned.runs, expected.runs)
    assert (scanned.expires is None) == (expected.expires is None)
    if scanned.expires is not None and expected.expires is not None:
        np.testing.assert_array_equal(scanned.expires, expected.expires)
    names = range(len(scanned.keys))
    assert [scanned.names.name(row) for row in names] == [expected.names.name(row) for row in names]


def assert_scan_agrees(body: bytes) -> Points | None:
    """Either the scanner hands over, or the reference refuses nothing and says the same."""
    scanned = scan(body, SECRET, NOW_MS)
    if scanned is not None:
        decoded = reference(body, NOW_MS)
        assert decoded.failures.first == []
        assert_equal_points(scanned, decoded.points)
    return scanned


blanks = st.text(" \t\r\n", max_size=2)
plain_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1, max_size=30
)
plain_times = st.integers(-kernel.TIME_MS_MAX, kernel.TIME_MS_MAX).map(str)
plain_numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr).filter(lambda text: "." in text),
    st.sampled_from(["0", "-0", "0.0", "-0.0", "1.5E3", "-4.5e-3", "0.1e+2"]),
)


@st.composite
def plain_metrics(draw: st.DrawFn) -> str:
    def spaced(*parts: str) -> str:
        return "".join(f"{draw(blanks)}{part}{draw(blanks)}" for part in parts)

    tags = draw(st.dictionaries(plain_text, plain_text, min_size=1, max_size=4))
    pairs = ",".join(
        f"{spaced(f'{chr(34)}{key}{chr(34)}')}:{spaced(f'{chr(34)}{value}{chr(34)}')}" for key, value in tags.items()
    )
    members = [f'"name"{spaced(":")}"{draw(plain_text)}"', f'"tags":{{{pairs}}}']
    if draw(st.booleans()):
        members += [f'"timestamp":{draw(plain_times)}', f'"value":{spaced(draw(plain_numbers))}']
    else:
        points = draw(st.lists(st.tuples(plain_times, plain_numbers), min_size=1, max_size=5))
        listed = ",".join(spaced(f"[{spaced(time)},{spaced(value)}]") for time, value in points)
        members.append(f'"datapoints":{spaced(f"[{listed}]")}')
    if draw(st.booleans()):
        members.append(f'"ttl":{draw(st.integers(0, kernel.TTL_S_MAX))}')
    return "{" + ",".join(spaced(member) for member in draw(st.permutations(members))) + "}"


plain_bodies = st.one_of(
    plain_metrics(), st.lists(plain_metrics(), min_size=1, max_size=4).map(",".join).map("[{}]".format)
)


@given(body=plain_bodies)
@settings(deadline=None)
def test_what_is_plain_is_always_taken(body: str) -> None:
    assert assert_scan_agrees(body.encode()) is not None


@given(body=plain_bodies, data=st.data())
@examples(200)
def test_what_is_changed_is_taken_as_the_reference_takes_it_or_not_at_all(body: str, data: st.DataObject) -> None:
    encoded = bytearray(body.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(encoded) - 1))
        encoded[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from(
                [b"", b",", b"[", b"]", b"{", b"}", b'"', b"\\", b"0", b"-", b".", b"e", b"1e5", b"\0", b"ttl"]
            )
        )
    # The room decodes before it scans, so that a scanner only ever sees UTF-8.
    assert_scan_agrees(encoded.decode(errors="replace").encode())


@pytest.mark.parametrize(
    "member",
    [
        '"type":"long"',
        '"ttl":-0',
        '"ttl":2147483648',
        '"ttl":"5"',
        '"time":1',
        '"timestamp":1,"value":2',
        '"datapoints":[[1,2]]',
        '"other":1',
        '"name":"n"',
    ],
)
def test_members_of_other_kinds_are_handed_over(member: str) -> None:
    body = f'{{"name":"m","datapoints":[[1,2]],"tags":{{"k":"v"}},{member}}}'.encode()
    assert scan(body, SECRET, NOW_MS) is None


@pytest.mark.parametrize(
    "pair",
    [
        "[1,1e5]",
        "[1,1e-05]",
        "[1.0,1]",
        '["1",1]',
        '[1,"1"]',
        "[1]",
        "[]",
        "[1,2,3]",
        "[1,null]",
        "[1,true]",
        "1",
        "",
        "[9007199254740993,1]",
        "[01,1]",
        "[1,9223372036854775808]",
        "[1,1.0e400]",
        "[1,NaN]",
    ],
)
def test_pairs_of_other_kinds_are_handed_over(pair: str) -> None:
    body = f'{{"name":"m","datapoints":[[1,2],{pair}],"tags":{{"k":"v"}}}}'.encode()
    assert scan(body, SECRET, NOW_MS) is None


def test_a_ttl_counts_from_the_moment_of_the_write() -> None:
    body = b'{"name":"m","datapoints":[[1,2],[2,3]],"tags":{"k":"v"},"ttl":300}'
    points = scan(body, SECRET, NOW_MS)
    assert points is not None
    assert points.expires is not None
    assert points.expires.tolist() == [NOW_MS + 300_000] * 2


def test_bounds_on_rows() -> None:
    shortest = '{"name":"m","datapoints":[[1,2]],"tags":{"k":"v"}}'
    assert len(shortest) + 1 > kernel.METRIC_BYTES_MIN
    assert len("[1,2]") + 1 > kernel.POINT_BYTES_MIN


def test_what_is_not_plain_goes_to_the_reference() -> None:
    decode = ScanningDecoder(reference, SECRET)
    decoded = decode(b'{"name":"m","datapoints":[[1,"2"],[]],"tags":{"k":"v"}}', NOW_MS)
    assert decoded.points.times.tolist() == [1]
    assert len(decoded.failures.first) == 1


@example(b"")
@example(b"[")
@example(b"[]")
@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_break_it(body: bytes) -> None:
    assert_scan_agrees(body.decode(errors="replace").encode())


async def test_a_large_body_that_is_not_plain_leaves_the_event_loop() -> None:
    decode = ScanningDecoder(reference, SECRET)
    plain = '{"name":"m","timestamp":1,"value":1.5,"tags":{"a":"b"}}'
    custom = '{"name":"m","timestamp":1,"type":"complex","value":{"real":1,"imaginary":2},"tags":{"a":"b"}}'

    def body(metric: str, bytes_: int) -> bytes:
        text = f"[{','.join([metric] * (bytes_ // len(metric)))}]"
        return text.encode()

    large = limits.KAIROSDB_LOOP_BODY_BYTES_MAX // 2
    assert len(decode(body(plain, large), NOW_MS).points.times)
    assert len(decode(body(custom, 10_000), NOW_MS).points.times)
    with pytest.raises(TooLongForTheLoop):
        decode(body(custom, large), NOW_MS)
    decoded = await asyncio.to_thread(decode, body(custom, large), NOW_MS)
    assert len(decoded.points.times) == large // len(custom)
