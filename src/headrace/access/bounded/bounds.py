"""How far a request may go among metrics, while it is under way."""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from headrace.access.bounded.patterns import Patterns


@dataclass(frozen=True, slots=True)
class Bounds:
    """The metrics that a request may see, write and delete points of; None: all.

    principal: for words about it.   shows_documents, changes_documents: whether it may read and change what is of no
    metric.
    """

    principal: str
    sees: Patterns | None = None
    writes: Patterns | None = None
    deletes: Patterns | None = None
    shows_documents: bool = False
    changes_documents: bool = False

    def __bool__(self) -> bool:
        """Whether there are any."""
        return not (self.sees is None and self.writes is None and self.deletes is None)


UNBOUNDED: Final = Bounds("", shows_documents=True, changes_documents=True)

_now: ContextVar[Bounds] = ContextVar("headrace.bounds")


class _Within:
    """See `within`. By hand, as every request passes here: contextlib's costs 1 us more."""

    __slots__ = ("_bounds", "_token")

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds

    def __enter__(self) -> None:
        self._token = _now.set(self._bounds)

    def __exit__(self, *_: object) -> None:
        _now.reset(self._token)


def within(bounds: Bounds) -> AbstractContextManager[None]:
    """What is done meanwhile keeps to these bounds: here, in tasks that begin here, and in threads that are given a
    copy of the context."""
    return _Within(bounds)


def bounds_now() -> Bounds:
    """Those of what is being done. Raises LookupError where nobody has said them."""
    return _now.get()
