"""The reading endpoints: query, suggest, version, aggregators, config/filters. Queries run in a pool; the loop stays
free."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs

import msgspec
from isal import isal_zlib
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace import __version__, limits
from headrace.errors import Refused, Unavailable
from headrace.model.query import Fill
from headrace.protocols.opentsdb.faults import JSON_TYPE, Answer, callback_of, method_not_allowed, refuse, shown
from headrace.protocols.opentsdb.read_answer import Element, common_tags, pieces
from headrace.protocols.opentsdb.read_filters import described
from headrace.protocols.opentsdb.read_question import Question, question
from headrace.protocols.opentsdb.read_wire import query_of_body, query_of_parameters
from headrace.query import engine
from headrace.query.functions import AGGREGATORS
from headrace.store import Snapshot
from headrace.transport.body import GZIP_WBITS, accepts_gzip, gzipped, read_body

STATUS_OF_RULE = {"body-too-large": 413, "query-points": 413, "query-work": 413, "not-implemented": 501}
"""HTTP status of a refused question; every other rule is a 400."""

SUGGEST_MAX_DEFAULT = 25
"""OpenTSDB: SuggestRpc."""

T = TypeVar("T")
Parameters = Mapping[str, list[str]]


class Reads(Protocol):
    """What reading needs of a store (store.Store)."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Pin what is visible now."""
        ...

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """At most `limit` names that start with `prefix`, sorted."""
        ...


def read_endpoints(store: Reads, query_pool: Executor, body_bytes_max: int) -> dict[str, ASGIApp]:
    """The reading endpoints by their path below /api/. Queries and suggestions run in `query_pool`.

    They word Refused themselves; Unavailable and Corrupt go up to the transport.
    """
    reader = Reader(store, query_pool)

    async def query(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        said = query_of_body(body) if scope["method"] == "POST" else query_of_parameters(parameters)
        asked = question(said, time.time_ns() // 1_000_000)
        answer = await reader.run(lambda: reader.answer(asked, "arrays" in parameters))
        await reply.stream(answer, reader)

    async def suggest(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        role, prefix, limit = _suggestion(parameters, body if scope["method"] == "POST" else None)
        names = await reader.run(lambda: store.suggest(role, prefix, limit))
        await reply.whole(msgspec.json.encode(names))

    async def version(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        await reply.whole(VERSION)

    async def aggregators(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        await reply.whole(msgspec.json.encode(list(AGGREGATORS)))

    async def config_filters(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        await reply.whole(msgspec.json.encode(described()))

    handlers = {
        "query": query,
        "suggest": suggest,
        "version": version,
        "aggregators": aggregators,
        "config/filters": config_filters,
    }
    return {path: _endpoint(handler, body_bytes_max) for path, handler in handlers.items()}


VERSION = msgspec.json.encode(
    {
        "version": f"2.4.0-headrace-{__version__}",
        "short_revision": "",
        "full_revision": "",
        "timestamp": "0",
        "repo_status": "MODIFIED",
        "user": "headrace",
        "host": "",
        "repo": "",
        "branch": "",
    }
)
"""Clients read the first number to learn what they may ask: the dialect of OpenTSDB 2.4."""


class Reader:
    """Runs questions against snapshots of the store, on threads of a pool, a bounded number at a time."""

    def __init__(self, store: Reads, pool: Executor) -> None:
        self._store = store
        self._pool = pool
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` in the pool. Raises Unavailable when limits.QUERIES_WAITING_MAX already run or wait."""
        if self._waiting >= limits.QUERIES_WAITING_MAX:
            raise Unavailable("too many queries are waiting")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    async def next_of(self, chunks: Iterator[bytes]) -> bytes:
        """The next chunk of an answer that is under way, b"" after the last."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, next, chunks, b"")

    def answer(self, asked: Question, in_arrays: bool) -> tuple[bytes, Iterator[bytes]]:
        """Run all sub-queries on one snapshot; the first chunk of the answer, and the others. On a thread of the
        pool."""
        began = time.perf_counter()
        elements: list[Element] = []
        with self._store.snapshot() as snapshot:
            for part in asked.parts:
                fill = part.query.downsampling.fill if part.query.downsampling is not None else Fill.NONE
                try:
                    for result in engine.run(snapshot, part.query):
                        tags, differing = common_tags(snapshot.names(result.series))
                        metric = part.query.selection.metric
                        head: dict[str, Any] = {"metric": metric, "tags": tags, "aggregateTags": differing}
                        if asked.show_query:
                            head["query"] = part.echo
                        elements.append(Element(head, result.times, result.values, fill))
                except Refused as refused:
                    raise _in_our_words(refused) from refused
        summary = None
        if asked.show_summary:
            points = sum(len(element.times) for element in elements)
            summary = {"emittedDPs": points, "totalTime": round((time.perf_counter() - began) * 1000, 3)}
        chunks = _joined(pieces(elements, asked.in_ms, in_arrays, summary))
        return next(chunks), chunks


def _in_our_words(refused: Refused) -> Refused:
    if refused.rule == "metric-unknown":
        return Refused(refused.rule, f"No such name for 'metrics': '{shown(refused.detail)}'")
    return refused


def _joined(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of about limits.OPENTSDB_ANSWER_CHUNK_BYTES."""
    gathered: list[bytes] = []
    length = 0
    for part in parts:
        gathered.append(part)
        length += len(part)
        if length >= limits.OPENTSDB_ANSWER_CHUNK_BYTES:
            yield b"".join(gathered)
            gathered, length = [], 0
    if gathered:
        yield b"".join(gathered)


class Reply:
    """Writes one answer: wrapped for jsonp and as gzip where the client asks for it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, callback: str) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._callback = callback.encode()

    async def whole(self, body: bytes) -> None:
        """A JSON answer that is there as a whole."""
        if self._callback:
            body = b"%b(%b)" % (self._callback, body)
        headers = [JSON_TYPE]
        if len(body) >= limits.OPENTSDB_GZIP_BYTES_MIN and accepts_gzip(self._scope):
            body = gzipped(body)
            headers.append((b"content-encoding", b"gzip"))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def stream(self, answer: tuple[bytes, Iterator[bytes]], reader: Reader) -> None:
        """An answer in chunks that are made while it is being sent; stops making them when the client has gone."""
        chunk, chunks = answer
        following = await reader.next_of(chunks)
        if not following:
            await self.whole(chunk)
            return
        headers = [JSON_TYPE]
        packing = isal_zlib.compressobj(1, wbits=GZIP_WBITS) if accepts_gzip(self._scope) else _AsItIs()
        if not isinstance(packing, _AsItIs):
            headers.append((b"content-encoding", b"gzip"))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(self._client_leaves())
        try:
            opening, closing = (self._callback + b"(", b")") if self._callback else (b"", b"")
            await self._more(packing.compress(opening + chunk))
            while following and not (gone.done() and gone.result()):
                await self._more(packing.compress(following))
                following = await reader.next_of(chunks)
            await self._send({"type": "http.response.body", "body": packing.compress(closing) + packing.flush()})
        finally:
            gone.cancel()

    async def _client_leaves(self) -> bool:
        message = await self._receive()
        return bool(message["type"] == "http.disconnect")

    async def _more(self, body: bytes) -> None:
        if body:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})


class _AsItIs:
    """A compressor that does nothing."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class Handler(Protocol):
    """One endpoint: asked with the parameters of the URL and the body of a POST, it replies or raises Refused."""

    async def __call__(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """Answer one request."""
        ...


def _endpoint(handler: Handler, body_bytes_max: int) -> ASGIApp:
    """GET and POST everywhere: Alibaba's clients POST nearly all."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        callback = ""
        try:
            if scope["method"] not in ("GET", "POST"):
                await _send(send, method_not_allowed(scope["method"]))
                return
            parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            callback = callback_of(parameters.get("jsonp", [""])[0])
            body = await read_body(scope, receive, body_bytes_max)
            await handler(scope, parameters, body, Reply(scope, receive, send, callback))
        except Refused as refused:
            await _send(send, refuse(STATUS_OF_RULE.get(refused.rule, 400), refused, callback))

    return app


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Suggestion(msgspec.Struct):
    type: str | None = None
    q: str | None = None
    max: int | str | None = None


def _suggestion(parameters: Parameters, body: bytes | None) -> tuple[str, str, int]:
    """(role, prefix, limit) of a question to suggest. body: None for a GET. Raises Refused."""
    if body:
        try:
            said = msgspec.json.decode(body, type=_Suggestion)
        except msgspec.DecodeError as error:
            raise Refused("json", "Unable to parse the given JSON", str(error)) from error
    else:
        said = _Suggestion(*(parameters.get(name, [""])[0] for name in ("type", "q", "max")))
    if not said.type:
        raise Refused("suggest", "Missing parameter <code>type</code>" if body is None else "Missing 'type' parameter")
    if said.type not in ("metrics", "tagk", "tagv"):
        raise Refused("suggest", f"Invalid 'type' parameter:{shown(said.type)}")
    limit = str(said.max) if said.max not in (None, "") else str(SUGGEST_MAX_DEFAULT)
    if not re.fullmatch(r"[0-9]{1,9}", limit, re.ASCII):
        raise Refused("suggest", "Unable to parse 'max' as a number")
    return said.type, said.q or "", min(int(limit), limits.OPENTSDB_SUGGEST_MAX)
