import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.hashing import hash_span, word_at
from headrace.kernels.scanning.plain_text import as_word, eight_times, first_bytes, hash_text, stops

QUOTES, BACKSLASHES, BLANKS = (eight_times(byte) for byte in b'"\\ ')
SECRET = np.random.default_rng(7).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)
ENDING = b'"\\' + bytes(range(32))
eight_bytes = st.binary(min_size=8, max_size=8) | st.text('a"\\ \x1f\x7f', min_size=8, max_size=8).map(str.encode)


@given(eight_bytes)
def test_the_first_mark_is_at_the_first_byte_that_ends_a_text(word: bytes) -> None:
    marks = int(stops(np.uint64(int.from_bytes(word, "little")), QUOTES, BACKSLASHES, BLANKS))
    first = next((place for place, byte in enumerate(word) if byte in ENDING), None)
    assert (marks == 0) == (first is None)
    if first is not None:
        assert (marks & -marks).bit_length() == 8 * first + 8


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=40),
    st.binary(max_size=20),
)
def test_a_text_is_hashed_up_to_its_end_as_hash_span_does(text: str, rest: bytes) -> None:
    encoded = text.encode()
    data = np.frombuffer(bytearray(b"xyz" + encoded + b'"' + rest + bytes(24)), dtype=np.uint8)
    end, low, high = hash_text(data, 3, SECRET[2], SECRET[3], SECRET, QUOTES, BACKSLASHES, BLANKS)
    assert end == 3 + len(encoded)
    assert (low, high) == hash_span(data, 3, end, SECRET[2], SECRET[3], SECRET)


@pytest.mark.parametrize("byte", [0, 128, 255])
def test_only_bytes_that_stops_finds_exactly_may_end_a_text(byte: int) -> None:
    with pytest.raises(AssertionError):
        eight_times(byte)


def test_the_first_bytes_of_a_word_are_compared_with_a_text() -> None:
    word = word_at(np.frombuffer(b"metric:12" + bytes(8), dtype=np.uint8), 0)
    assert word == as_word(b"metric:1")
    assert word & first_bytes(6) == as_word(b"metric")
    assert word & first_bytes(7) != as_word(b"metric;")
