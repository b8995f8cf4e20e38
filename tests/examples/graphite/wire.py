"""Lines become columns. This is the reference decoder; a compiled scanner of plain lines could stand before it, as in
the other rooms."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np

from graphite.names import read_name
from headrace.errors import Refused
from headrace.model.points import Points
from headrace.model.spelling import KeyCache, SpelledNames, Spelling, key_column
from headrace.model.time import SECOND_MS, TIME_MS_MAX
from headrace.model.values import INT64_MAX, INT64_MIN, ValuesBuilder

_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(rb"[+-]?[0-9]{1,19}")


class Decoded(NamedTuple):
    """A block as columns, and of each other line its place in the block and why it is refused."""

    points: Points
    refused: list[tuple[int, Refused]]


def decode(block: bytes, keys: KeyCache, now_ms: int) -> Decoded:
    """The points of whole lines. An empty line is none. now_ms: the time of a line that says -1."""
    values = ValuesBuilder()
    times: list[int] = []
    spellings: list[Spelling] = []
    found: list[bytes] = []
    places: list[int] = []
    refused: list[tuple[int, Refused]] = []
    for place, line in enumerate(block.split(b"\n")):
        words = line.split()
        if not words:
            continue
        try:
            if len(words) != 3:
                raise Refused("timestamp-invalid", f"{len(words)} words instead of a path, a value and a time")
            spelling = (words[0], b"")
            key, value, time_ms = keys[spelling], _value(words[1]), _time_ms(words[2], now_ms)
        except Refused as why:
            refused.append((place, why))
            continue
        values.add(value)
        times.append(time_ms)
        spellings.append(spelling)
        found.append(key)
        places.append(place)
    points = Points(
        key_column(found),
        np.array(times, dtype=np.int64),
        values.build(),
        SpelledNames(spellings, read_name),
        np.array(places, dtype=np.int64),
    )
    return Decoded(points, refused)


def _value(word: bytes) -> int | float:
    """An integer stays one. Raises Refused: rules "value-number", "value-infinite"."""
    if _INTEGER.fullmatch(word) and INT64_MIN <= (integer := int(word)) <= INT64_MAX:
        return integer
    if not _NUMBER.fullmatch(word):
        raise Refused("value-number", "the value is no number")
    number = float(word)
    if not math.isfinite(number):
        raise Refused("value-infinite", "the value does not fit a double")
    return number


def _time_ms(word: bytes, now_ms: int) -> int:
    """Seconds, perhaps with decimals, as ms; -1 is now. Raises Refused: rules "timestamp-invalid",
    "timestamp-range"."""
    if not _NUMBER.fullmatch(word):
        raise Refused("timestamp-invalid", "the time is no number")
    seconds = float(word)
    if seconds == -1:
        return now_ms
    if not 0 < seconds <= TIME_MS_MAX / SECOND_MS:
        raise Refused("timestamp-range", "the time is beyond any clock")
    return round(seconds * SECOND_MS)
