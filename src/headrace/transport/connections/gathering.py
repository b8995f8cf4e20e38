"""Small posts of many connections, handed to their room once per turn of the event loop (SmallPosts)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from headrace.errors import Refused, Unavailable
from headrace.transport import Room, SmallPosts, WholeAnswer
from headrace.transport.http.answers import answer_head
from headrace.transport.http.body import unfold_at_once
from headrace.transport.http.request_reader import Request
from headrace.transport.state import Poster, ServerState

log = structlog.get_logger(__name__)


class Gathering:
    """The posts to one address that wait to be handed over. None waits longer than for the turn it arrived in."""

    def __init__(self, room: Room, posts: SmallPosts, state: ServerState) -> None:
        """posts: of this room."""
        self._room = room.name
        self._may = room.may_gather
        self._posts = posts
        self._state = state
        self._senders: list[Poster] = []
        self._bodies: list[bytes] = []

    def add(self, sender: Poster, request: Request) -> bool:
        """See ShortWay."""
        if not request.head.is_plain_post or request.refusal is not None:
            return False
        if not self._may(request.head.headers, sender):
            return False
        body = self._unfold(request) if request.head.encoding else bytes(request.body)
        if body is None or len(body) > self._posts.body_bytes_max:
            return False
        self._senders.append(sender)
        self._bodies.append(body)
        if len(self._senders) == 1:
            self._state.start_task(asyncio.get_running_loop(), self._hand_over())
        return True

    def _unfold(self, request: Request) -> bytes | None:
        """The body with its Content-Encoding undone; None when that is not surely and quickly done."""
        try:
            unfolded = unfold_at_once(bytes(request.body), request.head.encoding, self._posts.body_bytes_max)
            if unfolded is not None:
                self._state.bodies.take(len(unfolded))
                request.leased += len(unfolded)
        except (Refused, Unavailable):
            return None  # alone it meets the same, and the app has words for it
        return unfolded

    async def _hand_over(self) -> None:
        """Begins in the next turn, when all that came in this one is there."""
        senders, self._senders = self._senders, []
        bodies, self._bodies = self._bodies, []
        answers: Sequence[WholeAnswer | None]
        try:
            answers = await self._posts.take(bodies)
        except (Refused, Unavailable):
            answers = [None] * len(senders)
        except Exception:
            log.exception("small posts failed together, each is tried alone", room=self._room, posts=len(senders))
            answers = [None] * len(senders)
        self._answer(senders, answers)

    def _answer(self, senders: Sequence[Poster], answers: Sequence[WholeAnswer | None]) -> None:
        written: dict[tuple[int, bool], bytes] = {}
        now_s = time.monotonic()
        for sender, answer in zip(senders, answers, strict=True):
            if answer is None:
                sender.go_alone()
                continue
            form = (id(answer), sender.last)
            if form not in written:
                written[form] = self._written(answer, keep_alive=not sender.last)
            self._state.meter.answered(self._room, answer[0], now_s - sender.begun_s)
            sender.answer(written[form])

    def _written(self, answer: WholeAnswer, keep_alive: bool) -> bytes:
        status, headers, body = answer
        head, *_ = answer_head(
            status,
            headers,
            self._state.date_line,
            bodiless=False,
            http_1_0=False,
            keep_alive=keep_alive,
            body_bytes=len(body),
        )
        return head + body
