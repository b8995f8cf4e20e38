"""How this dialect says what went wrong: {"errors": ["text", ...]}, whatever the status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from headrace import limits
from headrace.errors import Refused
from headrace.intake import Refusal
from headrace.model.cut_text import cut

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
"""Status, headers, body."""

JSON_TYPE: Final = (b"content-type", b"application/json")
"""Of a failure, without a charset, as KairosDB 1.3.0 sends it."""

SUCCESS_HEADERS: Final = (
    (b"content-type", b"application/json;charset=utf-8"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache"),
    (b"expires", b"0"),
)
"""On every success of KairosDB 1.3.0, a 204 without a body too: its Java client 3.0.0 throws where a 204 has no
Content-Type."""


def done() -> Answer:
    """204: nothing was wrong."""
    return 204, list(SUCCESS_HEADERS), b""


def json_answer(body: bytes) -> Answer:
    """200 with JSON."""
    return 200, list(SUCCESS_HEADERS), body


def errors(status: int, texts: Sequence[str]) -> Answer:
    """A failure: one sentence for each thing that is wrong."""
    return status, [JSON_TYPE], msgspec.json.encode({"errors": texts})


def refuse(status: int, refused: Refused) -> Answer:
    """A request that fails as a whole. The transport asks too: before this room's app was reached, and for what it
    raised."""
    return errors(status, [refused.detail])


def not_found(path: str) -> Answer:
    """404 for a path that KairosDB has not."""
    return errors(404, [f"HTTP 404 Not Found: {shown(path)}"])


def method_not_allowed(allowed: str) -> Answer:
    """405. allowed: the methods that this path takes."""
    status, headers, body = errors(405, ["HTTP 405 Method Not Allowed"])
    return status, [*headers, (b"allow", allowed.encode())], body


def shown(text: str) -> str:
    """A text of the sender's as an error repeats it: cut at limits.KAIROSDB_SHOWN_TEXT_MAX characters."""
    return cut(text, limits.KAIROSDB_SHOWN_TEXT_MAX, "...")


class Failure(NamedTuple):
    """What is not taken: the index of its metric object, the broken rule's stable name, the words for the sender, and
    the metric as far as it can be seen, cut."""

    place: int
    rule: str
    error: str
    metric: str = ""

    def refusal(self) -> Refusal:
        """As the log tells of it."""
        return Refusal(self.rule, f"[{self.place}]", self.metric, self.error)


@dataclass(slots=True)
class Failures:
    """What a body's refusals come to.

    first: the first of them, in body order, at most limits.KAIROSDB_ERRORS_MAX.   by_rule: all of them, counted in
    points; a metric object that fails as a whole counts for each of its points.
    """

    first: list[Failure] = field(default_factory=list)
    by_rule: Counter[str] = field(default_factory=Counter)
    unworded: int = 0

    def __bool__(self) -> bool:
        return bool(self.first)

    @property
    def is_full(self) -> bool:
        """Whether no more are worded, so that words need not be made."""
        return len(self.first) >= limits.KAIROSDB_ERRORS_MAX

    def add(self, failure: Failure, points: int = 1) -> None:
        """Take one more; its place is not before that of the last."""
        if self.is_full:
            self.count(failure.rule, points, 1)
        else:
            self.by_rule[failure.rule] += points
            self.first.append(failure)

    def count(self, rule: str, points: int, failures: int) -> None:
        """Take more without words, when it is full."""
        self.by_rule[rule] += points
        self.unworded += failures

    def texts(self, others: Sequence[Failure] = (), unworded: int = 0) -> list[str]:
        """The answer's `errors`, with `others` among them, in body order. unworded: how many more there are than
        `others`."""
        first = sorted([*self.first, *others], key=lambda failure: failure.place)
        worded = [failure.error for failure in first[: limits.KAIROSDB_ERRORS_MAX]]
        unworded += self.unworded + len(first) - len(worded)
        return [*worded, f"and {unworded} more errors."] if unworded else worded
