"""LineReader against the plainest oracle: cut at every line end, then look at each length."""

from __future__ import annotations

import itertools
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from headrace.transport.connections.lines import LineReader, TooLong

LINE_BYTES_MAX = 8

streams = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bb", b"c" * 7, b"d" * 8, b"e" * 9, b"f" * 40])).map(
    b"".join
)


def read(packets: list[bytes]) -> list[bytes | TooLong]:
    """What comes out, blocks cut into lines."""
    reader = LineReader(LINE_BYTES_MAX)
    seen: list[bytes | TooLong] = []
    for packet in packets:
        reader.push(packet)
        while (item := reader.take()) is not None:
            if isinstance(item, TooLong):
                seen.append(item)
            else:
                assert item.endswith(b"\n")
                seen += (
                    item.splitlines(keepends=True) if b"\r" not in item else [x + b"\n" for x in item.split(b"\n")[:-1]]
                )
    return seen


def oracle(stream: bytes) -> list[bytes | TooLong]:
    *lines, tail = stream.split(b"\n")
    seen: list[bytes | TooLong] = [TooLong.LINE if len(line) > LINE_BYTES_MAX else line + b"\n" for line in lines]
    return seen + ([TooLong.LINE] if len(tail) > LINE_BYTES_MAX else [])


@given(streams, st.lists(st.integers(0, 200)))
def test_cuts_never_change_the_lines(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    packets = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert read(packets) == oracle(stream)


@given(streams)
def test_bytewise_equals_whole(stream: bytes) -> None:
    assert read([stream[i : i + 1] for i in range(len(stream))]) == read([stream])


def test_whole_lines_come_as_one_block() -> None:
    reader = LineReader(LINE_BYTES_MAX)
    reader.push(b"one\ntwo\r\nthree\nfo")
    assert reader.take() == b"one\ntwo\r\nthree\n"
    assert reader.take() is None
    reader.push(b"ur\n")
    assert reader.take() == b"four\n"


def test_an_endless_line_holds_no_memory() -> None:
    reader = LineReader(16 * 1024)
    packet = b"x" * 65536
    tracemalloc.start()
    for _ in range(1600):
        reader.push(packet)
        while reader.take() is not None:
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024 * 1024
