"""Sizes and durations as operators write them: 512MB, 10m."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, TypeAdapter, ValidationError

from headrace.settings.allowed import Takes

_DURATION: Final = re.compile(r"(\d{1,9})([smhdwy])")
_UNIT_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000, "y": 365 * 86_400_000}

_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

_SIZE: Final = TypeAdapter(ByteSize)


def parse_duration_ms(text: str) -> int:
    """A duration as an operator writes it, such as 90d, in ms; 0 for "0". Raises ValueError."""
    if text == "0":
        return 0
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise ValueError(f'"{text}" is no duration: write 0 or a whole number and s, m, h, d, w or y, such as 90d')
    return int(found[1]) * _UNIT_MS[found[2]]


def _is_duration(value: str) -> str:
    parse_duration_ms(value)
    return value


def _in_seconds(value: object) -> object:
    if not isinstance(value, str) or _is_number(value):
        return value
    found = _SECONDS.fullmatch(value.strip())
    if found is None:
        raise ValueError(f'"{value}" is no duration: write seconds, or a number and ms, s, m, h or d, such as 10m')
    return float(found[1]) * _UNIT_S[found[2]]


def _in_bytes(value: object) -> object:
    if not isinstance(value, str) or _is_number(value):
        return value
    try:
        return int(_SIZE.validate_python(value))
    except ValidationError:
        raise ValueError(
            f'"{value}" is no size: write bytes, or a number and kB, MB, GB (powers of 1000) or KiB, MiB, GiB (of '
            "1024), such as 512MB"
        ) from None


def _is_number(text: str) -> bool:
    """Whether it is for pydantic, which says what is wrong with one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


Seconds = Annotated[float, BeforeValidator(_in_seconds), Field(gt=0, allow_inf_nan=False), Takes("seconds (or `10m`)")]
Bytes = Annotated[int, BeforeValidator(_in_bytes), Takes("bytes (or `512MB`)")]
Duration = Annotated[str, AfterValidator(_is_duration), Takes("`0`, or a duration such as `90d`")]
"""See parse_duration_ms."""
