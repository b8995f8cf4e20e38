"""The paths of this room. They are told apart on the raw path: a device's id may hold a slash, escaped."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qs, unquote_to_bytes

import structlog
from starlette.types import Message, Receive, Scope, Send

from headrace.errors import Refused, Unavailable
from headrace.protocols.apollo import faults
from headrace.protocols.apollo.access import Access
from headrace.protocols.apollo.faults import Answer
from headrace.protocols.apollo.reading.question import parse_question
from headrace.protocols.apollo.reading.read import SampleQueries, definition
from headrace.protocols.apollo.registrations import Registrations
from headrace.protocols.apollo.writing.write import SamplesService
from headrace.transport.guarding.denials import Denials
from headrace.transport.http.body import read_body
from headrace.transport.http.streaming import Reply
from headrace.transport.senders import sender_of

log = structlog.get_logger(__name__)

PREFIXES: Final = ("/apollo/",)


class ApolloApp:
    """Everything under /apollo/, as an ASGI app. What it raises (Unavailable), the transport's router has worded."""

    def __init__(
        self,
        writes: SamplesService,
        samples: SampleQueries,
        registrations: Registrations,
        access: Access,
        denials: Denials,
        org_id: str,
        body_bytes_max: int,
    ) -> None:
        self._writes = writes
        self._samples = samples
        self._registrations = registrations
        self._access = access
        self._denials = denials
        self._org_id = org_id
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        correlation = faults.correlation_of(scope)
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        if correlation is not None:
            # Stays bound: the request is a task of its own, and what the router logs of it must bear the id too.
            structlog.contextvars.bind_contextvars(correlation_id=correlation.decode("ascii", "backslashreplace"))
        try:
            await self._respond(scope, receive, send_on)
        except Refused as refused:
            if status:
                raise
            answer = faults.refuse(scope, faults.STATUS_OF_RULE[refused.rule], refused)
            if answer[0] in (401, 403):
                # What it was made of says more: the pages have one text for all that may be wrong with a token.
                told = refused.__cause__ if isinstance(refused.__cause__, Refused) else refused
                self._denials.add(scope, refused.rule, words=told.detail)
            await _send(send_on, answer)
        except Unavailable:
            if correlation is not None:
                _tell(scope, 503)
            raise
        if correlation is not None:
            _tell(scope, status)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        match segments_of(scope["raw_path"]):
            case ["devices", device, "timeseries"] if device:
                _allow(scope, "POST")
                await _send(send, await self._register(device, scope, receive))
            case ["devices", device, "timeseries", "samples"] if device:
                _allow(scope, "GET", "POST")
                if scope["method"] == "POST":
                    await _send(send, await self._store(device, scope, receive))
                else:
                    await self._read(device, scope, receive, send)
            case ["devices", device, "timeseries", series_id] if device and series_id:
                _allow(scope, "GET")
                await _send(send, await self._definition(device, series_id, scope))
            case ["collections"] if self._access.is_asked(scope):
                _allow(scope, "GET")
                await _send(send, await self._collections(scope))
            case _:
                raise Refused("not-found", f"Nothing is at {faults.shown(scope['path'])}")

    async def _register(self, device: str, scope: Scope, receive: Receive) -> Answer:
        caller = await self._access.caller(scope, writes=True)
        body = await read_body(scope, receive, self._body_bytes_max)
        return faults.taken(scope, await self._writes.register(device, caller, body))

    async def _store(self, device: str, scope: Scope, receive: Receive) -> Answer:
        caller = await self._access.caller(scope, writes=True)
        body = await read_body(scope, receive, self._body_bytes_max)
        await self._writes.store(device, caller, body, sender_of(scope))
        return faults.taken(scope, {})

    async def _read(self, device: str, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await self._access.caller(scope, writes=False)
        await receive()  # its body, which means nothing; what comes next says that the client has gone
        question = parse_question(device, scope["query_string"])
        token = next((value for name, value in scope["headers"] if name == b"continuationtoken" and value), None)
        reply = Reply(scope, receive, send, faults.headers_of(scope))
        await self._samples.read(question, caller, token, reply)

    async def _definition(self, device: str, series_id: str, scope: Scope) -> Answer:
        caller = await self._access.caller(scope, writes=False)
        found = await asyncio.to_thread(definition, self._registrations, device, series_id, caller, self._org_id)
        return faults.found(scope, found)

    async def _collections(self, scope: Scope) -> Answer:
        parameters = parse_qs(scope["query_string"].decode("latin-1"))
        least = parameters.get("minPermission", ["readonly"])[-1]
        return faults.listed(scope, await self._access.collections(scope, least))


def segments_of(raw_path: bytes) -> list[str]:
    """What stands between the slashes below /apollo/, each part decoded once; one slash at the end means nothing.
    Raises Refused (rule "path")."""
    try:
        parts = [unquote_to_bytes(part).decode() for part in raw_path.removesuffix(b"/").split(b"/")]
    except UnicodeDecodeError:
        raise Refused("path", "the path is not percent-encoded UTF-8") from None
    return parts[2:]


def _allow(scope: Scope, *methods: str) -> None:
    """Raises Refused (rule "method") for any but these; HEAD is a GET without a body."""
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    if method not in methods:
        raise Refused("method", f"Method {method} is not allowed here", ", ".join(methods))


def _tell(scope: Scope, status: int) -> None:
    """The line of a request that asked for one by its x-correlation-id."""
    tell = log.debug if status < 300 else log.info
    # As it was sent: decoded, a path may have lines of its own.
    path = scope["raw_path"].decode("ascii", "backslashreplace")
    tell("request", method=scope["method"], path=path, status=status)


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
