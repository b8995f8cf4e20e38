"""One ASGI application out of all rooms: finds the room of a path, and has the room word what its app raises."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson
import structlog
from starlette.types import Message, Receive, Scope, Send

from headrace.access.authority import scheme_of
from headrace.errors import Corrupt, Refused, Unavailable
from headrace.rules import Rule
from headrace.transport import Room

log = structlog.get_logger(__name__)

BAD_REQUESTS: Final[tuple[Rule, ...]] = (
    *("bad-compression", "bad-request", "body-incomplete"),
    # What an app lets through of names and questions. A room with another status for them answers them itself.
    *("metric-character", "metric-empty", "name-too-long", "tag-key-character", "tag-key-empty"),
    *("tag-value-character", "tag-value-empty", "tags-missing", "tags-too-many"),
    *("request-names", "series-bytes", "series-limit", "series-rate"),
    *("duration", "query-points"),
)

STATUS_OF_RULE: Final[Mapping[Rule, int]] = {
    **dict.fromkeys(BAD_REQUESTS, 400),
    "not-found": 404,
    "body-too-large": 413,
    "header-too-large": 431,
    "request-timeout": 408,
    "unsupported-encoding": 415,
    "read-only": 403,
    "web-page": 403,
    "credentials-missing": 401,
    "credentials-invalid": 401,
    "credentials-slowed": 429,
    "permission-missing": 403,
}
"""HTTP status of a refusal that the transport itself makes, or that a room's app lets through. A rule of a room's own
is a 400 here: what else it is, that room says where it answers it, or in its `refuse`."""


_TOKEN: Final = (b"www-authenticate", b'Bearer realm="headrace"')
_WRONG_TOKEN: Final = (b"www-authenticate", b'Bearer realm="headrace", error="invalid_token"')
_TOKEN_FOR_OTHERS: Final = (b"www-authenticate", b'Bearer realm="headrace", error="insufficient_scope"')
_PASSWORD: Final = (b"www-authenticate", b'Basic realm="headrace", charset="UTF-8"')


class Answer(NamedTuple):
    """A whole HTTP answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Router:
    """Joins rooms by path prefix. The longest prefix wins, compared in lower case; what none owns is a 404. A prefix
    that does not end with a slash owns its own path and what is below it: /q is no prefix of /quick."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        by_prefix = [(prefix, room) for room in rooms for prefix in room.prefixes]
        longest_first = sorted(by_prefix, key=lambda entry: len(entry[0]), reverse=True)
        self._rooms = [(prefix, prefix.removesuffix("/") + "/", room) for prefix, room in longest_first]
        assert len({prefix for prefix, _ in by_prefix}) == len(by_prefix), "no two rooms own the same prefix"
        assert all(prefix == prefix.lower() for prefix, _ in by_prefix), "prefixes are lower case"

    def room_for(self, path: str) -> Room | None:
        """The room that owns `path` (percent-decoded), or None."""
        lowered = path.lower()
        for prefix, below, room in self._rooms:
            if lowered == prefix or lowered.startswith(below):
                return room
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Sets scope["headrace.room"] to the name of the room, or "" if there is none."""
        path: str = scope["path"]
        room = self.room_for(path)
        if room is None:
            scope["headrace.room"] = ""
            await _send(send, _plain(404, Refused("not-found", f"nothing is at {path}")))
            return
        scope["headrace.room"] = room.name
        begun = False

        async def send_on(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await room.app(scope, receive, send_on)
        except (Refused, Unavailable) as fault:
            if begun:
                raise  # too late for words: the connection is cut, so that a half answer is not taken for a whole one
            await _send(send, answer_fault(room, scope, fault))
        except Exception as fault:
            request_id = secrets.token_hex(8)
            log.exception("request failed", request_id=request_id, room=room.name, method=scope["method"], path=path)
            if begun:
                raise
            answer = _worded(room, scope, 500, Refused("internal-error", _without_secrets(fault, request_id)))
            answer.headers.append((b"x-request-id", request_id.encode()))
            await _send(send, answer)

    def refuse(self, scope: Scope, fault: Refused | Unavailable) -> Answer:
        """The answer to a request that never reached an app, in the words of the room that owns its path. Names the
        room in `scope` as a call does."""
        room = self.room_for(scope["path"])
        scope["headrace.room"] = room.name if room else ""
        return answer_fault(room, scope, fault)


def _without_secrets(fault: Exception, request_id: str) -> str:
    """What a stranger may know of a fault of ours. Damage is told by the file's name: an answer without it would look
    whole."""
    what = f"internal error {type(fault).__name__}"
    if isinstance(fault, Corrupt):
        what = f"the stored file {fault.file.name} is damaged; what is asked from now on is answered without it"
    return f"{what}; the server's log has more under request id {request_id}"


def answer_fault(room: Room | None, scope: Scope, fault: Refused | Unavailable) -> Answer:
    """Word a refusal (by STATUS_OF_RULE) or unavailability (503 with Retry-After) as `room` does, or plainly for
    None."""
    if isinstance(fault, Unavailable):
        answer = _worded(room, scope, 503, Refused("unavailable", fault.reason))
        answer.headers.append((b"retry-after", b"%d" % fault.retry_after_s))
        return answer
    return _worded(room, scope, STATUS_OF_RULE.get(fault.rule, 400), fault)


def _worded(room: Room | None, scope: Scope, status: int, refusal: Refused) -> Answer:
    if room is None:
        return _plain(status, refusal)
    status, headers, body = room.refuse(scope, status, refusal)
    asked = [] if room.asks_itself else _challenges(scope, refusal)
    return Answer(status, [*headers, *asked], body)


def _challenges(scope: Scope, refusal: Refused) -> list[tuple[bytes, bytes]]:
    """What a request without credentials, or with wrong ones, is asked for (RFC 6750, section 3; RFC 7617)."""
    if refusal.rule == "credentials-missing":
        return [_TOKEN, _PASSWORD]
    had_token = scheme_of(scope["headers"]) == b"bearer"
    if refusal.rule == "credentials-invalid":
        return [_WRONG_TOKEN if had_token else _TOKEN, _PASSWORD]
    return [_TOKEN_FOR_OTHERS] if refusal.rule == "permission-missing" and had_token else []


def _plain(status: int, refusal: Refused) -> Answer:
    body = orjson.dumps({"error": {"code": status, "message": refusal.detail}})
    return Answer(status, [(b"content-type", b"application/json")], body)


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
