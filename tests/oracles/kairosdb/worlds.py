"""Points to ask about: some series of numbers and texts, dense, by the minute, by the month, where clocks change."""

from __future__ import annotations

import json
import time
from calendar import timegm
from random import Random
from typing import Any

Series = dict[str, Any]
"""{"metric": 0 or 1, "tags": {...}, "points": [[ms, value], ...], "again": later values of some}."""


def _at(*moment: int) -> int:
    return timegm((*moment, *(0,) * (6 - len(moment)), 0, 0, 0)) * 1000


DAY = 86_400_000

STARTS: dict[str, tuple[int, ...]] = {
    "dense": (_at(2013, 2, 2, 7),),
    "seconds": (_at(2013, 2, 2, 23, 58),),
    "minutes": (_at(2018, 12, 31, 22, 30),),
    # The nights in which clocks change in Berlin, New York and on Lord Howe, and a leap day.
    "hours": (_at(2019, 3, 30, 12), _at(2019, 10, 26, 12), _at(2019, 3, 9, 20), _at(2019, 11, 2, 20), _at(2016, 2, 28)),
    "days": (_at(2019, 12, 20), _at(2016, 2, 20, 5, 30), _at(2019, 3, 15), _at(2019, 10, 10, 23, 59, 59)),
    "months": (_at(2014, 1, 31), _at(2015, 6, 1), _at(2015, 12, 29, 3)),
    "negative": (_at(1969, 12, 31, 22),),
    "now": (),
}

STEPS: dict[str, tuple[int, ...]] = {
    "dense": (1, 1, 3, 17, 40),
    "seconds": (1000, 1000, 5000, 777, 12345),
    "minutes": (60_000, 60_000, 61_234, 290_000),
    "hours": (3_600_000, 1_800_000, 777_777, 7_200_000),
    "days": (DAY, DAY, 40_000_000, 180_000_000),
    "months": (30 * DAY, 31 * DAY, 5 * DAY, 60 * DAY),
    "negative": (1000, 600_000, 3_600_000, DAY),
    "now": (20_000, 60_000, 300_000),
}

HOSTS = ["A", "B", "C", "a-1", "ho st", "10", "1"]
TEXTS = ["up", "down", "a b", "Ünï", "127.0.0.1", 'q"uote', "back\\slash", "1e5", "-", "tab\t", "x" * 40]
GREAT_INTEGERS = [2**31, -(2**40), 2**53 + 1, 2**63 - 1, -(2**63)]
ODD_DOUBLES = [0.0, -0.0, 1e10, 5.0, 1e7, 1.0e-5, 123456789.125, 3.14159265358979, -2.5e-3, 0.1, 1e15, 99999999.9]


HIGH = 1e9
"""Far from 0 beside the distance of values from one another: what a deviation is hard to compute of."""

CANCELLING = 2**60
"""What a sum is hard to compute of, if it is added and subtracted beside small numbers."""


def hard_world(random: Random) -> tuple[str, list[Series]]:
    """A world whose numbers lie around HIGH, or, whole, around CANCELLING and its negative."""
    kind, series = world(random)
    is_high = random.random() < 0.5
    for one in series:
        for points in ("points", "again"):
            if points in one:
                one[points] = [[at, _harder(random, said, is_high)] for at, said in one[points]]
    return kind, series


def _harder(random: Random, said: Any, is_high: bool) -> Any:
    if isinstance(said, str):
        return said
    return HIGH + said % 100 if is_high else random.choice((CANCELLING, -CANCELLING)) + int(said) % 1000


def world(random: Random) -> tuple[str, list[Series]]:
    """(kind, a key of STARTS; the series)."""
    kind = random.choice(list(STARTS))
    start = random.choice(STARTS[kind]) if STARTS[kind] else int(time.time()) * 1000 - 3 * 3_600_000
    start += random.choice((0, 0, random.randrange(1000)))
    series: list[Series] = []
    for metric in range(random.choice((1, 1, 2))):
        for host in random.sample(HOSTS, random.choice((1, 2, 2, 3, 4))):
            tags = {"host": host}
            if random.random() < 0.6:
                tags["dc"] = random.choice(("x", "y", "DC 1", "1"))
            if random.random() < 0.1:
                tags["z.z/é"] = "v"
            series.append(_series(random, kind, start, metric, tags))
    return kind, series


def value(random: Random, mode: str) -> Any:
    """Of a series of this mode."""
    if mode == "text" or (mode == "with texts" and random.random() < 0.3):
        return random.choice(TEXTS[:2] if random.random() < 0.6 else TEXTS)
    if mode == "integer" or (mode == "mixed" and random.random() < 0.5):
        if random.random() < 0.02:
            return random.choice(GREAT_INTEGERS)
        return random.choice((random.randint(-20, 20), random.randint(0, 1000), random.randint(0, 9)))
    if random.random() < 0.04:
        return random.choice(ODD_DOUBLES)
    return float(round(random.uniform(-50, 100), random.choice((0, 1, 2, 4))))


def span(series: list[Series]) -> tuple[int, int]:
    """The times of the first and of the last point."""
    times = [point[0] for one in series for point in one["points"]]
    return min(times), max(times)


def bodies(series: list[Series], prefix: str) -> list[str]:
    """What writes them: first the points, then the later values."""
    return [
        f"[{','.join(_metric(one, prefix, points) for one in series if one.get(points))}]"
        for points in ("points", "again")
        if any(one.get(points) for one in series)
    ]


def spelled(said: Any) -> str:
    """The JSON of a value; a double always has a point, by which KairosDB knows it."""
    if not isinstance(said, float):
        return json.dumps(said, ensure_ascii=False)
    mantissa, _, exponent = repr(said).partition("e")
    return (mantissa if "." in mantissa else mantissa + ".0") + (f"e{int(exponent)}" if exponent else "")


def _series(random: Random, kind: str, start: int, metric: int, tags: dict[str, str]) -> Series:
    mode = random.choice(("integer", "integer", "double", "double", "mixed", "text", "with texts"))
    time_ms, points = start, []
    for _ in range(random.randint(1, 24)):
        points.append([time_ms, value(random, mode)])
        step = random.choice(STEPS[kind])
        time_ms += step * (random.randint(3, 12) if random.random() < 0.1 else 1)
    made: Series = {"metric": metric, "tags": tags, "points": points}
    again = [[time_ms, _like(random, old)] for time_ms, old in points if random.random() < 0.04]
    if again:
        made["again"] = again
    if random.random() < 0.7:
        random.shuffle(points)
    return made


def _like(random: Random, old: Any) -> Any:
    """Another value of the same type: of two types at one time KairosDB keeps both."""
    return value(random, {int: "integer", float: "double"}.get(type(old), "text"))


def _metric(one: Series, prefix: str, points: str) -> str:
    pairs = ",".join(f"[{time_ms},{spelled(said)}{_type_of(said)}]" for time_ms, said in one[points])
    name, tags = json.dumps(f"{prefix}.m{one['metric']}"), json.dumps(one["tags"], ensure_ascii=False)
    return f'{{"name":{name},"datapoints":[{pairs}],"tags":{tags}}}'


def _type_of(said: Any) -> str:
    """What looks like a number is a text only where the type says so."""
    return ',"string"' if isinstance(said, str) and not any(letter.isalpha() for letter in said) else ""
