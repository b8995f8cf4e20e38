from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.kairosdb.types.doubles import double_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # Java's Double.toString, without the ".0" of an integral number.
        (5.0, "5"),
        (-5.0, "-5"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1.5, "1.5"),
        (0.001, "0.001"),
        (0.0009, "9.0E-4"),
        (5e-5, "5.0E-5"),
        (1e10, "1.0E10"),
        (1e7, "1.0E7"),
        (9999999.0, "9999999"),
        (12345678.5, "1.23456785E7"),
        (-1.25e-300, "-1.25E-300"),
        (5e-324, "5.0E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
    ],
)
def test_doubles_as_kairosdb_prints_them(value: float, text: str) -> None:
    assert double_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_comes_back(value: float) -> None:
    back = float(double_text(value))
    assert back == value
    assert math.copysign(1, back) == math.copysign(1, value)
