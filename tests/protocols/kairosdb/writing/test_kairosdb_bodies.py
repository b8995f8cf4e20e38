"""The metric objects of a body, whole or broken."""

from __future__ import annotations

import pytest

from headrace import limits
from headrace.protocols.kairosdb.faults import Failure
from headrace.protocols.kairosdb.writing.bodies import INVALID_START, NO_CONTENT, metrics_of


def found(body: bytes) -> list[str]:
    """The names of metric objects as they were sent, and the words of failures with their place."""
    return [
        f"{place}: {one.error}" if isinstance(one, Failure) else bytes(one.name).decode()
        for place, one in metrics_of(body)
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", [f"0: {NO_CONTENT}"]),
        (b" \0", [f"0: {NO_CONTENT}"]),
        (b"5", [f"0: {INVALID_START}"]),
        (b"[]", []),
        (b'{"name":"a"}', ['"a"']),
        (b'[{"name":"a"},{"name":NaN}]', ['"a"', '"NaN"']),
        (b'[{"name":"a"},5,{"name":"b"}]', ['"a"', "1: metric[1] must be an object.", '"b"']),
        (b"[", [f"0: {NO_CONTENT}"]),
        (b'[{"name":"a"}', ['"a"', f"1: {NO_CONTENT}"]),
        (b'[{"name":"a"} , {"name":"b"} ,', ['"a"', '"b"', f"2: {NO_CONTENT}"]),
        (
            b'[{"name":"[a}"},{"name":"b',
            ['"[a}"', "1: Invalid json in metric[1](name=b): Input data was truncated."],
        ),
        (b"\xef\xbb\xbf[{'name':'a'},{name:b},{\"name\"=c}]", ['"a"', '"b"', '"c"']),
        (b'// first\n[{"name":"a\n"}/* then */,#last\n{"name":.50}]', ['"a\\u000a"', '".50"']),
    ],
)
def test_what_a_body_is_made_of(body: bytes, expected: list[str]) -> None:
    assert found(body) == expected


@pytest.mark.parametrize("other", [b"5", b'{"name":NaN}', b'{"name":"b"}', b"[]"])
def test_a_long_body_is_what_a_short_one_is(other: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"[" + b",".join([b'{"name":"a"}', other, b'{"name":"c","datapoints":[[1,2],[3,4]]}'] * 4) + b"]"
    short = found(body)
    monkeypatch.setattr(limits, "JSON_PIECE_BYTES", 40)
    assert found(body) == short
    assert len(short) == 12


def test_a_body_nested_without_end_breaks_off_there() -> None:
    [failure] = found(b"[" * 1_000_000)
    assert failure == "0: metric[0] must be an object."
    [failure] = found(b'[{"a":' + b"[" * 1_000_000)
    assert failure == "0: Invalid json in metric[0]: it is nested too deeply."


@pytest.mark.parametrize(
    ("rest", "last"),
    [
        (b"{} {}]", ["0: Invalid json in metric[0]: no comma"]),
        (b'{"name":"b"}]', ["0: Invalid json in metric[0](name=b): no comma"]),
        (b'{"name":"b"},{"name":"c"}]', ["0: Invalid json in metric[0](name=b): no comma", '"c"']),
        (b",,{}]", ["1: Invalid json in metric[1]: nothing stands between two commas", ""]),
        (b",]", ["1: Invalid json in metric[1]: nothing stands between two commas"]),
        (b",5,{}]", ["1: metric[1] must be an object.", ""]),
        (b",[],{", ["1: metric[1] must be an object.", "2: Invalid json in metric[2]: Input data was truncated"]),
        (rb',5,{"na\u1":1}]', ["1: metric[1] must be an object.", "2: Invalid json in metric[2]: JSON is malformed"]),
        (b"]{}", ["1: Invalid json in metric[1]: no comma"]),
        (b"}]", ["1: Invalid json in metric[1]: no comma"]),
        (b',{"name":"b"},]', ['"b"', "2: Invalid json in metric[2]: nothing stands between two commas"]),
        (b',{"name":"b","x":{1}},{"name":"c"}]', ["1: Invalid json in metric[1](name=b): JSON is malformed", '"c"']),
        (
            b',{"name":"b","x":1]},{"name":"c"}]',
            ["1: Invalid json in metric[1](name=b): JSON", "2: Invalid json in metric[2](name=c): no comma"],
        ),
    ],
)
def test_what_is_good_behind_a_break_is_read_and_what_is_not_is_named(rest: bytes, last: list[str]) -> None:
    first, *others = found(b'[{"name":"a"}' + rest)
    assert first == '"a"'
    assert len(others) == len(last)
    assert all(map(str.startswith, others, last))


def test_of_two_objects_without_an_array_the_second_is_named() -> None:
    assert found(b'{"name":"a"}\n{"name":"b"}') == [
        '"a"',
        "0: Invalid json in metric[0](name=b): no comma stands before it, or it is behind the end.",
    ]


def test_a_string_that_never_ends_is_given_up_at_once() -> None:
    first, failure = found(b'[{"name":"a"},{"name":"' + b"\\\\" * 1_000_000)
    assert first == '"a"'
    assert failure.startswith("1: Invalid json in metric[1]")
