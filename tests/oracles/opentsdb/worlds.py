"""Points to ask about: a few series, of regular, ragged, sparse and counting values, in seconds or milliseconds."""

from __future__ import annotations

import json
from random import Random
from typing import Any

Points = list[list[Any]]
"""[time, value], the time as it is sent."""

HOSTS = ["web01", "web02", "db01", "Web01"]
TAGS = {"host": HOSTS, "dc": ["ams", "lga", "AMS"], "os": ["lin", "bsd"]}

STARTS = (1350000000, 1356998400, 1364688000, 1383350400, 1500000000)
"""Among them the days before Europe's and America's clocks change."""


def world(random: Random) -> list[dict[str, Any]]:
    """Series as {"metric": 0 or 1, "tags": {...}, "points": [[time, value], ...], "again": later values of some}."""
    return _many(random) if random.random() < 0.15 else _few(random)


def seconds_of(time: int) -> int:
    return time // 1000 if time > 10**11 else time


def milliseconds_of(time: int) -> int:
    return time if time > 10**11 else time * 1000


def span(series: list[dict[str, Any]]) -> tuple[int, int]:
    """The seconds of the first and of the last point."""
    seconds = [seconds_of(time) for one in series for time, _ in one["points"]]
    return min(seconds), max(seconds)


def puts(series: list[dict[str, Any]], prefix: str, member: str) -> list[dict[str, Any]]:
    """What /api/put takes, of the points or of those sent again."""
    return [
        {"metric": f"{prefix}.m{one['metric']}", "timestamp": time, "value": value, "tags": one["tags"]}
        for one in series
        for time, value in one.get(member, ())
    ]


def every_tag() -> list[dict[str, Any]]:
    """Points that make all names of tags known: OpenTSDB refuses a question with one that it does not know."""
    return [
        {"metric": "every.tag", "timestamp": 1300000000, "value": 1, "tags": {key: value}}
        for key, values in TAGS.items()
        for value in values
    ]


def _few(random: Random) -> list[dict[str, Any]]:
    base = random.choice(STARTS) + random.randrange(7200)
    step = random.choice((1800, 3600, 43200, 86400, 5 * 86400) if random.random() < 0.2 else (1, 5, 10, 30, 60, 300))
    in_ms = random.random() < 0.2
    keys = random.choice((["host"], ["host", "dc"], ["host", "dc", "os"]))
    made: dict[str, dict[str, Any]] = {}
    for _ in range(random.randint(1, 5)):
        tags = {key: random.choice(TAGS[key]) for key in keys if key == "host" or random.random() < 0.8}
        points = _points(random, base + random.randrange(3 * step + 1), step, random.randint(1, 12))
        if in_ms:
            points = [[time * 1000 + random.choice((0, 0, 250, 500, 999, 1)), value] for time, value in points]
        again = [[random.choice(points)[0], random.choice((7.25, 3))]] if random.random() < 0.1 else []
        metric = 0 if random.random() < 0.85 else 1
        made.setdefault(
            json.dumps(tags, sort_keys=True), {"metric": metric, "tags": tags, "points": points, "again": again}
        )
    return list(made.values())


def _many(random: Random) -> list[dict[str, Any]]:
    base = random.choice(STARTS) + 3600 * random.randrange(5) - random.randrange(900)
    step = random.choice((60, 120, 600, 1800))
    made: dict[str, dict[str, Any]] = {}
    for _ in range(random.randint(8, 24)):
        tags = {key: random.choice(values) for key, values in TAGS.items() if key == "host" or random.random() < 0.9}
        points = _points(random, base, step, random.randint(3, 30))
        made.setdefault(json.dumps(tags, sort_keys=True), {"metric": 0, "tags": tags, "points": points, "again": []})
    return list(made.values())


def _points(random: Random, first: int, step: int, count: int) -> Points:
    time, counted, ragged = first, random.randrange(50), random.random() < 0.6
    kind = random.choice(("integers", "doubles", "mixed", "small", "counter"))
    points: Points = []
    for _ in range(count):
        counted = random.choice(
            (counted + random.randint(0, 40), counted + random.randint(0, 40), random.randrange(10))
        )
        double = random.randint(-400, 1200) / 4
        value = {
            "integers": random.randint(-100, 300),
            "doubles": double,
            "mixed": random.choice((random.randint(-100, 300), double)),
            "small": random.randint(0, 5),
            "counter": counted,
        }[kind]
        points.append([time, value])
        time += step * random.choice((1, 1, 1, 2, 3)) + (random.randrange(step) if ragged else 0)
    return points
