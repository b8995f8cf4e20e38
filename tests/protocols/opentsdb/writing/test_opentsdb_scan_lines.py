"""The scanner of telnet blocks against the reading line by line."""

import numpy as np
import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.scanning.opentsdb_telnet import LINE_BYTES_MIN
from headrace.model.points import Points
from headrace.model.series import SeriesTable, series_name
from headrace.model.spelling import KeyCache
from headrace.protocols.opentsdb.telnet import _LineByLine as LineByLine
from headrace.protocols.opentsdb.telnet import lines_of, read_name
from headrace.protocols.opentsdb.writing.scan import scan_lines

SECRET = np.random.default_rng(4242).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)
TABLE = SeriesTable(SECRET)


def assert_scan_agrees(block: bytes) -> Points | None:
    """Either the scanner hands over, or line by line nothing is refused, nothing else is asked, and all is the same."""
    scanned = scan_lines(block, SECRET, read_name)
    if scanned is not None:
        slow = LineByLine(KeyCache(TABLE, read_name)).read(lines_of(block))
        assert slow.failures == {}
        assert slow.commands == {}
        assert scanned.keys.tolist() == slow.points.keys.tolist()
        assert scanned.times.tolist() == slow.points.times.tolist()
        assert scanned.places.tolist() == slow.points.places.tolist()
        assert scanned.values.kinds.tolist() == slow.points.values.kinds.tolist()
        assert scanned.values.bits.tolist() == slow.points.values.bits.tolist()
        assert scanned.expires is slow.points.expires is None
        for row in range(len(scanned)):
            assert scanned.names.name(row) == slow.points.names.name(row)
    return scanned


blanks = st.text(" ", max_size=2)
word = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters=" ="), min_size=1, max_size=30
)
times = st.one_of(
    st.integers(4_284_768, 9_999_999_999_999).map(str),
    st.decimals("5000.000", "9999999999.999", places=3).map(str),
)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0", "-0", "-0.0", "1E3", "-4.5e3", "1e-400"]),
)


@st.composite
def plain_lines(draw: st.DrawFn) -> str:
    tags = draw(st.dictionaries(word, word, min_size=1, max_size=5))
    words = "".join(f"{draw(blanks)} {key}={value}" for key, value in tags.items())
    return f"put {draw(word)} {draw(times)} {draw(numbers)}{words}{draw(blanks)}"


@st.composite
def plain_blocks(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(plain_lines(), min_size=1, max_size=5))
    block = "".join(line + draw(st.sampled_from(["\n", "\r\n"])) for line in lines)
    return (block if draw(st.booleans()) else block.rstrip("\r\n")).encode()


@examples(200)
@given(plain_blocks())
def test_plain_blocks_are_taken_and_equal_line_by_line(block: bytes) -> None:
    assert assert_scan_agrees(block) is not None


@st.composite
def mutated_blocks(draw: st.DrawFn) -> bytes:
    block = bytearray(draw(plain_blocks()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(block)))
        match draw(st.sampled_from(["insert", "replace", "delete", "copy", "cut"])):
            case "insert":
                block[at:at] = draw(
                    st.sampled_from([b" ", b"=", b"\n", b"\r", b"\r\n", b".", b"0", b"-", b"\0", b"\xff"])
                )
            case "replace":
                block[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "delete":
                del block[at : at + draw(st.integers(1, 9))]
            case "copy":
                block[at:at] = block[at : at + draw(st.integers(1, 40))]
            case _:
                del block[at:]
    return bytes(block)


@examples(500)
@given(mutated_blocks())
def test_mutated_blocks_are_handed_over_or_equal_line_by_line(block: bytes) -> None:
    assert_scan_agrees(block)


WORD = st.text("ab=.-!é\r\t0", max_size=4)
ODD_LINE = st.builds(
    "{} {} {} {} {}{}".format,
    st.sampled_from(["put", "put", "put", "put", "version", "x", ""]),
    st.sampled_from(["m", "m.n", "", "m!", "m=n"]) | WORD,
    st.sampled_from(["1364410924", "1364410924250", "1364410924.250", "0", "4284767", "1364410924.25", "5000.1", ""])
    | WORD,
    st.sampled_from(["1", "1.5", "-0.0", "1e400", "", "007", "9223372036854775808", "+1", ".5", "NaN"]) | WORD,
    st.sampled_from(["k=v", "k=v ", "k=v  a=b", "k=v k=v", "k=v k=w", "", "k", "k=", "=v", "k=v=w"]) | WORD,
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
        b"put m 1364410924 1\n",
        b"put m 1364410924 1 \n",
        b"put m 1364410924 1 k=v k=v\n",
        b"put m 1364410924 1 k=v\r\r\n",
        b"put m 1364410924 1 k=v\r",
        b"put m 1364410924 1 k=v\n\n",
        b"put m 1364410924 1 k=v\0\n",
        b"put m 1364410924 1 k=\xff\n",
        b"put m 1364410924.25 1 k=v\n",
        b"put m 1364410924 1e400 k=v\n",
        b"put m 4284767 1 k=v\n",
        b"put  1364410924 1 k=v\n",
    ],
)
def test_what_needs_a_closer_look_is_handed_over(block: bytes) -> None:
    assert scan_lines(block, SECRET, read_name) is None


def test_what_collectd_sends() -> None:
    block = b"put cpu.idle 1364410924 99.5 fqdn=web01.example.net cpu=0 \r\n" * 3
    points = scan_lines(block, SECRET, read_name)
    assert points is not None
    assert points.times.tolist() == [1_364_410_924_000] * 3
    assert points.values.doubles().tolist() == [99.5] * 3
    name = series_name("cpu.idle", {"fqdn": "web01.example.net", "cpu": "0"})
    assert points.names.name(2) == name
    assert tuple(points.keys[2].tolist()) == TABLE.key_of(name)


def test_three_decimals_are_milliseconds() -> None:
    points = scan_lines(b"put m 1364410924.250 1 k=v", SECRET, read_name)
    assert points is not None
    assert points.times.tolist() == [1_364_410_924_250]


def test_the_shortest_lines_fit_the_rows_that_are_kept_for_them() -> None:
    shortest = b"put m 4284768 1 k=v\n"
    assert len(shortest) >= LINE_BYTES_MIN
    points = scan_lines(shortest * 5000, SECRET, read_name)
    assert points is not None
    assert len(points) == 5000
