"""What a room says of itself to newcomers: the start page, the banner of `headrace serve` and its --help are made of
it. Free of all else, so that --help loads no room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Example(NamedTuple):
    """What to send or ask, on one short line, and what that is."""

    line: str
    meaning: str


@dataclass(frozen=True, slots=True)
class About:
    """One room.   speaks: the name of its dialect, as its users know it.   send: how points come in, the usual way
    first.   ask: how they come out; nothing for a room that only writes."""

    speaks: str
    send: tuple[Example, ...]
    ask: tuple[Example, ...] = ()


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Rows of two columns as indented lines, the second column aligned."""
    listed = list(rows)
    width = max((len(left) for left, _ in listed), default=0)
    return "".join(f"  {left:{width}}  {right}\n" for left, right in listed)
