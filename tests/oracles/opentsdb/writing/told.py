"""What became of a body and of its points on one server, as the table of wanted differences sees it."""

from __future__ import annotations

from dataclasses import dataclass

from oracles.comparing.asking import Answer
from oracles.opentsdb.writing.elements import Element
from oracles.opentsdb.writing.put_answers import Named
from oracles.opentsdb.writing.stored import Points


@dataclass(frozen=True)
class Told:
    """Of one element.   refusal: None where nothing was said of it."""

    element: Element
    points: Points
    refusal: Named | None = None


@dataclass(frozen=True)
class Body:
    """Of the whole."""

    body: str
    answer: Answer
