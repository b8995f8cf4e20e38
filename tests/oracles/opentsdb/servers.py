"""Both servers as the cases speak to them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oracles.comparing.asking import Answer, Peer, Request
from oracles.opentsdb.questions import post


class Answers(NamedTuple):
    """To one request."""

    real: Answer
    ours: Answer

    def __str__(self) -> str:
        return f"  OpenTSDB {self.real}\n  headrace {self.ours}"


@dataclass
class Servers:
    """OpenTSDB and headrace, side by side. Each case writes under names of its own."""

    real: Peer
    ours: Peer
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def both(self, request: Request) -> Answers:
        return Answers(self.real.ask(request), self.ours.ask(request))

    def fresh(self) -> str:
        """A name that nothing begins with yet."""
        return f"t{next(self._numbers):x}x"

    def write(self, points: list[dict[str, Any]]) -> None:
        """To both, until it can be read back."""
        for peer in (self.real, self.ours):
            for first in range(0, len(points), 200):
                answer = peer.ask(post("/api/put?sync&details", points[first : first + 200]))
                assert answer.status == 200, f"points of a case were refused: {answer}"

    def wait_until_both(self, holds: Callable[[Peer], bool], within_s: float = 20) -> None:
        """OpenTSDB tracks names and latest points in its own time."""
        deadline = time.monotonic() + within_s
        for peer in (self.real, self.ours):
            while not holds(peer):
                assert time.monotonic() < deadline, "what a case needs did not become visible"
                time.sleep(0.05)


def readable(answer: Answer, most: int = 1500) -> str:
    """An answer without Java's traces, for a reader."""
    said = answer.json()
    if isinstance(said, dict) and isinstance(said.get("error"), dict):
        said = {"error": {name: value for name, value in said["error"].items() if name != "trace"}}
    text = answer.body.decode(errors="replace") if said is None else json.dumps(said)
    return f"{answer.status} {text[:most]}"


def side_by_side(request: Request, answers: Answers, prefix: str = "") -> str:
    """For a reader; the prefix of the case's names stands as "P"."""
    lines = [str(request), f"  OpenTSDB {readable(answers.real)}", f"  headrace {readable(answers.ours)}"]
    text = "\n".join(lines)
    return text.replace(prefix, "P") if prefix else text
