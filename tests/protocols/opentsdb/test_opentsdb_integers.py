"""Integers as Java takes them: Integer.parseInt for parameters, Jackson for members."""

from __future__ import annotations

import msgspec
import pytest

from headrace.errors import Refused
from headrace.protocols.opentsdb.integers import LONG_MAX, Whole, integer_of, parameter, whole_member

MEMBER = msgspec.json.Decoder(Whole | None, strict=False, dec_hook=whole_member)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("-5", -5), ("+5", 5), ("007", 7), ("1000000000", 10**9), ("-2147483648", -(2**31))]
    + [(text, None) for text in ("", "x", "1.5", " 1", "1 ", "2147483648", "1_0", "\u0665", "9" * 5000)],
)
def test_texts(text: str, number: int | None) -> None:
    assert integer_of(text) == number


def test_longs() -> None:
    assert integer_of(str(LONG_MAX), LONG_MAX) == LONG_MAX
    assert integer_of(str(LONG_MAX + 1), LONG_MAX) is None


def test_parameters() -> None:
    assert parameter(None, "suggest", "no") is None
    assert parameter("12", "suggest", "no") == 12
    with pytest.raises(Refused, match="no number"):
        parameter("x", "suggest", "no number")
    with pytest.raises(Refused, match="no number"):
        parameter("", "suggest", "no number")


@pytest.mark.parametrize(
    ("said", "number"),
    [("5", 5), ("100.9", 100), ("-100.9", -100), ('"7"', 7), ('""', 0), ("null", None), ("1e3", 1000)],
)
def test_members(said: str, number: int | None) -> None:
    assert MEMBER.decode(said) == number


@pytest.mark.parametrize("said", ["true", '"x"', '"1.5"', "[]", "{}", "1e30", "9223372036854775808", "1e308"])
def test_what_is_no_integer(said: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        MEMBER.decode(said)
