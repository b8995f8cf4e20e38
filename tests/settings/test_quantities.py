"""Sizes and durations with units, and what is said of those that are none."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from headrace.settings.quantities import Bytes, Seconds, parse_duration_ms


class Quantities(BaseModel):
    size: Bytes = 1
    time: Seconds = 1


def test_durations_of_retention() -> None:
    lengths = {"0": 0, "1s": 1000, "2m": 120_000, "3h": 10_800_000, "1d": 86_400_000, "1w": 604_800_000}
    assert {text: parse_duration_ms(text) for text in lengths} == lengths


SIZES: dict[object, int] = {
    7: 7,
    "7": 7,
    "12B": 12,
    "1kB": 1000,
    "512MB": 512_000_000,
    "1.5 GB": 1_500_000_000,
    "2KiB": 2048,
    "1MiB": 2**20,
    "64mib": 64 * 2**20,
    "3TiB": 3 * 2**40,
}
TIMES: dict[object, float] = {
    1.5: 1.5,
    "1.5": 1.5,
    "500ms": 0.5,
    "10s": 10,
    "10m": 600,
    "1.5h": 5400,
    "2d": 172_800,
    " 1m ": 60,
}


@pytest.mark.parametrize(("said", "size"), SIZES.items())
def test_sizes(said: object, size: int) -> None:
    assert Quantities.model_validate({"size": said}).size == size


@pytest.mark.parametrize(("said", "seconds"), TIMES.items())
def test_times(said: object, seconds: float) -> None:
    assert Quantities.model_validate({"time": said}).time == seconds


@pytest.mark.parametrize(
    ("name", "said", "why"),
    [
        ("size", "512XB", '"512XB" is no size: write bytes, or a number and kB, MB, GB'),
        ("size", "MB", '"MB" is no size'),
        ("size", "", '"" is no size'),
        ("size", "1.5", "valid integer"),
        ("time", "10y", '"10y" is no duration: write seconds, or a number and ms, s, m, h or d, such as 10m'),
        ("time", "-3s", '"-3s" is no duration'),
        ("time", "0s", "greater than 0"),
        ("time", "-1", "greater than 0"),
        ("time", "inf", "finite number"),
        ("time", "", '"" is no duration'),
    ],
)
def test_mistakes(name: str, said: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why.replace("(", r"\(")):
        Quantities.model_validate({name: said})
