"""What an operator asks of a running server: a backup, a seal, how its files are. From this machine only, and neither
from a web page nor through a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headrace.errors import HeadraceError, Unavailable
from headrace.store.embedded.backups.label import Backup, CannotBackUp
from headrace.store.embedded.backups.streams import BackupStream
from headrace.store.embedded.scrubbing.counted import CountedFile
from headrace.store.embedded.verifying_online import AlreadyVerifying, Tell, Verification
from headrace.transport.guarding.guard import note

OPERATING_PREFIX = "/api/headrace/"

BACKUP_PATH = OPERATING_PREFIX + "v1/backup"
BACKUP_TAR_PATH = OPERATING_PREFIX + "v1/backup.tar"
SEAL_PATH = OPERATING_PREFIX + "v1/seal"
SEGMENTS_PATH = OPERATING_PREFIX + "v1/segments"
VERIFY_PATH = OPERATING_PREFIX + "v1/verify"

LAST_RECORD_HEADER = "headrace-last-record"
"""Of a backup: every record of the journal up to this one is in it."""

HANDED_ON_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
"""What proxies say of whom they speak for (RFC 7239, RFC 9110, and those from before): the sender of a request that a
proxy of this machine hands on may be anybody."""

Answer = Callable[[Request], Awaitable[Response]]


class Operated(Protocol):
    """The store, as far as it is needed here (store.embedded.store.EmbeddedStore)."""

    def back_up(self, place: Path) -> Backup:
        """See EmbeddedStore."""
        ...

    def stream_backup(self) -> BackupStream:
        """See EmbeddedStore."""
        ...

    async def seal(self) -> int:
        """See EmbeddedStore."""
        ...

    def files(self) -> list[CountedFile]:
        """See EmbeddedStore."""
        ...

    def verify(self, tell: Tell) -> Verification:
        """See EmbeddedStore."""
        ...


class _BackupRequest(msgspec.Struct, forbid_unknown_fields=True):
    target: str


def operating_routes(store: Operated) -> list[Route]:
    """For status_room."""

    async def backup(request: Request) -> Response:
        try:
            wanted = msgspec.json.decode(await request.body(), type=_BackupRequest)
            taken = await asyncio.to_thread(store.back_up, Path(wanted.target))
        except msgspec.DecodeError as error:
            return _refusal(400, f'send {{"target": "an absolute path on this machine"}}: {error}')
        except CannotBackUp as hindrance:
            return _refusal(409, str(hindrance))
        note(request.scope, backed_up_into=wanted.target, last_record=taken.last_sequence)
        return JSONResponse({"target": wanted.target, **asdict(taken)})

    async def backup_tar(request: Request) -> Response:
        made = asyncio.ensure_future(asyncio.to_thread(store.stream_backup))
        try:
            stream = await asyncio.shield(made)
            note(request.scope, backed_up_into="a stream", last_record=stream.backup.last_sequence)
            return _Tar(stream)
        except asyncio.CancelledError:
            made.add_done_callback(_close_stream)
            raise

    async def seal(_request: Request) -> Response:
        return JSONResponse({"sealed_through": await store.seal()})

    async def segments(_request: Request) -> Response:
        return JSONResponse({"files": [_told(one) for one in await asyncio.to_thread(store.files)]})

    async def verify(_request: Request) -> Response:
        try:
            lines = _Lines(store.verify)
            first = await lines.next()
        except AlreadyVerifying as hindrance:
            return _refusal(409, str(hindrance))
        return _Report(lines, first)

    return [
        Route(BACKUP_PATH, _for_operators(backup), methods=["POST"]),
        Route(BACKUP_TAR_PATH, _for_operators(backup_tar), methods=["POST"]),
        Route(SEAL_PATH, _for_operators(seal), methods=["POST"]),
        Route(VERIFY_PATH, _for_operators(verify), methods=["POST"]),
        Route(SEGMENTS_PATH, _for_operators(segments), methods=["GET"]),
    ]


class _Lines:
    """What a verification tells, on the event loop."""

    def __init__(self, begin: Callable[[Tell], Verification]) -> None:
        """begin: see EmbeddedStore.verify; raises AlreadyVerifying, Unavailable."""
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[bytes | HeadraceError | None] = asyncio.Queue()
        self._verification = begin(self._tell)

    def _tell(self, line: bytes | HeadraceError | None) -> None:
        """Any thread."""
        self._loop.call_soon_threadsafe(self._told.put_nowait, line)

    async def next(self) -> bytes | None:
        """None after the last. Raises Unavailable or Corrupt when the database cannot be read at all. When it is
        cancelled the verification ends."""
        try:
            told = await self._told.get()
        except asyncio.CancelledError:
            self.end()
            raise
        if isinstance(told, HeadraceError):
            raise told
        return told

    def end(self) -> None:
        """Nobody reads on."""
        self._verification.end()


class _Report(StreamingResponse):
    """Lines of JSON, as they are told. When the client goes away the verification ends."""

    def __init__(self, lines: _Lines, first: bytes | None) -> None:
        super().__init__(self._all(first), media_type="application/x-ndjson")
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._lines.end()

    async def _all(self, line: bytes | None) -> AsyncIterator[bytes]:
        while line is not None:
            yield line + b"\n"
            line = await self._lines.next()


class _Tar(StreamingResponse):
    """A backup, whose copy goes when it is sent or the client has gone away. One that breaks off is shorter than its
    Content-Length."""

    def __init__(self, stream: BackupStream) -> None:
        told = {"content-length": str(stream.bytes), LAST_RECORD_HEADER: str(stream.backup.last_sequence)}
        super().__init__(stream.chunks(), media_type="application/x-tar", headers=told)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await asyncio.shield(asyncio.to_thread(self._stream.close))


def _close_stream(made: asyncio.Future[BackupStream]) -> None:
    """Of a stream that nobody waits for any more."""
    if not made.cancelled() and made.exception() is None:
        made.get_loop().run_in_executor(None, made.result().close)


def _told(one: CountedFile) -> dict[str, object]:
    """Times are ms since 1970 UTC."""
    known = one.seen
    failed = {"at": known.failed, "reason": known.reason, "damaged": known.damaged}
    return {
        "file": one.file,
        "bytes": one.bytes,
        "points": one.points,
        "first": one.first,
        "last": one.last,
        "seen": known.seen,
        "failed": None if known.failed is None else failed,
    }


def _for_operators(answer: Answer) -> Answer:
    """A page in a browser on this machine could post here too, but not as application/json unless we allowed it. A GET
    has no body to be of a type; a page that asks another origin says so, too."""

    async def guarded(request: Request) -> Response:
        if request.client is None or not _is_loopback(request.client.host):
            return _refusal(403, "only from the machine on which the server runs, by its loopback address")
        if any(name in request.headers for name in HANDED_ON_HEADERS):
            return _refusal(403, "not through a proxy: ask the server itself, on its machine")
        type_of_body = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and type_of_body != "application/json":
            return _refusal(415, "send it as content-type application/json")
        if "origin" in request.headers:
            return _refusal(403, "not from a web page")
        try:
            return await answer(request)
        except Unavailable as failure:
            return _refusal(503, failure.reason, {"Retry-After": str(failure.retry_after_s)})

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _refusal(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": why}, status_code=status, headers=headers)
