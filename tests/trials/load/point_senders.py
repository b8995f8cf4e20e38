"""Clients of OpenTSDB's, Alibaba's and KairosDB's rooms."""

from __future__ import annotations

import json
import socket
from collections.abc import Hashable
from typing import Any

from sending import START_S, TIMEOUT_S, Change, Gone, HttpSender, Sender, State, Wrong, once
from serverprocess import ServerProcess

SERIES = 4
SPAN_S = 300
BATCH_POINTS = 20
DELETES = 0.12
FIELDS = ("volt", "ampere", "state")

Batch = dict[tuple[int, int], int | float | str]
"""By series and second."""


def new_batch(sender: Sender, *, texts: bool = True) -> Batch:
    """Overwrites are likely."""
    points = range(sender.chance.randint(1, BATCH_POINTS))
    places = [(sender.chance.randrange(SERIES), START_S + sender.chance.randrange(SPAN_S)) for _ in points]
    return {place: sender.value(texts=texts) for place in places}


def with_batch(known: State, batch: Batch) -> State:
    return {**known, **{place: json.dumps(value) for place, value in batch.items()}}


def without(known: State, series: int, first_s: int, last_s: int) -> State:
    return {
        key: value
        for key, value in known.items()
        if not (isinstance(key, tuple) and key[0] == series and first_s <= key[1] <= last_s)
    }


def stretch(sender: Sender) -> tuple[int, int, int]:
    """A series and two seconds."""
    first = START_S + sender.chance.randrange(SPAN_S)
    return sender.chance.randrange(SERIES), first, first + sender.chance.randrange(60)


class OpenTSDB(HttpSender):
    """/api/put and /api/delete_data."""

    def next_change(self) -> Change:
        if self.known and self.chance.random() < DELETES:
            series, first, last = stretch(self)
            body = {"metric": self.name, "tags": {"k": str(series)}, "start": first, "end": last}
            return Change(("/api/delete_data", body), without(self.known, series, first, last))
        batch = new_batch(self)
        points = [
            {"metric": self.name, "timestamp": at, "value": value, "tags": {"k": str(series)}}
            for (series, at), value in batch.items()
        ]
        return Change(("/api/put", points), with_batch(self.known, batch))

    def send(self, change: Change) -> int:
        path, body = change.request
        self.ask("POST", path, body)
        return len(body) if isinstance(body, list) else 0

    def read(self, server: ServerProcess) -> State:
        return read_by_opentsdb(self, server, self.name)


def read_by_opentsdb(sender: HttpSender, server: ServerProcess, metric: str) -> State:
    query = {"metric": metric, "aggregator": "none", "tags": {"k": "*"}}
    question = {"start": START_S - 1, "end": START_S + SPAN_S, "msResolution": True, "queries": [query]}
    answers = sender.look(server, "POST", "/api/query", question, ok=(200, 400))
    if isinstance(answers, dict):
        return nothing(answers)
    return once(
        [
            ((int(answer["tags"]["k"]), int(at) // 1000), value)
            for answer in answers
            for at, value in answer["dps"].items()
        ]
    )


def nothing(answer: dict[str, Any]) -> State:
    """The 400 of a metric that nobody knows. Raises Wrong for any other."""
    if "No such name" not in json.dumps(answer):
        raise Wrong(f"a query was answered by 400 {answer}")
    return {}


class MultiField(HttpSender):
    """/api/mput: each point of several fields is a row of series of their own."""

    def next_change(self) -> Change:
        points, after = [], dict(self.known)
        for (series, at), value in new_batch(self).items():
            fields = {name: value if name == "volt" else self.value() for name in FIELDS if self.chance.random() < 0.7}
            fields = fields or {"volt": value}
            points.append({"metric": self.name, "timestamp": at, "tags": {"k": str(series)}, "fields": fields})
            after |= {(series, at, name): json.dumps(said) for name, said in fields.items()}
        return Change(points, after)

    def send(self, change: Change) -> int:
        self.ask("POST", "/api/mput", change.request)
        return sum(len(point["fields"]) for point in change.request)

    def read(self, server: ServerProcess) -> State:
        fields = [{"field": name, "aggregator": "none"} for name in FIELDS]
        query = {"metric": self.name, "fields": fields, "tags": {"k": "*"}}
        question = {"start": START_S - 1, "end": START_S + SPAN_S, "queries": [query]}
        answers = self.look(server, "POST", "/api/mquery", question, ok=(200, 400))
        if isinstance(answers, dict):
            return nothing(answers)
        pairs: list[tuple[Hashable, object]] = []
        for answer in answers:
            names = answer["columns"][1:]
            for at, *values in answer["values"]:
                cells = zip(names, values, strict=True)
                pairs += [((int(answer["tags"]["k"]), at, name), value) for name, value in cells if value is not None]
        return once(pairs)


class KairosDB(HttpSender):
    """/api/v1/datapoints and /api/v1/datapoints/delete."""

    def next_change(self) -> Change:
        if self.known and self.chance.random() < DELETES:
            series, first, last = stretch(self)
            metric = {"name": self.name, "tags": {"k": [str(series)]}}
            body = {"start_absolute": first * 1000, "end_absolute": last * 1000, "metrics": [metric]}
            return Change(("/api/v1/datapoints/delete", body), without(self.known, series, first, last))
        batch = new_batch(self)
        rows: dict[tuple[int, bool], list[list[object]]] = {}
        for (series, at), value in batch.items():
            rows.setdefault((series, isinstance(value, str)), []).append([at * 1000, value])
        metrics = [
            {
                "name": self.name,
                "tags": {"k": str(series)},
                "datapoints": points,
                **({"type": "string"} if text else {}),
            }
            for (series, text), points in rows.items()
        ]
        return Change(("/api/v1/datapoints", metrics), with_batch(self.known, batch))

    def send(self, change: Change) -> int:
        path, body = change.request
        self.ask("POST", path, body)
        return sum(len(metric["datapoints"]) for metric in body) if isinstance(body, list) else 0

    def read(self, server: ServerProcess) -> State:
        return read_by_kairosdb(self, server, self.name)


def read_by_kairosdb(sender: HttpSender, server: ServerProcess, metric: str) -> State:
    asked = {"name": metric, "group_by": [{"name": "tag", "tags": ["k"]}]}
    question = {"start_absolute": (START_S - 1) * 1000, "end_absolute": (START_S + SPAN_S) * 1000, "metrics": [asked]}
    [answer] = sender.look(server, "POST", "/api/v1/datapoints/query", question)["queries"]
    return once(
        [
            ((int(result["tags"]["k"][0]), at // 1000), value)
            for result in answer["results"]
            for at, value in result["values"]
        ]
    )


class Telnet(HttpSender):
    """Lines of `put`, then `version`, which is answered when all before it is durable. HTTP is for reading alone."""

    unit_ms = 1000

    def connect(self, server: ServerProcess) -> None:
        super().connect(server)
        self.line = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)

    def hang_up(self) -> None:
        super().hang_up()
        self.line.close()

    def next_change(self) -> Change:
        batch = new_batch(self, texts=False)
        lines = [
            f"put {self.name} {at * 1000 // self.unit_ms} {value} k={series}\n" for (series, at), value in batch.items()
        ]
        return Change("".join(lines), with_batch(self.known, batch), in_parts=True)

    def send(self, change: Change) -> int:
        self.line.sendall(f"{change.request}version\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            received = self.line.recv(65536)
            if not received:
                raise Gone
            answer += received
            if b"put:" in answer:
                raise Wrong(f"a line was answered by {answer[:300]!r}")
        return str(change.request).count("\n")

    def read(self, server: ServerProcess) -> State:
        return read_by_opentsdb(self, server, self.name)


class KairosTelnet(Telnet):
    """Of a server whose lines are KairosDB's."""

    unit_ms = 1

    def read(self, server: ServerProcess) -> State:
        return read_by_kairosdb(self, server, self.name)
