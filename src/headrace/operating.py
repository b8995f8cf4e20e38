"""What an operator asks of a running server: a backup, a seal. From this machine only, and not from a web page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headrace.errors import Unavailable
from headrace.store.embedded.backups.label import Backup, CannotBackUp
from headrace.store.embedded.scrubbing.counted import CountedFile

OPERATING_PREFIX = "/api/headrace/"

BACKUP_PATH = OPERATING_PREFIX + "v1/backup"
SEAL_PATH = OPERATING_PREFIX + "v1/seal"
SEGMENTS_PATH = OPERATING_PREFIX + "v1/segments"

Answer = Callable[[Request], Awaitable[Response]]


class Operated(Protocol):
    """The store, as far as it is needed here (store.embedded.store.EmbeddedStore)."""

    def back_up(self, place: Path) -> Backup:
        """See EmbeddedStore."""
        ...

    async def seal(self) -> int:
        """See EmbeddedStore."""
        ...

    def files(self) -> list[CountedFile]:
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
        return JSONResponse({"target": wanted.target, **asdict(taken)})

    async def seal(_request: Request) -> Response:
        return JSONResponse({"sealed_through": await store.seal()})

    async def segments(_request: Request) -> Response:
        return JSONResponse({"files": [_told(one) for one in await asyncio.to_thread(store.files)]})

    return [
        Route(BACKUP_PATH, _for_operators(backup), methods=["POST"]),
        Route(SEAL_PATH, _for_operators(seal), methods=["POST"]),
        Route(SEGMENTS_PATH, _for_operators(segments), methods=["GET"]),
    ]


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
