"""The smallest of a case that still shows its difference, for cases that are made of JSON's lists and objects."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

Path = tuple[str | int, ...]


def shrunk(
    said: Any, shows: Callable[[Any], bool], within_s: float, kept: Collection[str] = (), tries: int = 300
) -> Any:
    """`said` with as many elements and members left out, at any depth, as can be while `shows` says that it still shows
    the difference. A case that cannot be asked any more, and raises, does not. kept: members that stay."""
    ends_s = time.monotonic() + within_s
    smallest = said
    again = True
    while again:
        again = False
        for path in list(_paths(smallest)):
            tries -= 1
            if tries < 0 or time.monotonic() > ends_s:
                return smallest
            smaller = _without(smallest, path)
            if path[-1] not in kept and smaller is not None and _still(shows, smaller):
                smallest = smaller
                again = True
    return smallest


def _still(shows: Callable[[Any], bool], said: Any) -> bool:
    try:
        return shows(said)
    except (AssertionError, KeyError, IndexError, ValueError, TypeError):
        return False


def _paths(said: Any, here: Path = ()) -> Iterator[Path]:
    """Of everything in lists and objects, the large before what is in it, and of a list the last first."""
    if isinstance(said, dict):
        for name, inner in said.items():
            yield (*here, name)
            yield from _paths(inner, (*here, name))
    elif isinstance(said, list):
        for index in reversed(range(len(said))):
            yield (*here, index)
            yield from _paths(said[index], (*here, index))


def _without(said: Any, path: Path) -> Any:
    """A copy without what lies at the path; None if something on the way to it is gone."""
    copied = copy.deepcopy(said)
    inner = copied
    try:
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
    except (KeyError, IndexError, TypeError):
        return None
    return copied
