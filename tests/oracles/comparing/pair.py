"""A real server and headrace, as all cases speak to them and show what they said."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oracles.comparing.asking import Answer, Peer, Request

SHOWN_BYTES = 1500
"""Of an answer, for a reader."""


class Answers(NamedTuple):
    """To one request."""

    real: Answer
    ours: Answer


@dataclass
class Pair:
    """Both servers, side by side. Each case writes under names of its own."""

    real: Peer
    ours: Peer
    _numbers: itertools.count[int] = field(default_factory=itertools.count, kw_only=True)

    def both(self, request: Request) -> Answers:
        """What they answer to the same."""
        return Answers(self.real.ask(request), self.ours.ask(request))

    def fresh(self) -> str:
        """A name that nothing begins with yet."""
        return f"t{next(self._numbers):x}x"


class LastWritten:
    """The points of the last case stay written, as most cases ask about the same ones as the case before."""

    def __init__(self, pair: Pair, write: Callable[[Any, str], None]) -> None:
        """write: writes what is given to both under names that begin with the other."""
        self._pair = pair
        self._write = write
        self._text = ""
        self._prefix = ""

    def prefix_of(self, said: Any) -> str:
        """What the names begin with under which this JSON is written; it is, if it was not."""
        text = json.dumps(said)
        if self._text != text:
            self._prefix = self._pair.fresh()
            self._write(said, self._prefix)
            self._text = text
        return self._prefix


def readable(answer: Answer) -> str:
    """For a reader, without Java's traces."""
    said = answer.json()
    if isinstance(said, dict) and isinstance(said.get("error"), dict) and "trace" in said["error"]:
        said = {"error": {name: value for name, value in said["error"].items() if name != "trace"}}
        return f"{answer.status} {json.dumps(said)[:SHOWN_BYTES]}"
    return f"{answer.status} {answer.body.decode(errors='replace')[:SHOWN_BYTES]}"


def side_by_side(real_name: str, request: Request, answers: Answers, prefix: str = "") -> str:
    """For a reader; the prefix of the case's names stands as "P"."""
    lines = [str(request), f"  {real_name} {readable(answers.real)}", f"  headrace {readable(answers.ours)}"]
    text = "\n".join(lines)
    return text.replace(prefix, "P") if prefix else text
