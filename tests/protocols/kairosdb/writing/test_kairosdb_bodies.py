"""The metric objects of a body, whole or broken."""

from __future__ import annotations

import pytest

from headrace import limits
from headrace.protocols.kairosdb.faults import Failure
from headrace.protocols.kairosdb.writing.bodies import INVALID_START, NO_CONTENT, metrics_of


def found(body: bytes) -> list[str]:
    """The names of metric objects as they were sent, and the words of failures with their place."""
    return [
        f"{one.place}: {one.error}" if isinstance(one, Failure) else bytes(one.name).decode()
        for one in metrics_of(body)
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
        (b'[{"name":"[a}"},{"name":"b', ['"[a}"', "1: Invalid json. Input data was truncated"]),
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
    assert failure.startswith("0: Invalid json. ")


@pytest.mark.parametrize("rest", [b"{} {}", b",,{}", b",5,{}", b",[],{", rb',5,{"na\q":1}]', b"]{}"])
def test_what_stands_behind_the_break_is_not_read(rest: bytes) -> None:
    first, failure = found(b'[{"name":"a"}' + rest)
    assert first == '"a"'
    assert failure.startswith("1: Invalid json. ")


def test_a_string_that_never_ends_is_given_up_at_once() -> None:
    first, failure = found(b'[{"name":"a"},{"name":"' + b"\\\\" * 1_000_000)
    assert first == '"a"'
    assert failure.startswith("1: Invalid json. ")
