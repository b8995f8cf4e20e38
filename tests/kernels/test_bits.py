import numba
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_by_numba import made_by_numba

bits = made_by_numba("headrace.kernels.bits")
uint64 = numba.types.uint64

words = st.integers(0, 2**64 - 1)


@numba.njit(uint64(uint64))
def trailing_zeros(word):  # type: ignore[no-untyped-def]
    return bits.trailing_zeros(word)


@numba.njit(uint64(uint64))
def leading_zeros(word):  # type: ignore[no-untyped-def]
    return bits.leading_zeros(word)


@numba.njit(uint64(uint64, uint64))
def high_product(a, b):  # type: ignore[no-untyped-def]
    return bits.high_product(a, b)


@given(words.filter(bool))
def test_zeros_are_counted_as_the_binary_text_shows_them(word: int) -> None:
    text = f"{word:064b}"
    assert trailing_zeros(word) == bits.trailing_zeros(np.uint64(word)) == len(text) - len(text.rstrip("0"))
    assert leading_zeros(word) == bits.leading_zeros(np.uint64(word)) == len(text) - len(text.lstrip("0"))


@given(words, words)
def test_the_high_product_is_that_of_unbounded_integers(a: int, b: int) -> None:
    assert high_product(a, b) == bits.high_product(np.uint64(a), np.uint64(b)) == a * b // 2**64
