from __future__ import annotations

import msgspec
import pytest

from headrace.model.odd_json.broken import Trouble, Unread, metric_of, read_array, read_leniently, read_object
from headrace.model.odd_json.lenient import JACKSON


class Thing(msgspec.Struct):
    n: int


decode = msgspec.json.Decoder(Thing).decode
at_once = msgspec.json.Decoder(list[Thing]).decode

Said = int | tuple[Trouble, str]


def said(read: Thing | Unread) -> Said:
    return (read.trouble, read.metric) if isinstance(read, Unread) else read.n


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ("[]", []),
        ("[ ]", []),
        ('[{"n":1},{"n":2}]', [(0, 1), (1, 2)]),
        ('[{"n":1},{"n":2},"x",{"n":4}]', [(0, 1), (1, 2), (2, (Trouble.SHAPE, "")), (3, 4)]),
        ('[{"metric":"m","n":}, {"n":2} ]', [(0, (Trouble.BROKEN, "m")), (1, 2)]),
        ('[{"n":1}{"name":"m"},{"n":2}]', [(0, 1), (0, (Trouble.BEHIND, "m")), (1, 2)]),
        ('[,{"n":1},]', [(0, (Trouble.BROKEN, "")), (1, 1), (2, (Trouble.BROKEN, ""))]),
        ("[", [(0, (Trouble.END, ""))]),
        ('[{"n":1},', [(0, 1), (1, (Trouble.END, ""))]),
        ('[{"n":1},{"n":', [(0, 1), (1, (Trouble.BROKEN, ""))]),
        ('[{"n":1}] [{"name":"m"}]', [(0, 1), (1, (Trouble.BEHIND, "m"))]),
        ('[{"n":1}}', [(0, 1), (1, (Trouble.BEHIND, ""))]),
    ],
)
def test_elements_have_their_places(array: str, expected: list[tuple[int, Said]]) -> None:
    assert [(index, said(read)) for index, read in read_array(decode, array.encode())] == expected


def test_one_object() -> None:
    assert [said(read) for read in read_object(decode, b'{"n":1}')] == [1]
    assert [said(read) for read in read_object(decode, b'{"n":1}{"name":"b"}')] == [1, (Trouble.BEHIND, "b")]
    assert [said(read) for read in read_object(decode, b'{"n":1')] == [(Trouble.BROKEN, "")]


def test_what_can_be_mended_is_read_whole() -> None:
    def read(text: bytes) -> list[Said]:
        return [said(one) for one in read_leniently(at_once, decode, text, JACKSON)]

    assert read(b'[{"n":1,"x":.5}]') == [1]
    assert read(b'[{"n":1,"x":.5},{"n":2 x}]') == [1, (Trouble.BROKEN, "")]
    assert read(b'{"n":1,"x":x}') == [(Trouble.BROKEN, "")]


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        (b'{"metric" : "a.b", "value":', "a.b"),
        (b'{"value":1,"name":"caf\xff"', "caf\ufffd"),
        (b'{"name":7}', "7"),
        (b'{"name":["m"]}', ""),
        (b"", ""),
        (b" " * 5000 + b'"name":"far"', ""),
    ],
)
def test_a_metric_is_seen_in_what_can_not_be_read(text: bytes, metric: str) -> None:
    assert metric_of(text) == metric


@pytest.mark.parametrize("end", [b"", b"\\", b'\\"'])
def test_a_text_that_never_ends_is_looked_through_once(end: bytes) -> None:
    """Begun again at each quote in it, a megabyte takes half an hour: the time limit of a test."""
    array = b'[{"n":1},{"' + b'\\"' * 500_000 + end
    assert [said(read) for _, read in read_array(decode, array)] == [1, (Trouble.BROKEN, "")]
