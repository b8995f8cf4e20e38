import json
import math
import random
import re
import struct
from fractions import Fraction

import numpy as np
import pytest
from chance import examples
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.kernels.scanning.decimal import DOUBLE, INTEGER, NOT_PLAIN, nearest_double, read_number

JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
PADDING = bytes(16)


def read(text: str) -> tuple[int, int, int]:
    end, kind, bits = read_number(np.frombuffer(text.encode() + PADDING, dtype=np.uint8), 0)
    return int(end), kind, int(bits)


def double_bits(value: float) -> int:
    return int(struct.unpack("=q", struct.pack("=d", value))[0])


def assert_read_exactly(text: str) -> None:
    """read_number says of `text` what int() and float() say, and float() rounds correctly."""
    end, kind, bits = read(text)
    assert end == len(text), text
    if re.search("[.eE]", text):
        assert (kind, bits) == (DOUBLE, double_bits(float(text))), text
    else:
        assert (kind, bits) == (INTEGER, int(text)), text


@given(st.integers(-(2**63), 2**63 - 1))
@example(2**63 - 1)
@example(-(2**63))
def test_every_int64_is_read(number: int) -> None:
    assert_read_exactly(str(number))


@given(st.integers().filter(lambda number: not -(2**63) <= number < 2**63) | st.integers(2**63, 10**19))
@example(2**63)
@example(-(2**63) - 1)
@example(2**64)
@example(10**19)
@example(-(10**19))
def test_integers_beyond_int64_are_handed_over(number: int) -> None:
    assert read(str(number))[0] == NOT_PLAIN


@examples(300)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(2.2250738585072014e-308)
@example(2.225073858507201e-308)
@example(1.7976931348623157e308)
@example(-0.0)
def test_every_double_is_read_from_its_shortest_text(value: float) -> None:
    text = repr(value)
    if "." not in text and "e" not in text:
        text += ".0"
    assert_read_exactly(text)


@examples(300)
@given(st.integers(0, 10**19 - 1), st.integers(-345, 290), st.booleans())
def test_nineteen_digits_and_any_exponent(mantissa: int, power: int, negative: bool) -> None:
    text = f"{'-' * negative}{mantissa}e{power}"
    if math.isinf(float(text)):
        assert read(text)[0] == NOT_PLAIN
    else:
        assert_read_exactly(text)


def test_a_hundred_thousand_seeded_texts_of_each_hard_shape() -> None:
    rng = random.Random(20181116)

    def halfway() -> str:
        # The decimal of the point between two neighbours, cut to 19 digits: as near to a tie as 19 digits come.
        middle = Fraction(2 * (rng.getrandbits(53) | 1 << 52) + 1) * Fraction(2) ** rng.randrange(-1080, 960)
        power = math.floor(math.log10(middle)) - 18
        return f"{int(middle / Fraction(10) ** power) % 10**19}e{power}"

    shapes = [
        lambda: f"{rng.randrange(10**19)}e{rng.randrange(-345, 289)}",
        lambda: f"{(2 * (rng.getrandbits(52) | 1 << 52) + 1)}e{rng.randrange(-6, 26)}",
        lambda: f"{rng.randrange(1, 10 ** rng.randrange(1, 19))}e{rng.randrange(-345, -300)}",
        lambda: f"{rng.randrange(100)}.{rng.randrange(10**17):017d}",
        halfway,
    ]
    for shape in shapes:
        for _ in range(20_000):
            assert_read_exactly(shape())


@pytest.mark.parametrize(
    "text", ["1e308", "179769313486231570e291", "0e0", "0.0", "-0.0", "0e999", "1e-999", "0.000001E+5"]
)
def test_edges_of_the_range_of_doubles(text: str) -> None:
    assert_read_exactly(text)


@pytest.mark.parametrize("text", ["1e309", "-1e400", "1797693134862315808e290", "1e9999", "1.5e10000", "0.1e00001"])
def test_infinite_or_oddly_long_exponents_are_handed_over(text: str) -> None:
    assert read(text)[0] == NOT_PLAIN


def test_minus_zero_is_an_integer_without_a_point_and_a_double_with_one() -> None:
    assert read("-0") == (2, INTEGER, 0)
    assert read("-0.0") == (4, DOUBLE, double_bits(-0.0))


@examples(600)
@given(st.text("0123456789+-.eE", max_size=12))
@example("1.")
@example(".5")
@example("01")
@example("1e")
@example("1e+")
@example("--1")
@example("-")
@example("+1")
def test_nothing_but_a_json_number_is_read_and_only_to_its_end(text: str) -> None:
    end, kind, _ = read(text)
    if end == NOT_PLAIN:
        return
    number = text[:end]
    assert JSON_NUMBER.fullmatch(number)
    assert JSON_NUMBER.match(text).end() == end or not JSON_NUMBER.fullmatch(text)  # type: ignore[union-attr]
    assert (kind == INTEGER) == isinstance(json.loads(number), int)
    assert_read_exactly(number)


def test_zero_needs_no_power() -> None:
    assert nearest_double(np.uint64(0), 400) == 0
