"""The semantics of an OpenTSDB query in plain, slow Python, one point at a time. Written from the facts, not from the
engine.

A series is a dict of ms -> int or float. None as a downsampled value is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

Number = int | float
Series = dict[int, Number]

LERP, ZIM, MAX, MIN, PREV = "lerp", "zim", "max", "min", "prev"


def truncated(a: int, b: int) -> int:
    """Java's integer division."""
    return int(math.copysign(1, a) * math.copysign(1, b)) * (abs(a) // abs(b)) if a else 0


def deviation(values: Sequence[Number]) -> float:
    """Population standard deviation by Welford's recurrence: its rounding decides where an integer is cut."""
    mean, squares = 0.0, 0.0
    for n, value in enumerate(values, 1):
        before = value - mean
        mean += before / n
        squares += before * (value - mean)
    return math.sqrt(squares / len(values))


def percentile(values: Sequence[Number], p: float, method: str) -> float:
    """LEGACY as in the facts; R-3: the round(np)-th value, half to even; R-7: at 1 + (n - 1)p. Rounded as
    commons-math does."""
    ordered, n = sorted(values), len(values)
    if method == "r3":
        return float(ordered[max(round(n * p), 1) - 1])
    h = p * (n + 1) if method == "legacy" else 1 + (n - 1) * p
    if h < 1:
        return float(ordered[0])
    if h >= n:
        return float(ordered[-1])
    at = math.floor(h)
    return ordered[at - 1] + (h - at) * (ordered[at] - ordered[at - 1])


def product(values: Sequence[Number]) -> Number:
    result: Number = 1
    for value in values:
        result *= value
    return result


def average(values: Sequence[Number]) -> Number:
    if all(isinstance(v, int) for v in values):
        return truncated(sum(values), len(values))  # type: ignore[arg-type]
    return sum(values) / len(values)


def one_by_percent(name: str) -> Callable[[Sequence[Number]], Number]:
    digits = "".join(c for c in name.partition("r")[0] if c.isdigit())
    p = float(f"0.{digits}")
    method = "r3" if name.endswith("r3") else "r7" if name.endswith("r7") else "legacy"

    def estimate(values: Sequence[Number]) -> Number:
        if all(isinstance(v, int) for v in values):
            return int(percentile([float(v) for v in values], p, method))
        return percentile(values, p, "legacy")

    return estimate


def cut(function: Callable[[Sequence[Number]], float]) -> Callable[[Sequence[Number]], Number]:
    return lambda values: int(function(values)) if all(isinstance(v, int) for v in values) else function(values)


AGGREGATORS: dict[str, tuple[Callable[[Sequence[Number]], Number], str]] = {
    "sum": (sum, LERP),
    "min": (min, LERP),
    "max": (max, LERP),
    "avg": (average, LERP),
    "median": (lambda v: sorted(v)[len(v) // 2], LERP),
    "mult": (product, LERP),
    "dev": (cut(deviation), LERP),
    "diff": (lambda v: v[-1] - v[0], LERP),
    "zimsum": (sum, ZIM),
    "count": (len, ZIM),
    "first": (lambda v: v[0], ZIM),
    "last": (lambda v: v[-1], ZIM),
    "squareSum": (lambda v: sum(x * x for x in v), ZIM),
    "mimmin": (min, MAX),
    "mimmax": (max, MIN),
    "pfsum": (sum, PREV),
    **{
        name: (one_by_percent(name), LERP)
        for digits in ("50", "75", "90", "95", "99", "999")
        for name in (f"p{digits}", f"ep{digits}r3", f"ep{digits}r7")
    },
}


def given(series: Series, time: int, kind: str) -> Number | None:
    """What the series gives at `time`: its point, a stand-in between its first and last point, or nothing."""
    if time in series:
        return series[time]
    if not min(series) <= time <= max(series):
        return None
    x0 = max(t for t in series if t < time)
    x1 = min(t for t in series if t > time)
    y0, y1 = series[x0], series[x1]
    if kind == LERP:
        if isinstance(y0, int) and isinstance(y1, int):
            return y0 + truncated((time - x0) * (y1 - y0), x1 - x0)
        return y0 + (time - x0) * (y1 - y0) / (x1 - x0)
    if kind == PREV:
        return y0
    if kind == ZIM:
        return 0 if isinstance(y0, int) and isinstance(y1, int) else 0.0
    return None  # +max never wins a minimum, -max never a maximum


def aggregate(group: Sequence[Series], name: str, rate: bool = False) -> Series:
    """One series of many; NaN where only NaN takes part, of which there are 0, and where any takes part in a product.
    Integers only when all values of the group are integers."""
    function, kind = AGGREGATORS[name]
    if not all(isinstance(v, int) for series in group for v in series.values()):
        group = [{t: float(v) for t, v in series.items()} for series in group]
    result: Series = {}
    for time in sorted({t for series in group for t in series}):
        values = [given(series, time, PREV if rate else kind) for series in group if series]
        taking_part = [v for v in values if v is not None and not math.isnan(v)]
        if name == "count" and not taking_part:
            result[time] = 0.0
        elif taking_part and name in ("first", "last", "diff"):
            # OpenTSDB 2.4.1 takes the first and the last as they are, and only the first of a difference not.
            begun = [v for v in values if v is not None]
            if name == "diff":
                begun = begun[next(i for i, v in enumerate(begun) if not math.isnan(v)) :]
            result[time] = function(begun)
        elif not taking_part or (name == "mult" and any(v is not None and math.isnan(v) for v in values)):
            result[time] = math.nan
        elif isinstance(taking_part[0], float):
            result[time] = float(function(taking_part))
        else:
            result[time] = function(taking_part)
    return result


def downsample(series: Series, interval: int, name: str, fill: str, start: int, end: int) -> Series:
    """One value per bucket since the epoch, always a double; with a fill every bucket that begins in start..end."""
    buckets: dict[int, list[Number]] = {}
    for time in sorted(series):
        buckets.setdefault(time - time % interval, []).append(float(series[time]))
    function = AGGREGATORS[name][0]
    made: Series = {stamp: float(function(values)) for stamp, values in buckets.items()}
    if fill == "none":
        return made
    missing = 0.0 if fill == "zero" else math.nan
    stamps = [stamp for stamp in range(start - start % interval, end + 1, interval) if stamp >= start]
    return {stamp: made.get(stamp, missing) for stamp in stamps}


def rate(
    series: Series, counter: bool = False, counter_max: int = 2**63 - 1, reset: int = 0, drop: bool = False
) -> Series:
    times = sorted(series)
    result: Series = {}
    for before, after in pairwise(times):
        seconds = (after - before) / 1000
        change = series[after] - series[before]
        if counter and change < 0:
            if drop:
                continue
            change = counter_max - series[before] + series[after]
            if reset > 0 and change / seconds > reset:
                change = 0
        result[after] = change / seconds
    return result
