from __future__ import annotations

import numpy as np
import pytest

from headrace.kernels.hashing import word_at
from headrace.kernels.scanning.columns import TAGS_MAX
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.plain_json import (
    OPEN_OBJECT,
    PADDING,
    after_colon,
    first_object,
    hash_string,
    hash_tags,
    is_timestamp,
    key_behind,
    next_object,
    nowhere,
    read_text,
    skip_blanks,
    skip_text,
)

SECRET = np.random.default_rng(7).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)


def padded(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(text.encode() + bytes(PADDING), dtype=np.uint8)


def hashed(text: str) -> tuple[int, int, int]:
    end, low, high = hash_tags(padded(text), 0, SECRET, np.empty(TAGS_MAX, dtype=np.uint64))
    return int(end), int(low), int(high)


def test_the_order_of_tags_and_blanks_mean_nothing() -> None:
    one, other = '{"a":"1","b":"2"}', '{ "b" : "2" ,\n"a":"1" }'
    assert hashed(one)[1:] == hashed(other)[1:]
    assert (hashed(one)[0], hashed(other)[0]) == (len(one), len(other))
    assert hashed('{"a":"2","b":"1"}')[1:] != hashed(one)[1:]


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"a":1}', '{"":"1"}', '{"a":""}', '{"a":"1","a":"2"}', '{"a":"\\u0041"}', '{"a":"1"', '{"a"']
)
def test_what_is_not_plain(text: str) -> None:
    assert hashed(text)[0] == NOT_PLAIN


def test_blanks_and_texts_end_where_they_end() -> None:
    assert skip_blanks(padded(" \t\r\n x"), 0) == 5
    assert skip_blanks(padded(""), 0) == 0
    assert skip_text(padded('twelve bytes"'), 0) == 12
    assert skip_text(padded("no end"), 0) == NOT_PLAIN


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (" {} ", [1, 4]),
        ("[{},{}]", [1, 4, 7]),
        (" [ {} , {} ] ", [3, 8, 13]),
        ("{},{}", [0, 2]),
        ("[{},{}", [1, 4, NOT_PLAIN]),
        ("[{}{}]", [1, NOT_PLAIN]),
    ],
)
def test_from_object_to_object(text: str, places: list[int]) -> None:
    data = padded(text)
    at, in_list = first_object(data, 0)
    found = [int(at)]
    more = True
    while more:
        assert text[int(at) :].startswith("{}")
        at, more = next_object(data, at + 2, in_list)
        found.append(int(at))
    assert found == places


def test_behind_the_last_object_or_what_is_not_plain_nothing_follows() -> None:
    assert next_object(padded("[{}]"), NOT_PLAIN, True) == (NOT_PLAIN, False)


@pytest.mark.parametrize(
    ("text", "place"), [('{"key"', 2), ('{ \n"key"', 4), ("{}", NOT_PLAIN), ("{key", NOT_PLAIN), (',"key"', NOT_PLAIN)]
)
def test_keys(text: str, place: int) -> None:
    assert key_behind(padded(text), 0, OPEN_OBJECT) == place


def test_without_a_colon_there_is_no_value() -> None:
    assert after_colon(padded('"key" : 1'), 5) == 8
    without = padded('"key" 1')
    assert after_colon(without, 5) == nowhere(without)
    assert not without[nowhere(without) :].any()


def test_where_a_text_stands_and_what_it_hashes_to() -> None:
    text = ' "text" '
    spans = np.zeros(4, dtype=np.int64)
    end, low, high = read_text(padded(text), 1, SECRET[0], SECRET[1], SECRET, 2, spans)
    assert (int(end), spans.tolist()) == (7, [0, 0, 1, 7])
    assert (low, high) == hash_string(padded(text), 2, SECRET[0], SECRET[1], SECRET)[1:]
    for other in ("text", '""', '"text', '"\\n"'):
        assert read_text(padded(other), 0, SECRET[0], SECRET[1], SECRET, 0, spans)[0] == NOT_PLAIN


@pytest.mark.parametrize(("text", "yes"), [('timestamp"', True), ("timestamps", False), ("timestam", False)])
def test_the_key_of_a_time(text: str, yes: bool) -> None:
    data = padded(text)
    assert is_timestamp(data, 0, word_at(data, 0)) == yes
