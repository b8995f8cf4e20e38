from __future__ import annotations

import numpy as np
import pytest

from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.plain_json import PADDING, TAGS_MAX, hash_tags, skip_blanks, skip_text

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
