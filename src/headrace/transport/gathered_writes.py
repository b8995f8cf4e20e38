"""Small writes of many connections, decoded, admitted and committed together.

Decoding, admitting and committing one point costs some 40 µs, of which the point is 1: the rest is one call after
another. So the small bodies that arrive in one turn of the event loop share those calls. What is not plain and good
goes the usual way alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from headrace import limits
from headrace.model.points import Admitted, Points
from headrace.transport import WholeAnswer


class GatheredWrites:
    """Writes to one address as the transport hands them over (SmallPosts); the room says what they mean."""

    body_bytes_max = limits.GATHERED_BODY_BYTES_MAX

    def __init__(
        self,
        scan: Callable[[Sequence[bytes]], tuple[Points, list[int]]],
        admit: Callable[[Points], Admitted | None],
        append: Callable[[Admitted], Awaitable[object]],
        answer: Callable[[int], WholeAnswer],
    ) -> None:
        """scan: the points of all plain bodies, and for each body a count of what it holds, NOT_PLAIN if it is not.
        admit: the gate, None when it refuses any point.   append: the store's.   answer: what a body hears that has
        this count and all of whose points are stored."""
        self._scan = scan
        self._admit = admit
        self._append = append
        self._answer = answer

    async def take(self, bodies: Sequence[bytes]) -> list[WholeAnswer | None]:
        """See SmallPosts. A body goes alone when it is not plain or empty, and all do when the gate refuses a point of
        one. Raises Unavailable."""
        points, counts = self._scan(bodies)
        admitted = self._admit(points)
        if admitted is None:
            return [None] * len(bodies)
        if len(admitted):
            await self._append(admitted)
        return [self._answer(count) if count > 0 else None for count in counts]
