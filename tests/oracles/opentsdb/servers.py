"""Both servers as the cases speak to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from oracles.comparing import pair
from oracles.comparing.asking import Peer, Request
from oracles.comparing.pair import Answers, Pair, readable
from oracles.opentsdb.questions import post

__all__ = ["Answers", "Servers", "readable", "side_by_side"]


class Servers(Pair):
    """OpenTSDB and headrace."""

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


def side_by_side(request: Request, answers: Answers, prefix: str = "") -> str:
    """For a reader."""
    return pair.side_by_side("OpenTSDB", request, answers, prefix)
