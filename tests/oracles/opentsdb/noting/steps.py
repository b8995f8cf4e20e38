"""Steps about what people note: on names (uidmeta), on series (tsmeta) and on moments (annotation), good and broken.

A step is {"method", "path", "asked": [[name, text], ...], "body"}. In its texts {metric}, {tagk}, {tagv} and {tsuid}
stand for the ids of the case's one series, {nouid} and {nots} for some that nothing has, {0} to {3599} for the seconds
of the case's hour, and P. begins its names. A text that begins with "#" is a number in the body.
"""

from __future__ import annotations

from random import Random
from typing import Any

Step = dict[str, Any]
Words = dict[str, tuple[Any, ...]]

WORDS: Words = {
    "description": ("a", "b", "", "ü", "a\nb", None, 5, True, [1]),
    "notes": ("n", "m", "", None, 1.5),
    "custom": ({"k": "v"}, {}, {"a": "b", "k": "w"}, None, {"k": None}, {"k": 5}, "x", [], {"k": {"a": 1}}),
}
META_WORDS: Words = {**WORDS, "displayName": ("d", "e", "", None), "foo": (1,), "name": ("P.z",)}
SERIES_WORDS: Words = {
    **META_WORDS,
    "units": ("ms", "", None),
    "dataType": ("counter", ""),
    "retention": (5, "5", 0, -1, 1.5, None, "x", ""),
    "max": (1.5, 2, "NaN", None, "x", "2.5", 0),
    "min": (0.5, -2, None, ""),
    "totalDatapoints": (7,),
}

IN_URLS: Words = {
    "display_name": ("d", "e", ""),
    "description": ("a", "b", "", "ü", "a b"),
    "notes": ("n", ""),
    "custom": ("x",),
}
SERIES_IN_URLS: Words = {
    **IN_URLS,
    "units": ("ms", ""),
    "data_type": ("counter", ""),
    "retention": ("5", "", "x", "1.5", "-3"),
    "max": ("1.5", "2", "", "x", "NaN"),
    "min": ("-0.5", "1e2"),
}
"""Of the floats that a URL may bring OpenTSDB keeps 32 bits: these have no more."""

SERIES_BY_NAME = (
    *("P.m{host=a}", "P.m{host=a}", "P.m", "P.m{}", "P.m{host=*}", "P.m{host=nowhere}", "P.m{nokey=a}", "nope.m"),
    *("", "P.m{", "P.m{host=a}{}", "P.m{host}", "P.m{host=}", "P.m{host=a,dc=x}"),
)

SERIES_TO_CHANGE = tuple(m for m in SERIES_BY_NAME if m != "P.m{host=a}{}")
"""OpenTSDB takes the braces in the middle for a part of a value."""

MOMENTS = ("{10}", "{20}", "{30}000", "{10}500")
"""Each is always said in one unit: OpenTSDB keeps one annotation for each unit of a moment."""


def method(random: Random, *often: str) -> tuple[str, list[list[str]]]:
    """One of these, or a GET that says so in its parameters, and those."""
    chosen = random.choice(often)
    if chosen != "GET" and random.random() < 0.2:
        return "GET", [["method_override", random.choice((chosen, chosen.lower()))]]
    return chosen, []


def some_of(random: Random, words: Words, share: float = 0.3) -> dict[str, Any]:
    """A few members. The first of a member's values come more often."""
    found = {}
    for name, values in words.items():
        if random.random() < share:
            few = values if random.random() < 0.25 else values[: max(2, len(values) // 2)]
            found[name] = random.choice(few)
    return found


def uidmeta(random: Random) -> Step:
    """Of the names of the tag, which all cases have, nothing is said."""
    kind = random.choice(("metric", "metric", "tagk", "tagv"))
    uid = random.choice((f"{{{kind}}}",) * 6 + ("{nouid}", "x", ""))
    named = {"uid": uid, "type": random.choice((kind, kind, kind, kind, kind.upper(), "foo", ""))}
    verb, asked = method(random, *(("GET", "GET", "POST", "POST", "PUT", "DELETE") if kind == "metric" else ("GET",)))
    if random.random() < 0.1:
        del named[random.choice(list(named))]
    return _about(random, verb, asked, "/api/uid/uidmeta", named, META_WORDS, IN_URLS)


def tsmeta(random: Random) -> Step:
    """By tsuid, and by name."""
    verb, asked = method(random, "GET", "GET", "POST", "POST", "PUT", "DELETE")
    if random.random() < (0.4 if verb == "GET" else 0.15):
        named = {}
        asked = [["m", random.choice(SERIES_BY_NAME if verb == "GET" and not asked else SERIES_TO_CHANGE)], *asked]
    else:
        named = {"tsuid": random.choice(("{tsuid}",) * 6 + ("{nots}", "x", "", "0000"))}
    return _about(random, verb, asked, "/api/uid/tsmeta", named, SERIES_WORDS, SERIES_IN_URLS)


def annotation(random: Random) -> Step:
    """One, at either address; in a URL or a body."""
    verb, asked = method(random, "GET", "GET", "POST", "POST", "POST", "PUT", "DELETE")
    path = random.choice(("/api/annotation", "/api/annotation", "/api/annotations"))
    if verb == "GET" and not asked and path == "/api/annotations":
        return listing(random)
    said = note(random)
    if verb == "GET" or random.random() < 0.2:
        said["startTime"] = random.choice(("{10}", "{20}", "{20}000", "{20}.500", "{10}000ms", "{10}500", "x", "", "0"))
        said.update(some_of(random, {name: IN_URLS[name] for name in ("description", "notes", "custom")}))
        names = {"startTime": "start_time", "endTime": "end_time"}
        more = [[names.get(name, name), str(value).lstrip("#")] for name, value in said.items() if value is not None]
        return {"method": verb, "path": path, "asked": more + asked}
    return {"method": verb, "path": path, "asked": asked, "body": said}


def note(random: Random, moments: tuple[str, ...] = MOMENTS) -> dict[str, Any]:
    """An annotation as a body says it."""
    start: Any = random.choice(moments)
    if random.random() < 0.7:
        start = f"#{start}"
    elif random.random() < 0.3:
        start = random.choice(("", "0", "x", "-5", "{10}.5", "#{10}.5", None, "#-1", "#0"))
    said: dict[str, Any] = {"startTime": start, **some_of(random, WORDS)}
    if random.random() < 0.6:
        said["tsuid"] = random.choice(("{tsuid}",) * 5 + ("{nots}", "", "x", None, "00"))
    if random.random() < 0.2:
        said["endTime"] = random.choice(("#{40}", "{40}", "#{5}", "0", "", None, "x"))
    if random.random() < 0.05:
        del said["startTime"]
    return said


def bulk(random: Random) -> Step:
    """Several at once. One that is refused comes first: of what stands before it OpenTSDB keeps some."""
    path = random.choice(("/api/annotation/bulk", "/api/annotations/bulk"))
    verb, asked = method(random, "POST", "POST", "PUT", "DELETE", "GET")
    if verb == "DELETE" or asked:
        return deleting(random, path)
    if verb == "GET":
        return {"method": verb, "path": path, "asked": asked}
    kind = random.random()
    if kind < 0.1:
        return {"method": verb, "path": path, "asked": asked, "body": random.choice(({}, None, "x", [None], [5], []))}
    said = []
    for moment in random.sample(MOMENTS, random.choice((1, 2, 3))):
        words = some_of(random, {name: values[:3] for name, values in WORDS.items()})
        said.append({"startTime": f"#{moment}", "tsuid": random.choice(("{tsuid}", "")), **words})
    if random.random() < 0.2:
        said.insert(0, note(random, ("{50}",)))
    return {"method": verb, "path": path, "asked": asked, "body": said}


def deleting(random: Random, path: str) -> Step:
    """Those of a range, in a body or a URL."""
    said: dict[str, Any] = {
        "startTime": random.choice(("{0}", "#{0}", "{15}", "#{15}000", "{10}", "", "x", None)),
        "endTime": random.choice(("{100}", "#{100}000", "{20}", "{5}", "x", "", None)),
    }
    if random.random() < 0.6:
        said["tsuids"] = random.choice((["{tsuid}"], ["{tsuid}", "{nots}"], [], ["x"], None, "x", [""]))
    if random.random() < 0.5:
        said["global"] = random.choice((True, True, False, "true", 1, None, "x"))
    for name in random.sample(list(said), random.random() < 0.2):
        del said[name]
    if random.random() < 0.7:
        return {"method": "DELETE", "path": path, "asked": [], "body": said}
    asked = [
        [name, str(said[member] or "").lstrip("#")]
        for name, member in (("start_time", "startTime"), ("end_time", "endTime"))
        if member in said
    ]
    if isinstance(said.get("tsuids"), list):
        asked.append(["tsuids", random.choice((",", " , ")).join(said["tsuids"])])
    if "global" in said:
        asked.append(["global", ""])
    if random.random() < 0.3:
        return {"method": "GET", "path": path, "asked": [*asked, ["method_override", "delete"]]}
    return {"method": "DELETE", "path": path, "asked": asked}


def listing(random: Random) -> Step:
    """The global ones of a range, or those of a series."""
    start = random.choice(("{0}", "{0}", "{15}", "{10}", "{10}000", "{10}500", "", "x", "0"))
    end = random.choice(("{100}", "{100}", "{3599}", "{20}", "{10}", "{5}", "{20}000", "x", ""))
    asked = [["start_time", start], ["end_time", end]]
    if random.random() < 0.1:
        asked.pop()
    if random.random() < 0.4:
        asked.append(["tsuid", random.choice(("{tsuid}", "{tsuid}", "{tsuid}", "{nots}", "x", ""))])
    if start == "{10}500":
        # It is cut, so that it would not be behind such an end.
        asked[1:2] = [["end_time", "{20}"]]
    return {"method": "GET", "path": "/api/annotations", "asked": asked}


def query(random: Random) -> Step:
    """A question about points, beside which annotations are answered."""
    asked = [
        ["start", random.choice(("{0}", "{0}", "{15}", "{10}"))],
        ["end", random.choice(("{100}", "{3599}", "{60}"))],
        ["m", random.choice(("none:P.m", "sum:P.m", "sum:50s-avg:P.m"))],
        *[["global_annotations", ""]] * (random.random() < 0.6),
        *[["no_annotations", ""]] * (random.random() < 0.1),
    ]
    return {"method": "GET", "path": "/api/query", "asked": asked}


def _about(
    random: Random, verb: str, asked: list[list[str]], path: str, named: dict[str, Any], words: Words, in_urls: Words
) -> Step:
    """In a body or, always when it is asked, in the URL."""
    if verb == "GET" or random.random() < 0.2:
        said = some_of(random, in_urls) if verb != "GET" or asked else {}
        more = [[name, str(value)] for name, value in {**named, **said}.items()]
        return {"method": verb, "path": path, "asked": more + asked}
    if random.random() < 0.04:
        return {"method": verb, "path": path, "asked": asked, "body": random.choice(([], None, 5))}
    return {"method": verb, "path": path, "asked": asked, "body": {**named, **some_of(random, words)}}
