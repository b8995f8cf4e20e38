"""Cases of /api/put: what both answer, and what both stored."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Iterator
from random import Random
from typing import Any

from oracles.comparing.asking import Answer, Peer, Request
from oracles.comparing.differences import Difference
from oracles.opentsdb.servers import Answers, Servers, readable
from oracles.opentsdb.writing import elements, stored
from oracles.opentsdb.writing.elements import Element
from oracles.opentsdb.writing.put_answers import named, plain_echo, shape, whole_refusal
from oracles.opentsdb.writing.told import Body, Told

SOME = 10

FLAGS = """|details|details|details|summary|details&summary|sync|sync&details|sync&summary|sync&sync_timeout=5000
sync&sync_timeout=5000&details|sync&sync_timeout=5000&summary|sync_timeout=5000&details"""

ODD_FLAGS = """details=false|summary=false|sync&sync_timeout=0&details|sync&sync_timeout=-1&summary
sync_timeout=x&details|sync&sync_timeout=x|sync&sync_timeout=&details|sync&sync_timeout=1.5&details
foo|details&foo=1|DETAILS|details&details|sync&sync_timeout=99999999999&details|jsonp=f&details
jsonp=f|sync_timeout=-5&details|sync&sync_timeout=%2B1000&summary|jsonp=f&summary|sync=false&details
sync_timeout=5000"""

PATHS = ("/api/put", "/api/put", "/api/put", "/api/put/", "/api/v1/put", "/API/Put", "/api/V1/PUT/")

TYPES = ("application/json", "", "text/plain", "application/x-www-form-urlencoded", "applicaton/json", "x", ";;")

SENDINGS = ("plain", "plain", "plain", "gzip", "chunks", "gzip chunks", "deflate")

BODIES = """|{|[|[]|{}|null|5|"x"| |[ ]|}|]|{]|[{]|[null]|[null,null]|[[]]|[E|E]|[E,]|[,E]|[E E]|[E]]|E}|E x|[E] x|EE|
E,E|{"a":E}|[E,{]|[E,}]|[E,{"metric":"P.b"]|[E,"P.b|[E,{"metric":"P.b"|[E,{"metric":"P.b",E]|\ufeffE| [E] |
[E,E|//\nE|/**/E|[E,[E]]|{"metric":"P.a"|{"metric":|{metric:1}|'E'|[E,null]|["E"]"""
"""Whole bodies; E is a good point."""

GOOD: Element = {"metric": '"P.stand.in"', "timestamp": "1365465600", "value": "1", "tags": '{"host":"a"}'}
BAD: Element = {"metric": '"P.stand.in"', "timestamp": "1365465600", "tags": '{"host":"a"}'}


class Puts:
    """The sort "put"."""

    name = "put"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        return (random.choice((_points, _points, _points, _one, _same, _body))(random) for _ in range(SOME))

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        return _Put(self._servers, said).differences()

    def shown(self, said: dict[str, Any]) -> str:
        put = _Put(self._servers, said)
        lines = [
            f"POST {said['path']}?{said['flags']} {said['sent']} {put.body}",
            f"  OpenTSDB {readable(put.answers.real)} {put.points[0]}",
            f"  headrace {readable(put.answers.ours)} {put.points[1]}",
        ]
        return "\n".join(lines).replace(put.prefix, "P.")


class _Put:
    """One body, sent to both under a prefix of its own, and what both stored of it."""

    def __init__(self, servers: Servers, said: dict[str, Any]) -> None:
        self._servers = servers
        self._said = said
        self._listed: list[Element] = said["elements"]
        self.prefix = servers.fresh()
        self._numbers = itertools.count(int(self.prefix[1:-1], 16) * 1000 + 10**9)
        self._names = [(f"{self.prefix}{index}.", next(self._numbers)) for index in range(len(self._listed))]
        metrics = [self._metric(index) for index in range(len(self._listed))]
        stored.make_known(servers, {metric for metric in metrics if metric})
        self.body = self._text()
        self.answers = Answers(*(self._ask(peer, self.body) for peer in (servers.real, servers.ours)))
        stored.settle(servers)
        both = [stored.both_points(servers, metric) for metric in metrics]
        self.points = [one for one, _ in both], [other for _, other in both]

    def differences(self) -> list[Difference]:
        real, ours = self.answers
        refusals = whole_refusal(real), whole_refusal(ours)
        if refusals[0] is not None and refusals[1] is not None and not any(self.points[1]):
            return self._compared("whole", real)
        told = [self._told(real, self.points[0]), self._told(ours, self.points[1])]
        found = []
        if refusals[0] is not None:
            found += self._compared("whole", real)
            if "body" in self._said and not any(self.points[1]):
                return found
            told[0] = [self._alone(index) for index in range(len(self._listed))]
        for one, other in zip(*told, strict=True):
            found += _points_differ(one, other)
        return found + self._shapes(told)

    def _compared(self, kind: str, real: Answer) -> list[Difference]:
        """headrace's answer with one of OpenTSDB's."""
        shapes = shape(real), shape(self.answers.ours)
        bodies = Body(self.body, real), Body(self.body, self.answers.ours)
        return [] if shapes[0] == shapes[1] else [Difference(kind, f"{shapes[0]} | {shapes[1]}", *bodies)]

    def _told(self, answer: Answer, points: list[stored.Points]) -> list[Told]:
        """The points that an answer names are those of which nothing is stored."""
        refused = [index for index, some in enumerate(points) if not some]
        said = named(answer) or []
        by_place = dict(zip(refused, said, strict=True)) if len(refused) == len(said) else {}
        return [Told(one, points[index], by_place.get(index)) for index, one in enumerate(self._listed)]

    def _alone(self, index: int) -> Told:
        """What OpenTSDB makes of an element that it is sent alone, since it refused it for the sake of others."""
        text = f"[{self._spelled(index)}]"
        answer = self._servers.real.ask(Request("POST", "/api/put?sync&details", text.encode()))
        metric = self._metric(index)
        points = stored.points_of(self._servers.real, metric, stored.REAL_END) if metric else []
        return Told(self._listed[index], points, *(named(answer) or ()))

    def _shapes(self, told: list[list[Told]]) -> list[Difference]:
        """OpenTSDB's answer to as many good and bad points as there were for headrace is what headrace has to say."""
        real, ours = self.answers
        if "body" in self._said:
            return [] if whole_refusal(real) is not None else self._compared("answer", real)
        kept = [[bool(one.points) for one in some] for some in told]
        if whole_refusal(ours) is None and (kept[0] != kept[1] or whole_refusal(real) is not None):
            said = {**self._said, "elements": [GOOD if stays else BAD for stays in kept[1]], "sent": "plain"}
            real = _Put(self._servers, said).answers.real
        return self._compared("answer", real)

    def _text(self) -> str:
        spelled = [self._spelled(index) for index in range(len(self._listed))]
        if "body" in self._said:
            return str(self._said["body"]).replace("E", *spelled or "{}").replace("P.", f"{self.prefix}0.")
        return spelled[0] if self._said.get("one") and len(spelled) == 1 else f"[{','.join(spelled)}]"

    def _spelled(self, index: int) -> str:
        own, number = self._names[index]
        return elements.spelled(self._listed[index], own, f"{self.prefix}s.", number)

    def _metric(self, index: int) -> str | None:
        own, number = self._names[index]
        return elements.metric_of(self._listed[index], own, f"{self.prefix}s.", number)

    def _ask(self, peer: Peer, text: str) -> Answer:
        said, flags = self._said, self._said["flags"]
        body, sent = text.encode(), said["sent"]
        encoding = "gzip" if "gzip" in sent else "deflate" if "deflate" in sent else ""
        body = gzip.compress(body) if encoding == "gzip" else zlib.compress(body) if encoding else body
        path = said["path"] + (f"?{flags}" if flags else "")
        return peer.ask(Request("POST", path, body, said["type"], encoding, 7 if "chunks" in sent else 0))


def _points_differ(real: Told, ours: Told) -> list[Difference]:
    if json.dumps(real.points) != json.dumps(ours.points):
        return [Difference("stored", f"{real.points} | {ours.points} of {real.element}", real, ours)]
    if real.refusal and ours.refusal:
        if real.refusal.error != ours.refusal.error:
            words = f"{real.refusal.error} | {ours.refusal.error} of {real.element}"
            return [Difference("point words", words, real, ours)]
        echoes = plain_echo(real.refusal.echo), plain_echo(ours.refusal.echo)
        if echoes[0] != echoes[1]:
            return [Difference("echo", f"{echoes[0]} | {echoes[1]} of {real.element}", real, ours)]
    return []


def _case(random: Random, listed: list[Element], **more: Any) -> dict[str, Any]:
    usual = random.random() < 0.7
    return {
        "flags": random.choice((FLAGS if random.random() < 0.85 else ODD_FLAGS).replace("\n", "|").split("|")),
        "path": "/api/put" if usual else random.choice(PATHS),
        "type": "application/json" if usual else random.choice(TYPES),
        "sent": "plain" if usual else random.choice(SENDINGS),
        "elements": listed,
        **more,
    }


def _points(random: Random) -> dict[str, Any]:
    """Several, good and strange."""
    count, share = random.choice((1, 2, 2, 3, 5)), random.choice((0.3, 0.6, 1))
    return _case(
        random, [elements.strange(random) if random.random() < share else elements.good(random) for _ in range(count)]
    )


def _one(random: Random) -> dict[str, Any]:
    """An object that is no array."""
    return _case(random, [elements.strange(random) if random.random() < 0.7 else elements.good(random)], one=True)


def _same(random: Random) -> dict[str, Any]:
    """Points of one series, some of one time, of which the last counts. All are of one kind and width, and of one unit
    of time: of others OpenTSDB keeps both, and answers whichever HBase stored later, by the millisecond."""
    values, unit = random.choice((("1", "2", "-7", '"3"'), ("2.5", "1e3", "-0.125"))), random.choice((1, 1000))
    good = elements.good(random, "S.a")
    changes = [(str((elements.TIME + random.randrange(3)) * unit), random.choice(values)) for _ in range(4)]
    return _case(random, [{**good, "timestamp": time, "value": value} for time, value in changes])


def _body(random: Random) -> dict[str, Any]:
    """A whole body that is mostly none."""
    return _case(random, [elements.good(random)], body=random.choice(BODIES.replace("|\n", "|").split("|")))
