"""What a case has left, read after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from oracles.comparing.differences import Difference
from oracles.comparing.pair import Answers
from oracles.comparing.sorts import Said
from oracles.kairosdb import judging
from oracles.kairosdb.servers import Servers, post, side_by_side

EVER = {"start_absolute": -(10**15), "end_absolute": 10**15}

LATIN = "lines in UTF-8"
"""The reading of names that came by telnet: KairosDB takes each of their bytes for a letter of latin-1."""


def differences(servers: Servers, metrics: Iterable[str], reading: str = "") -> list[Difference]:
    """In all points of the metrics. reading: LATIN, or as they are."""
    asked = _asked(servers, metrics, reading)
    return [as_left(one) for question, answers in asked for one in judging.queries(answers, question)]


def shown(servers: Servers, metrics: Iterable[str], prefix: str, reading: str = "") -> list[str]:
    """The questions and answers with differences."""
    return [
        side_by_side(post("datapoints/query", question), answers, prefix)
        for question, answers in _asked(servers, metrics, reading)
        if judging.queries(answers, question)
    ]


def as_left(found: Difference) -> Difference:
    """As the table of differences knows it."""
    return Difference(f"left {found.kind}", found.words, found.real, found.ours)


def _asked(servers: Servers, metrics: Iterable[str], reading: str) -> Iterator[tuple[Said, Answers]]:
    for metric in metrics:
        question = {**EVER, "metrics": [{"name": metric}]}
        answers = servers.both(post("datapoints/query", question))
        if reading == LATIN:
            there = {**EVER, "metrics": [{"name": metric.encode().decode("latin-1")}]}
            real = servers.real.ask(post("datapoints/query", there))
            answers = Answers(replace(real, body=real.body.decode().encode("latin-1")), answers.ours)
        yield question, answers
