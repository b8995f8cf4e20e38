"""The functions of /api/query/gexp that take each series by itself, or choose some of them (OpenTSDB:
net.opentsdb.query.expression)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.model.time import duration_ms
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.answer import Element
from headrace.query.alignment import doubles_of
from headrace.query.moving import window_sums
from headrace.store import Snapshot

Transform = Callable[[Sequence[Sequence[Element]], Snapshot], list[Element]]
"""Makes series of those of each argument; its memory is counted at the snapshot."""

Maker = Callable[[Sequence[str], str], Transform]
"""Makes a Transform of the parameters of a call and its place. Raises Refused (rule "expression")."""

_FACTOR = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_LENGTH = re.compile(r"'([0-9]{1,9}) ?([a-z]+)'", re.ASCII)
_UNITS: Final = {
    **dict.fromkeys(("s", "sec"), "second"),
    **dict.fromkeys(("m", "min"), "minute"),
    **dict.fromkeys(("h", "hr", "hour"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
}

_CHARACTER_BYTES: Final = 4
"""Of a text as Python holds it, at most."""

_INT64_ABOVE: Final = 2.0**63
"""The least double that is too large for 64 bits."""


def length_ms(text: str, place: str) -> int:
    """A length of time such as '10min', with its quotes. Raises Refused (rule "expression")."""
    found = _LENGTH.fullmatch(text)
    if found is None or found[2] not in _UNITS or int(found[1]) == 0:
        raise Refused("expression", f"Invalid length of time: {shown(text)}. It must look like '10min'", place)
    return duration_ms(int(found[1]), _UNITS[found[2]])


def of_each(change: Callable[[Element, Snapshot], Element]) -> Transform:
    """A Transform that makes one series of each."""

    def transform(arguments: Sequence[Sequence[Element]], snapshot: Snapshot) -> list[Element]:
        changed = []
        for element in (element for argument in arguments for element in argument):
            snapshot.check()
            changed.append(change(element, snapshot))
        return changed

    return transform


def scale(parameters: Sequence[str], place: str) -> Transform:
    """Times a factor. Integers stay integers if the factor is one and they fit 64 bits."""
    if not parameters:
        raise Refused("expression", "Missing scaling factor", place)
    if not _FACTOR.fullmatch(parameters[0]):
        raise Refused("expression", f"Unparseable scale factor value: {shown(parameters[0])}", place)
    factor = float(parameters[0])
    if math.isinf(factor):
        raise Refused("expression", f"Unparseable scale factor value: {shown(parameters[0])}", place)

    def change(element: Element, snapshot: Snapshot) -> Element:
        snapshot.memory.hold(4 * 8 * len(element.times))
        values = element.values
        with np.errstate(all="ignore"):
            doubles = doubles_of(values) * factor
        if not factor.is_integer() or abs(factor) >= _INT64_ABOVE:
            return replace(element, values=_of_doubles(doubles))
        integers = (values.kinds == Kind.INT64) & (np.abs(doubles) < _INT64_ABOVE)
        bits = doubles.view(np.int64).copy()
        bits[integers] = values.bits[integers] * int(factor)
        return replace(element, values=Values(np.where(integers, Kind.INT64, Kind.DOUBLE).astype(np.uint8), bits))

    return of_each(change)


def absolute(parameters: Sequence[str], place: str) -> Transform:
    """Without the sign."""

    def change(element: Element, snapshot: Snapshot) -> Element:
        snapshot.memory.hold(3 * 8 * len(element.times))
        values = element.values
        integers = (values.kinds == Kind.INT64) & (values.bits != np.iinfo(np.int64).min)
        doubles = np.abs(doubles_of(values))
        bits = np.where(integers, np.abs(values.bits), doubles.view(np.int64))
        return replace(element, values=Values(np.where(integers, Kind.INT64, Kind.DOUBLE).astype(np.uint8), bits))

    return of_each(change)


def alias(parameters: Sequence[str], place: str) -> Transform:
    """Under another name, in which @key stands for the value of that tag; without tags."""
    if not parameters:
        raise Refused("expression", "Missing the alias", place)
    name = ",".join(parameters)

    def change(element: Element, snapshot: Snapshot) -> Element:
        parts = _with_tags(name, element.head["tags"])
        snapshot.memory.hold(_CHARACTER_BYTES * sum(map(len, parts)))
        return replace(element, head=element.head | {"metric": "".join(parts), "tags": {}, "aggregateTags": []})

    return of_each(change)


def _with_tags(name: str, tags: Mapping[str, str]) -> list[str]:
    """The name in parts, with the value of a tag for each @key; of several keys that fit, the longest counts."""
    keys = sorted(tags, key=len, reverse=True)
    parts: list[str] = []
    told = 0
    at = name.find("@")
    while at >= 0:
        key = next((key for key in keys if name.startswith(key, at + 1)), None)
        if key is not None:
            parts += name[told:at], tags[key]
            told = at + 1 + len(key)
        at = name.find("@", max(told, at + 1))
    return [*parts, name[told:]]


def moving_average(parameters: Sequence[str], place: str) -> Transform:
    """The mean of the values within a window that ends with each point: of so many of them, or of so long a time. 0
    while the window is not full; NaN is passed over."""
    if not parameters:
        raise Refused("expression", "Missing moving average window size", place)
    window = parameters[0]
    if _COUNT.fullmatch(window):
        if int(window) == 0:
            raise Refused("expression", "Moving average window must be an integer greater than zero", place)
        return of_each(lambda element, snapshot: _averaged(element, snapshot, count=int(window)))
    if not window.startswith("'"):
        raise Refused("expression", f"Unparseable window size: {shown(window)}", place)
    length = length_ms(window, place)
    return of_each(lambda element, snapshot: _averaged(element, snapshot, length=length))


def _averaged(element: Element, snapshot: Snapshot, count: int = 0, length: int = 0) -> Element:
    """Of `count` values, or of those of the `length` ms before each."""
    hold = snapshot.memory.hold
    times = element.times
    hold(8 * len(times))
    with snapshot.memory.scratch():
        hold(9 * 8 * len(times))
        doubles = doubles_of(element.values)
        there = ~np.isnan(doubles)
        ends = np.cumsum(there)
        if count:
            starts = np.maximum(ends - count, 0)
            full = ends >= count
        else:
            starts = np.searchsorted(times[there], times - length, side="right")
            full = (times - length >= times[0]) & (ends > starts)
        sums = window_sums(doubles[there], starts, ends, hold)
        averages = np.where(full, sums / np.maximum(ends - starts, 1), 0.0)
    return replace(element, values=_of_doubles(averages))


def highest(of: Callable[[NDArray[np.float64]], float]) -> Maker:
    """Makes a choice of the series for which `of` their values, NaN left out, is highest."""

    def make(parameters: Sequence[str], place: str) -> Transform:
        if not parameters:
            raise Refused("expression", "Missing top n value (number of series to return)", place)
        if not _COUNT.fullmatch(parameters[0]):
            raise Refused("expression", f"Unparseable top n value: {shown(parameters[0])}", place)
        count = int(parameters[0])
        if count == 0:
            raise Refused("expression", "Top n value must be greater than zero: 0", place)

        def choose(arguments: Sequence[Sequence[Element]], snapshot: Snapshot) -> list[Element]:
            elements = [element for argument in arguments for element in argument]
            return sorted(elements, key=lambda element: _rank(element, snapshot))[:count]

        return choose

    def _rank(element: Element, snapshot: Snapshot) -> float:
        snapshot.check()
        doubles = doubles_of(element.values)
        there = doubles[~np.isnan(doubles)]
        return -of(there) if len(there) else np.inf

    return make


def highest_value(values: NDArray[np.float64]) -> float:
    """Of highestMax."""
    return float(values.max())


def latest_value(values: NDArray[np.float64]) -> float:
    """Of highestCurrent."""
    return float(values[-1])


def _of_doubles(doubles: NDArray[np.float64]) -> Values:
    return Values(np.full(len(doubles), Kind.DOUBLE, dtype=np.uint8), doubles.view(np.int64))
