"""Questions to /api/query, at random: as the JSON of a POST, and the same as the `m` of a GET."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from oracles.comparing.asking import Request
from oracles.opentsdb.worlds import TAGS, span

COMMON = ["sum", "avg", "min", "max", "zimsum", "none", "count"]
AGGREGATORS = [
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "dev",
    "zimsum",
    "mimmin",
    "mimmax",
    "none",
    "first",
    "last",
    "mult",
    "diff",
    "pfsum",
    "squareSum",
    "median",
    "p50",
    "p75",
    "p90",
    "p95",
    "p99",
    "p999",
    "ep50r3",
    "ep75r3",
    "ep90r3",
    "ep95r3",
    "ep99r3",
    "ep999r3",
    "ep50r7",
    "ep75r7",
    "ep90r7",
    "ep95r7",
    "ep99r7",
    "ep999r7",
]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]

FLAGS = {
    "msResolution": "ms",
    "showTSUIDs": "show_tsuids",
    "showQuery": "show_query",
    "showSummary": "show_summary",
    "noAnnotations": "no_annotations",
    "globalAnnotations": "global_annotations",
}
"""In JSON -> in a URL."""

SHORT_INTERVALS = [
    "1s",
    "5s",
    "10s",
    "15s",
    "30s",
    "1m",
    "1m",
    "2m",
    "5m",
    "1h",
    "0all",
    "0all",
    "500ms",
    "2500ms",
    "30sc",
    "1mc",
    "1hc",
]
LONG_INTERVALS = [
    "1h",
    "6h",
    "1d",
    "2d",
    "1w",
    "1n",
    "1y",
    "1dc",
    "1dc",
    "1wc",
    "1nc",
    "1yc",
    "12hc",
    "6hc",
    "1hc",
    "0all",
]


def question(random: Random, series: list[dict[str, Any]]) -> dict[str, Any]:
    """{"series": ..., "query": the JSON, "get", "arrays", "by_tsuid": flags}; metrics stand as 0 and 1."""
    first, last = span(series)
    is_long = last - first > 6 * 3600
    query: dict[str, Any] = {**_range(random, first, last)}
    query["queries"] = [_part(random, is_long) for _ in range(random.choice((1, 1, 1, 1, 2, 3)))]
    for name, often in zip(FLAGS, (0.3, 0.15, 0.1, 0.1, 0.1, 0.1), strict=True):
        if random.random() < often:
            query[name] = True
    if any("c-" in part.get("downsample", "") for part in query["queries"]) or random.random() < 0.1:
        query["timezone"] = random.choice(ZONES)
    if is_long and random.random() < 0.06:
        query.update(useCalendar=True, timezone=random.choice(ZONES))
    said = {"series": series, "query": query, "arrays": random.random() < 0.2, "by_tsuid": random.random() < 0.04}
    said["get"] = random.random() < 0.3 and "useCalendar" not in query and not said["by_tsuid"]
    return said


def request(said: dict[str, Any], prefix: str, tsuids: list[str]) -> Request:
    """The question about the metrics that begin with the prefix; tsuids: those to ask for instead of metrics."""
    query = dict(said["query"])
    query["queries"] = [_named(part, prefix, tsuids) for part in query["queries"]]
    arrays = said.get("arrays", False)
    if not said.get("get"):
        return post("/api/query" + "?arrays" * arrays, query)
    flags = [(name, "") for flag, name in FLAGS.items() if query.get(flag)] + [("arrays", "")] * arrays
    zone = [("timezone", query["timezone"])] if "timezone" in query else []
    parts = [("m", m(part)) for part in query["queries"]]
    return get("/api/query", [("start", query["start"]), ("end", query["end"]), *parts, *zone, *flags])


def post(path: str, said: Any) -> Request:
    return Request("POST", path, json.dumps(said).encode())


def get(path: str, parameters: list[tuple[str, Any]]) -> Request:
    asked = urlencode(parameters, safe=":{}*|,()", quote_via=quote)
    return Request("GET", path + ("?" + asked if asked else ""))


def m(part: dict[str, Any]) -> str:
    """A part of the question as a GET says it."""
    said = [part["aggregator"]]
    if part.get("rate"):
        said.append(_rate(part.get("rateOptions") or {}))
    if "downsample" in part:
        said.append(part["downsample"])
    if part.get("explicitTags"):
        said.append("explicit_tags")
    filters = part.get("filters", [])
    tags = [f"{key}={value}" for key, value in part.get("tags", {}).items()]
    grouping = [_filter_text(one) for one in filters if one.get("groupBy")] + tags
    others = [_filter_text(one) for one in filters if not one.get("groupBy")]
    braces = f"{{{','.join(grouping)}}}" * bool(grouping or others) + f"{{{','.join(others)}}}" * bool(others)
    return ":".join([*said, part["metric"] + braces])


def _named(part: dict[str, Any], prefix: str, tsuids: list[str]) -> dict[str, Any]:
    if tsuids:
        kept = {key: value for key, value in part.items() if key not in ("metric", "filters", "tags", "explicitTags")}
        return {**kept, "tsuids": tsuids}
    return {**part, "metric": f"{prefix}.m{part['metric']}"}


def _range(random: Random, first: int, last: int) -> dict[str, int]:
    if random.random() < 0.55:
        start, end = first - random.choice((0, 1, 60, 3600)), last + random.choice((0, 1, 60, 3600))
    else:
        start = first + random.randrange(last - first + 1)
        end = start + random.randrange(last - first + 1)
    if random.random() < 0.1:
        return {"start": start * 1000, "end": end * 1000 + random.choice((0, 500, 999))}
    return {"start": start, "end": end}


def _part(random: Random, is_long: bool) -> dict[str, Any]:
    part: dict[str, Any] = {
        "aggregator": random.choice(AGGREGATORS if random.random() < 0.6 else COMMON),
        "metric": 0 if random.random() < 0.85 else 1,
    }
    if random.random() < 0.55:
        part["downsample"] = _downsample(random, is_long)
    if random.random() < 0.25:
        part["rate"] = True
        if random.random() < 0.6:
            part["rateOptions"] = _rate_options(random)
    if random.random() < 0.5:
        part["filters"] = [_filter(random) for _ in range(random.choice((1, 1, 2)))]
    elif random.random() < 0.4:
        choices = {"host": ("*", "web01", "web01|db01", "we*"), "dc": ("*", "ams", "ams|lga")}
        keys = random.sample(list(choices), random.randint(1, 2))
        part["tags"] = {key: random.choice(choices[key]) for key in keys}
    if random.random() < 0.15:
        part["explicitTags"] = True
    return part


def _downsample(random: Random, is_long: bool) -> str:
    interval = random.choice(LONG_INTERVALS if is_long else SHORT_INTERVALS)
    function = random.choice(AGGREGATORS if random.random() < 0.7 else COMMON)
    fill = random.choice(("", "", "", "-none", "-nan", "-null", "-zero"))
    return f"{interval}-{'sum' if function == 'none' else function}{fill}"


def _rate_options(random: Random) -> dict[str, Any]:
    options: dict[str, Any] = {"counter": True}
    if random.random() < 0.3:
        return {**options, "dropResets": True}
    if random.random() < 0.5:
        options["counterMax"] = random.choice((50, 100, 400, 65535))
    if random.random() < 0.4:
        options["resetValue"] = random.choice((1, 5, 20, 100.5))
    return options


def _rate(options: dict[str, Any]) -> str:
    if not options:
        return "rate"
    if options.get("dropResets"):
        return "rate{dropcounter}"
    words = ["counter", str(options.get("counterMax", ""))]
    if "resetValue" in options:
        words.append(str(int(options["resetValue"])))
    return f"rate{{{','.join(words).rstrip(',')}}}"


def _filter(random: Random) -> dict[str, Any]:
    key = random.choice(("host", "host", "dc", "os"))
    values = TAGS[key]
    kinds = ["literal_or", "iliteral_or", "not_literal_or", "not_iliteral_or", "wildcard", "iwildcard", "regexp"]
    kind = "not_key" if random.random() < 0.03 else random.choice(kinds)
    first, second = values[0], values[1]
    match kind:
        case "wildcard" | "iwildcard":
            patterns = ["*", f"{first[:2]}*", f"*{first[-1]}", f"*{first[1:3]}*", f"{second[0]}*{second[-1]}"]
            text = random.choice([*patterns, f"{first[:2].upper()}*"])
        case "regexp":
            text = random.choice([".*", f"^{first[0]}", "[0-9]+$", f"({first}|{second})", first[1:3], f"(?i){first}"])
        case "not_key":
            text = ""
        case _:
            text = "|".join(random.sample(values, random.randint(1, 2)))
    return {"type": kind, "tagk": key, "filter": text, "groupBy": kind != "not_key" and random.random() < 0.5}


def _filter_text(one: dict[str, Any]) -> str:
    return f"{one['tagk']}={one['type']}({one['filter']})"
