"""Worlds of a few metrics, and questions to /api/query/exp and /api/query/gexp about them, made at random."""

from __future__ import annotations

from random import Random
from typing import Any

T = 1356998400
END = T + 3000

Said = dict[str, Any]

METRICS = ("m0", "m1", "m2")
HOSTS = ("web01", "web02", "web03")
JOINS = ("union", "intersection", "UNION")
HIGHEST = ("highestMax", "highestCurrent")
COMBINATIONS = ("sum", "sumSeries", "difference", "diffSeries", "multiply", "multiplySeries", "divide", "divideSeries")
WINDOWS = ("1", "2", "3", "'20s'", "'1min'")
FILLS: tuple[Said, ...] = (
    {"policy": "nan"},
    {"policy": "zero"},
    {"policy": "null"},
    {"policy": "scalar", "value": 42},
    {"value": 7},
)


def world(random: Random) -> list[Said]:
    """Series as {"metric", "tags", "points": [[time, value], ...]}. In half of the worlds all have the same times."""
    even = random.random() < 0.5
    with_dc = random.random() < 0.5
    series = []
    for metric in METRICS:
        in_integers = random.random() < 0.5
        for host in HOSTS:
            for dc in random.sample(("ams", "lga"), random.choice((1, 1, 2))) if with_dc else ("",):
                if metric == "m0" or random.random() < 0.8:
                    tags = {"host": host} | ({"dc": dc} if dc else {})
                    points = _points(random, even, in_integers)
                    series.append({"metric": metric, "tags": tags, "points": points})
    return series


def _points(random: Random, even: bool, in_integers: bool) -> list[list[Any]]:
    offset = 0 if even else random.choice((0, 0, 5))
    places = range(8) if even else sorted(random.sample(range(8), random.randint(2, 8)))
    return [[T + offset + 10 * place, _value(random, in_integers)] for place in places]


def _value(random: Random, in_integers: bool) -> int | float:
    if in_integers:
        return random.choice((0, 1, 2, 3, -4, 7, 100, 12345))
    return random.choice((0.5, -1.25, 3.75, 1e6, 0.001, -7.5, 2.25))


def exp(random: Random) -> Said:
    """A body of /api/query/exp; metrics stand as m0, m1, m2."""
    tags = [
        {"type": "wildcard", "tagk": "host", "filter": random.choice(("*", "web*")), "groupBy": random.random() < 0.8}
    ]
    if random.random() < 0.2:
        tags = [{"type": "literal_or", "tagk": "host", "filter": "web01|web03", "groupBy": True}]
    time: Said = {"start": str(T), "end": str(END), "aggregator": random.choice(("sum", "max", "avg", "none"))}
    if random.random() < 0.3:
        function = random.choice(("avg", "max", "sum", "count"))
        time["downsampler"] = {"interval": random.choice(("20s", "1m")), "aggregator": function}
    if random.random() < 0.1:
        time["rate"] = True
    metrics: list[Said] = [
        {"id": name, "metric": metric, "filter": "f"} for name, metric in zip("abc", METRICS, strict=True)
    ]
    for metric in metrics:
        if random.random() < 0.3:
            metric["fillPolicy"] = random.choice(FILLS)
        if random.random() < 0.1:
            metric["aggregator"] = random.choice(("min", "count"))
    expressions = [_expression(random, number) for number in range(random.choice((1, 1, 2, 3)))]
    body: Said = {
        "time": time,
        "filters": [{"id": "f", "tags": tags}],
        "metrics": metrics,
        "expressions": expressions,
    }
    if random.random() < 0.3:
        known = ["a", "b", *(each["id"] for each in expressions)]
        body["outputs"] = [{"id": name} for name in random.sample(known, random.randint(1, len(known)))]
    return body


def _expression(random: Random, number: int) -> Said:
    earlier = [f"e{n}" for n in range(number)]
    variables = random.sample(("a", "b", "c"), random.choice((1, 2, 2, 3)))
    if earlier and random.random() < 0.3:
        variables.append(random.choice(earlier))
    made: Said = {"id": f"e{number}", "expr": formula(random, variables)}
    if random.random() < 0.6:
        made["join"] = {"operator": random.choice(JOINS)}
        if random.random() < 0.3:
            made["join"]["useQueryTags"] = True
        if random.random() < 0.3:
            made["join"]["includeAggTags"] = False
    if random.random() < 0.1:
        made["fillPolicy"] = random.choice(FILLS)
    return made


def formula(random: Random, variables: list[str]) -> str:
    """In which each variable stands once, and whose value is a double or a comparison."""
    parts = [_around(random, name) for name in variables]
    text = parts[0]
    for part in parts[1:]:
        text = f"({text} {random.choice('+-*/%')} {part})"
    kind = random.random()
    if kind < 0.1:
        return f"{text} {random.choice(('>', '<', '>=', '==', '!=', 'lt', 'ge'))} {random.choice((0, 1, 2.5, 100))}"
    if kind < 0.2:
        return f"{text} > 3 ? {text} : -{text}"
    return text


def _around(random: Random, name: str) -> str:
    around = random.choice(
        ("{}", "{}", "({} * 2)", "({} / 0.5)", "-{}", "({} + 1)", "({} % 3)", "(7 / 2 * {})", "({} > 2) * {}")
    )
    return around.replace("{}", name) if "> 2" not in around else f"({around.replace('{}', name)})"


def gexp(random: Random) -> Said:
    """Parameters of /api/query/gexp; metrics stand as m0, m1, m2."""
    asked = [_call(random, random.choice((1, 2, 3))) for _ in range(random.choice((1, 1, 2)))]
    if random.random() < 0.05:
        asked = [
            random.choice(("sum({0},{0})", "difference(scale({0},2),{0},{1})")).format(_query(random), _query(random))
        ]
    elif random.random() < 0.05:
        asked = [f"{random.choice(HIGHEST)}({random.choice(('', 'scale('))}sum:m0{{host=*}}"]
        asked = [asked[0] + (",-0.5),1)" if "scale" in asked[0] else ",1)")]
    said: Said = {"start": T, "end": END, "exp": asked}
    for flag in ("ms", "arrays"):
        if random.random() < 0.2:
            said[flag] = ""
    return said


def _call(random: Random, depth: int) -> str:
    inner = _query(random) if depth <= 1 or random.random() < 0.3 else _call(random, depth - 1)
    kind = random.random()
    if kind < 0.2:
        return f"scale({inner},{random.choice(('2', '0.5', '-3', '100', '-0.25'))})"
    if kind < 0.3:
        return f"absolute({inner})"
    if kind < 0.4:
        return f"alias({inner},x.@host.@dc)"
    if kind < 0.55:
        return f"movingAverage({inner},{random.choice(WINDOWS)})"
    if kind < 0.7:
        return f"{random.choice(HIGHEST)}({inner},{random.randint(1, 4)})"
    others = [_query(random) for _ in range(random.choice((1, 1, 2)))]
    return f"{random.choice(COMBINATIONS)}({','.join([inner, *others])})"


def _query(random: Random) -> str:
    downsample = random.choice(("", "", "20s-avg:", "1m-max:", "20s-avg-nan:"))
    rate = "rate:" if random.random() < 0.1 else ""
    tags = random.choice(("{host=*}", "{host=*}", "{host=web01|web02}", "{host=web01}", "", "{host=*,dc=ams}"))
    return f"{random.choice(('sum', 'max', 'avg'))}:{downsample}{rate}{random.choice(METRICS)}{tags}"
