from __future__ import annotations

import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from room_fixture import value_of

from headrace.model.values import INT64_MAX, INT64_MIN, ValuesBuilder, integers_column, numbers_column
from headrace.protocols.opentsdb.values import integer, number, number_of_line

INT64 = st.integers(INT64_MIN, INT64_MAX)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)


def same(a: object, b: object) -> bool:
    """Equal in type and, for doubles, in every bit."""
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("+42", 42),
        ("-0", 0),
        ("007", 7),
        ("9223372036854775807", INT64_MAX),
        ("-9223372036854775808", INT64_MIN),
        ("42.0", 42.0),
        ("42.5 ", 42.5),
        ("42 ", 42),
        (" 42", 42),
        ("\t-42\n", -42),
        ("4.5e3", 4500.0),
        ("-4.5E3", -4500.0),
        ("1E3", 1000.0),
        ("-0.0", -0.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e400", math.inf),
        ("1e-400", 0.0),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert same(number(text), value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "4 2",
        "0x1F",
        "1,5",
        "NaN",
        "Infinity",
        "+",
        "-",
        "--1",
        "1_0",
        "1.2.3",
        "e",
        ".",
        "1e",
        "e5",
        "٣",
        "1.٣",
        "1e5f",
    ],
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        number(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5d", 1.5), ("-.5D", -0.5), ("1.5f", 1.5), ("1e3F", 1000.0), ("1.f ", 1.0), ("1.5", 1.5), ("7", 7), (" 7 ", 7)],
)
def test_java_has_letters_for_doubles(text: str, value: float) -> None:
    # OpenTSDB 2.4.1 stores 1.5 for `put m 1365465600 1.5d host=a`.
    assert same(number_of_line(text), value)


PARSE_DOUBLE = [
    ("1f", "Invalid character 'f' in 1f"),
    ("-1d", "Invalid character 'd' in -1d"),
    ("1.5L", 'For input string: "1.5L"'),
    ("1.5ff", 'For input string: "1.5ff"'),
    ("ef", 'For input string: "ef"'),
    ("1.5.5", "multiple points"),
    ("-..", "multiple points"),
    ("f", "Invalid character 'f' in f"),
    ("", "Empty string"),
]
PARSE_LONG = [
    ("notatime", "Invalid character 'n' in notatime"),
    ("1x", "Invalid character 'x' in 1x"),
    ("", "Empty string"),
    ("-", "Just a sign, no value: -"),
    ("9223372036854775808", "Overflow in 9223372036854775808"),
    ("-9223372036854775809", "Overflow in -9223372036854775809"),
    ("12345678901234567890", "Value too long: 12345678901234567890"),
]


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [*((number_of_line, *said) for said in PARSE_DOUBLE), *((integer, *said) for said in PARSE_LONG)],
)
def test_words_of_java(read: Callable[[str], int | float], text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read(text)
    assert str(raised.value) == words


@given(st.lists(INT64 | DOUBLE, min_size=1))
def test_a_column_of_numbers_is_exact(numbers: list[int | float]) -> None:
    texts = [repr(value).encode() for value in numbers]
    column = numbers_column(texts)
    assert column is not None
    assert all(same(value_of(column, row), value) for row, value in enumerate(numbers))


@given(st.lists(st.text(alphabet="0123456789-+.eE", min_size=1, max_size=6).map(str.encode), min_size=1, max_size=4))
def test_a_plain_column_means_what_its_texts_mean_one_by_one(words: list[bytes]) -> None:
    column, integers = numbers_column(words), integers_column(words)
    if column is not None:
        assert len(column) == len(words)
        assert all(same(value_of(column, row), number(word.decode())) for row, word in enumerate(words))
    if integers is not None:
        assert integers.tolist() == [integer(word.decode()) for word in words]


@pytest.mark.parametrize("text", [b"9223372036854775808", b"1e400", b'"1"', b"true", b"null", b"[1]", b"1" * 5000])
def test_what_is_no_plain_column(text: bytes) -> None:
    assert numbers_column([b"1", text]) is None
    assert integers_column([b"1", text]) is None


@given(st.lists(INT64 | DOUBLE | st.booleans() | st.text()))
def test_values_built_one_by_one(values: list[int | float | bool | str]) -> None:
    builder = ValuesBuilder()
    for value in values:
        builder.add(value)
    built = builder.build()
    assert len(built) == len(values)
    assert all(same(value_of(built, row), value) for row, value in enumerate(values))
