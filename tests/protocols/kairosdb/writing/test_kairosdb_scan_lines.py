"""The scanner of telnet blocks against the reading line by line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.scanning.kairosdb_telnet import LINE_BYTES_MIN
from headrace.model.points import Points
from headrace.model.series import SeriesTable, series_name
from headrace.model.spelling import KeyCache
from headrace.protocols.kairosdb.telnet import Lines, read_name, read_words
from headrace.protocols.kairosdb.writing.scan import scan_lines

SECRET = np.random.default_rng(4242).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)
TABLE = SeriesTable(SECRET)


def assert_scan_agrees(block: bytes) -> Points | None:
    """Either the scanner hands over, or line by line nothing is refused, nothing else is asked, and all is the same."""
    scanned = scan_lines(block, SECRET, read_words)
    if scanned is not None:
        slow = Lines(KeyCache(TABLE, read_name))
        assert sum(map(slow.read, block.split(b"\n"), itertools.count())) == 0
        assert not slow.bad
        points = slow.points(0)
        assert scanned.keys.tolist() == points.keys.tolist()
        assert scanned.times.tolist() == points.times.tolist()
        assert scanned.places.tolist() == points.places.tolist()
        assert scanned.values.kinds.tolist() == points.values.kinds.tolist()
        assert scanned.values.bits.tolist() == points.values.bits.tolist()
        assert scanned.expires is points.expires is None
        for row in range(len(scanned)):
            assert scanned.names.name(row) == points.names.name(row)
    return scanned


blanks = st.text(" ", max_size=2)
word = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters=' ="'), min_size=1, max_size=30
).filter(lambda text: "kairos_opt." not in text)
times = st.one_of(
    st.tuples(st.just("put"), st.integers(-(2**53 // 1000), 2**53)),
    st.tuples(st.just("putm"), st.integers(-(2**53), 2**53)),
)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(-1e15, 1e15, allow_nan=False).map(repr).filter(lambda text: "." in text),
    st.sampled_from(["0", "-0", "-0.0", "1.0E3", "-4.5e3", "1.5e-400"]),
)


@st.composite
def plain_lines(draw: st.DrawFn) -> str:
    command, time = draw(times)
    tags = draw(st.dictionaries(word, word, min_size=1, max_size=5))
    words = "".join(f"{draw(blanks)} {key}={value}" for key, value in tags.items())
    return f"{command} {draw(word)} {time} {draw(numbers)}{words}{draw(blanks)}"


@st.composite
def plain_blocks(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(plain_lines(), min_size=1, max_size=5))
    block = "".join(line + draw(st.sampled_from(["\n", "\r\n"])) for line in lines)
    return (block if draw(st.booleans()) else block.rstrip("\r\n")).encode()


@examples(200)
@given(plain_blocks())
def test_plain_blocks_are_taken_and_equal_line_by_line(block: bytes) -> None:
    assert assert_scan_agrees(block) is not None


WORD = st.text('ab=.-!é\r\t0"', max_size=4)
ODD_LINE = st.builds(
    "{} {} {} {}{}{}".format,
    st.sampled_from(["put", "putm", "put", "putm", "puts", "version", "x", ""]),
    st.sampled_from(["m", "m.n", "", "m!", "m=n", "\0"]) | WORD,
    st.sampled_from(["1", "0", "-1", "2999999999", "3000000000", "007", "+5", "9007199254740993", "-9007199254741", ""])
    | WORD,
    st.sampled_from(["1", "1.5", "-0.0", "1e5", "1.0e400", "", "007", "9223372036854775808", "+1", ".5", "5.", "NaN"])
    | WORD,
    st.sampled_from(["", " k=v", " k=v ", " k=v  a=b", " k=v k=w", " k", " k=", " =v", " k=v=w", " kairos_opt.ttl=5"])
    | WORD,
    st.sampled_from(["", "\r", " \r", "\r\r", "\t"]),
)


@examples(350)
@given(st.lists(ODD_LINE, min_size=1, max_size=4), st.booleans())
def test_odd_lines_are_handed_over_or_equal_line_by_line(lines: list[str], ended: bool) -> None:
    assert_scan_agrees(("\n".join(lines) + "\n" * ended).encode())


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\n",
        b"version\n",
        b"putm m 1 1\n",
        b"puts m 1 1 k=v\n",
        b"putm m 1 1 k=v k=v\n",
        b"putm m 1 1 k=v=w\n",
        b"putm m 1 1 k=v kairos_opt.ttl=30\n",
        b'putm m 1 1 k=v "a=b c"\n',
        b"putm m 1 1 k=v\r\r\n",
        b"putm m 1 1 k=v\n\n",
        b"putm m 1 1 k=v\0\n",
        b"putm m 1 1 k=\xff\n",
        b"putm m 9007199254740993 1 k=v\n",
        b"put m -9007199254741 1 k=v\n",
        b"putm m 1 1e5 k=v\n",
        b"putm m 1 1.0e400 k=v\n",
        b"putm  1 1 k=v\n",
    ],
)
def test_what_needs_a_closer_look_is_handed_over(block: bytes) -> None:
    assert scan_lines(block, SECRET, read_words) is None


def test_what_the_java_client_sends() -> None:
    points = scan_lines(b"putm metric1 1349109376000 97.5 host=server1 dc=fra \r\n" * 3, SECRET, read_words)
    assert points is not None
    assert points.times.tolist() == [1_349_109_376_000] * 3
    assert points.values.doubles().tolist() == [97.5] * 3
    name = series_name("metric1", {"host": "server1", "dc": "fra"})
    assert points.names.name(2) == name
    assert tuple(points.keys[2].tolist()) == TABLE.key_of(name)


def test_the_shortest_lines_fit_the_rows_that_are_kept_for_them() -> None:
    shortest = b"put m 1 1 k=v\n"
    assert len(shortest) >= LINE_BYTES_MIN
    points = scan_lines(shortest * 5000, SECRET, read_words)
    assert points is not None
    assert len(points) == 5000
