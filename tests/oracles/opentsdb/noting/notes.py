"""The sort "notes": what people note on names, series and moments is written, changed, deleted and read back."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from oracles.comparing.asking import Answer, Peer, Request
from oracles.comparing.differences import Difference
from oracles.opentsdb import judging
from oracles.opentsdb.noting import moments, steps
from oracles.opentsdb.noting.moments import Notes as Annotations
from oracles.opentsdb.noting.steps import Step
from oracles.opentsdb.questions import get, post
from oracles.opentsdb.servers import Answers, Servers, side_by_side

SOME = 10

FIRST_HOUR, EACH = 1_200_002_400, 7200
"""Seconds: each case has an hour of its own, with nothing beside it."""

POINTS = (0, 50, 3500)
"""Seconds of the case's hour in which its series has points."""

NOW_MS = 60_000
"""So near to now, an end is the one that nobody has said."""

COUNTED = ("created", "lastReceived", "totalDatapoints")
"""Members that headrace says as 0."""

ABOUT_MOMENTS = (
    steps.annotation,
    steps.annotation,
    steps.annotation,
    steps.bulk,
    steps.bulk,
    steps.listing,
    steps.query,
)
ABOUT_NAMES = (steps.uidmeta, steps.tsmeta)

IN_BODY = {
    "startTime": "start_time",
    "endTime": "end_time",
    **{name: name for name in ("tsuid", "description", "notes")},
}
"""Of an annotation: how a body names what a URL says."""

_IN_URL = re.compile(r"(\{[0-9]+\})(?:\.?([0-9]{3}))?(?:ms)?")
"""A time."""

LISTS = ("/api/annotations", "/api/query")
"""Addresses that show annotations of a range."""

SHOWN = ("annotations", "globalAnnotations")

EVERYTHING: Step = {
    "method": "GET",
    "path": "/api/query",
    "asked": [["start", "{0}"], ["end", "{3599}"], ["m", "none:P.m"], ["global_annotations", ""]],
}
"""All that a case has noted on moments."""


@dataclass(frozen=True)
class Told(Answer):
    """What one server answered to a step."""

    step: Step


@dataclass(frozen=True)
class Held:
    """The annotations of a case's series, and those of all."""

    of_series: Annotations
    of_all: Annotations


@dataclass(frozen=True)
class Known:
    """Of one server. ids: placeholder -> what it stands for."""

    peer: Peer
    ids: dict[str, str]


class Notes:
    """Of steps about one series, which is all that the case writes."""

    name = "notes"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._hours = itertools.count(FIRST_HOUR, EACH)

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        for _ in range(SOME):
            makers = random.choice((ABOUT_MOMENTS, ABOUT_MOMENTS, ABOUT_NAMES))
            yield {"steps": [random.choice(makers)(random) for _ in range(random.choice((1, 2, 3, 5)))]}

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        return [one for _, _, found in self._asked(said) for one in found]

    def shown(self, said: dict[str, Any]) -> str:
        return "\n".join(side_by_side(request, answers) for request, answers, _ in self._asked(said))

    def _asked(self, said: dict[str, Any]) -> Iterator[tuple[Request, Answers, list[Difference]]]:
        case = _Case(self._servers, next(self._hours))
        asked = said.get("steps", [])
        for step in [*asked, *_reading_back(asked)]:
            request, answers, found = case.ask(step)
            yield request, answers, found
            if _deletes_meta(step) and answers.real.status == answers.ours.status == 204:
                yield from case.meta_again()


class _Case:
    """What stands for what in one case."""

    def __init__(self, servers: Servers, hour: int) -> None:
        self._servers = servers
        self._hour = hour
        self._prefix = servers.fresh()
        metric = f"{self._prefix}.m"
        servers.write([{"metric": metric, "timestamp": hour + at, "value": 1, "tags": {"host": "a"}} for at in POINTS])
        servers.wait_until_both(lambda peer: peer is servers.ours or _has_metas(peer, metric))
        self._known = [Known(peer, _ids(peer, metric)) for peer in (servers.real, servers.ours)]

    def ask(self, step: Step) -> tuple[Request, Answers, list[Difference]]:
        """Both the same, in the ids of each. What a URL says in milliseconds OpenTSDB is asked in a body."""
        facts: list[Difference] = []
        in_words_of_both = in_a_body(step) if self._is_cut(step) else step
        if in_words_of_both is not step and verb_of(step) == "GET":
            facts = [replace(one, kind="cut") for one in self._answers(step, step)[2]]
        request, answers, found = self._answers(in_words_of_both, step)
        return request, answers, found + facts

    def _answers(self, to_real: Step, to_ours: Step) -> tuple[Request, Answers, list[Difference]]:
        real, ours = self._known
        request = self._request(to_ours, ours.ids)
        answers = Answers(real.peer.ask(self._request(to_real, real.ids)), ours.peer.ask(request))
        return request, answers, self._compared(to_ours, answers)

    @staticmethod
    def _is_cut(step: Step) -> bool:
        is_one = step["path"] in ("/api/annotation", "/api/annotations") and not is_list(step)
        return is_one and "body" not in step and any(_is_fine(text) for _, text in step.get("asked", ()))

    def meta_again(self) -> Iterator[tuple[Request, Answers, list[Difference]]]:
        """OpenTSDB lets the meta data of a series be gone: it is told to make it anew."""
        step = {"method": "GET", "path": "/api/uid/tsmeta", "asked": [["tsuid", "{tsuid}"]]}
        real, ours = self._known
        self._servers.wait_until_both(
            lambda peer: peer is ours.peer or peer.ask(self._request(step, real.ids)).status == 404
        )
        request, answers, found = self.ask(step)
        yield request, answers, [Difference("gone", str(one), one.real, one.ours) for one in found]
        again = Request("POST", f"/api/uid/tsmeta?m={self._prefix}.m%7Bhost=a%7D&create=true", b"{}")
        assert real.peer.ask(again).status == 200

    def _request(self, step: Step, ids: dict[str, str]) -> Request:
        asked = urlencode([tuple(pair) for pair in step.get("asked", ())], safe=":{}*|,=", quote_via=quote)
        path = self._put_in(str(step["path"]) + (f"?{asked}" if asked else ""), ids)
        if "body" not in step:
            return Request(str(step["method"]), path)
        text = re.sub(r'"#([^"]*)"', r"\1", json.dumps(step["body"]))
        return Request(str(step["method"]), path, self._put_in(text, ids).encode())

    def _put_in(self, text: str, ids: dict[str, str]) -> str:
        text = re.sub(r"\{([0-9]{1,4})\}", lambda found: str(self._hour + int(found[1])), text)
        for name, value in ids.items():
            text = text.replace(f"{{{name}}}", value)
        return text.replace("P.", f"{self._prefix}.")

    def _compared(self, step: Step, answers: Answers) -> list[Difference]:
        real, ours = (Told(one.status, one.headers, one.body, step) for one in answers)
        if real.status != ours.status or real.status >= 400:
            return [
                Difference(one.kind, f"{step}: {one.words}", real, ours)
                for one in judging.refusals(Answers(real, ours)) or []
            ]
        one, other = (self._plain(answer, known) for answer, known in zip(answers, self._known, strict=True))
        if one == other:
            return []
        kind = self._kind_of_list(step, one, other) if is_list(step) else "body"
        return [Difference(kind, f"{step}: {_unlike(one, other)}", real, ours)]

    def _kind_of_list(self, step: Step, real: Any, ours: Any) -> str:
        """What alone differs in answers that show annotations of a range; "body" if that is no law of the server's."""
        if step["path"] == "/api/query":
            return "empty list" if _without_empty_lists(real) == _without_empty_lists(ours) else "body"
        asked = {name: self._put_in(text, {}) for name, text in step.get("asked", ())}
        start, end = (moments.ms_of(asked.get(name) or self._hour + 3599) for name in ("start_time", "end_time"))
        held = self._held()
        if start is None or end is None or held is None:
            return "body"
        by_opentsdb: Annotations = []
        if asked.get("end_time"):
            by_opentsdb = moments.in_range_of_opentsdb(held.of_all, start, end)
        else:
            # Not what other cases noted later.
            ours = moments.in_range(ours, start, end)
        by_ours = moments.in_range(held.of_series if asked.get("tsuid") else held.of_all, start, end)
        return "span" if [real, ours] == [by_opentsdb, by_ours] else "body"

    def _held(self) -> Held | None:
        """All annotations of the case; None if the two do not hold the same."""
        requests = [self._request(EVERYTHING, one.ids) for one in self._known]
        found = [self._plain(one.peer.ask(request), one) for one, request in zip(self._known, requests, strict=True)]
        if found[0] != found[1] or not found[0]:
            return None
        return Held(*(found[0][0].get(name, []) for name in SHOWN))

    def _plain(self, answer: Answer, known: Known) -> Any:
        """With the names of ids in their place."""
        text = answer.body.decode(errors="replace").replace(self._prefix, "P")
        # A tsuid holds the ids of its parts.
        for name in ("tsuid", "nots"):
            text = text.replace(known.ids[name], f"{{{name}}}")
        for name in ("metric", "tagk", "tagv"):
            text = text.replace(f'"{known.ids[name]}"', '"{uid}"')
        try:
            return _comparable(json.loads(text), uncounted=known.peer is self._servers.real)
        except ValueError:
            return text


def _reading_back(asked: list[Step]) -> list[Step]:
    """What both hold in the end."""
    moments = [
        {"method": "GET", "path": "/api/annotations", "asked": [["start_time", "{0}"], ["end_time", "{3599}"]]},
        EVERYTHING,
    ]
    metas = [
        {"method": "GET", "path": "/api/uid/uidmeta", "asked": [["uid", "{metric}"], ["type", "metric"]]},
        {"method": "GET", "path": "/api/uid/tsmeta", "asked": [["tsuid", "{tsuid}"]]},
    ]
    return metas if any("/uid/" in step["path"] for step in asked) else moments


def verb_of(step: Step) -> str:
    """The method that counts."""
    overridden = dict(step.get("asked", ())).get("method_override") if step["method"] == "GET" else None
    return str(overridden or step["method"]).upper()


def is_list(step: Step) -> bool:
    """Whether annotations of a range are asked for."""
    return step["path"] in LISTS and verb_of(step) == "GET"


def in_a_body(step: Step) -> Step:
    """An annotation that is said in the URL."""
    asked = dict(step["asked"])
    said = {member: asked[name] for member, name in IN_BODY.items() if name in asked}
    for member in {"startTime", "endTime"} & said.keys():
        if found := _IN_URL.fullmatch(said[member]):
            said[member] = found[1] + found[2] if _is_fine(said[member]) else found[1]
    return {"method": verb_of(step), "path": step["path"], "body": said}


def _is_fine(text: str) -> bool:
    """Whether it has milliseconds, which OpenTSDB cuts in a URL."""
    found = _IN_URL.fullmatch(text)
    return found is not None and found[2] not in (None, "000")


def _deletes_meta(step: Step) -> bool:
    asked = dict(step.get("asked", ()))
    body = step.get("body")
    tsuid = body.get("tsuid") if isinstance(body, dict) else asked.get("tsuid")
    return str(step["path"]).endswith("/tsmeta") and verb_of(step) == "DELETE" and tsuid == "{tsuid}"


def _has_metas(peer: Peer, metric: str) -> bool:
    """OpenTSDB makes them in its own time."""
    found = peer.ask(get("/api/uid/tsmeta", [("m", f"{metric}{{host=a}}")])).json()
    return bool(isinstance(found, list) and found and found[0]["metric"]["created"])


def _ids(peer: Peer, metric: str) -> dict[str, str]:
    asked = [("start", 1), ("end", 2000000000), ("show_tsuids", ""), ("m", f"none:{metric}")]
    [found] = peer.ask(get("/api/query", asked)).json()
    [tsuid] = found["tsuids"]
    names = {"metric": metric, "tagk": "host", "tagv": "a"}
    said = peer.ask(post("/api/uid/assign", {kind: [name] for kind, name in names.items()})).json()
    ids = {kind: re.sub(".* ", "", said[f"{kind}_errors"][name]) for kind, name in names.items()}
    return {"tsuid": tsuid, **ids, "nouid": "FE" * (len(ids["metric"]) // 2), "nots": "FE" * (len(tsuid) // 2)}


def _comparable(said: Any, uncounted: bool) -> Any:
    """Lists of annotations by their moment; `uncounted`: with 0 where headrace counts nothing."""
    if isinstance(said, dict):
        return {name: _member(name, value, uncounted) for name, value in said.items()}
    if isinstance(said, list):
        found = [_comparable(one, uncounted) for one in said]
        if all(isinstance(one, dict) and "startTime" in one for one in found):
            return sorted(found, key=lambda one: json.dumps([one["startTime"], one], sort_keys=True))
        return found
    return said


def _without_empty_lists(elements: Any) -> Any:
    return [{name: value for name, value in one.items() if value or name not in SHOWN} for one in elements]


def _member(name: str, value: Any, uncounted: bool) -> Any:
    if name == "endTime" and abs(value - time.time() * 1000) < NOW_MS:
        return "now"
    return 0 if uncounted and name in COUNTED else _comparable(value, uncounted)


def _unlike(one: Any, other: Any) -> str:
    """What differs, for a reader."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [name for name in sorted(one.keys() | other.keys()) if one.get(name, "-") != other.get(name, "-")]
        return ", ".join(f"{name}: {_unlike(one.get(name, '-'), other.get(name, '-'))}" for name in names)
    return f"{one} | {other}"
