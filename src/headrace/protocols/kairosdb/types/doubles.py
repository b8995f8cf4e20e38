"""How KairosDB, a Java program, spells doubles."""

from __future__ import annotations

import math


def double_text(value: float) -> str:
    """A finite double as KairosDB prints it: Java's digits, without the `.0` of an integral one (5, 1.5, 1.0E10)."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = f"{value:.0f}" if value.is_integer() else repr(value)
        return "-0" if text == "0" and math.copysign(1, value) < 0 else text
    # repr has the shortest digits that mean this double, as Java from version 19 on.
    sign, digits, exponent = _decimal(value)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _decimal(value: float) -> tuple[str, str, int]:
    """Sign, significant digits and the power of ten of the first of them."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" * mantissa.startswith("-")
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading_zeros = len(whole + fraction) - len(digits)
    return sign, digits.rstrip("0"), int(exponent or 0) + len(whole) - 1 - leading_zeros
