"""Our own pages beside the rooms: `/` says what is where, `/health` whether points are taken, `/metrics` the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from headrace import __version__, metrics
from headrace.about import About, Example, table
from headrace.access.deeds import Deed, deed_of_method
from headrace.errors import RETRY_AFTER_S, Refused
from headrace.operating import OPERATING_PREFIX
from headrace.transport import Room, alike

OURS = (
    Example("GET /health", "200 while points are taken, 503 with the reason while not"),
    Example("GET /metrics", "for Prometheus"),
    Example("POST /api/headrace/v1/backup", "for headrace backup, from this machine"),
    Example("POST /api/headrace/v1/seal", "for headrace seal, from this machine"),
    Example("POST /api/headrace/v1/verify", "for headrace verify, from this machine"),
    Example("GET /api/headrace/v1/segments", "files, and when each was last seen whole"),
)


def start_page(rooms: Sequence[About]) -> str:
    """What `/` says: how points come in and out by each room, in the rooms' own words."""
    return (
        f"headrace {__version__}: a durable time-series server that existing writers talk to unchanged.\n"
        f"\nPoints in\n{table(example for room in rooms for example in room.send)}"
        f"\nPoints out\n{table(example for room in rooms for example in room.ask)}"
        f"\nThe server itself\n{table(OURS)}"
    )


def status_room(
    refusing: Callable[[], str | None],
    damaged: Callable[[], list[str]],
    numbers: metrics.Metrics,
    rooms: Sequence[About],
    operating: Sequence[Route] = (),
    stale_certificates: Callable[[], list[str]] = list,
    outranked: Callable[[], list[str]] = list,
    tokens: Callable[[], list[str]] = list,
) -> Room:
    """The room of our own pages. refusing: why the store takes no points at present, None while it does.
    damaged: what was set aside, a sentence each.   rooms: what the others say of themselves.
    operating: what else is at paths below OPERATING_PREFIX.   stale_certificates: listeners whose new certificate is
    not in use, since its files cannot be used.   outranked: settings in whose place something else holds, a sentence
    each.   tokens: why those that are made while it runs cannot be read, a sentence."""
    page = start_page(rooms)

    async def welcome(request: Request) -> Response:
        return PlainTextResponse(page)

    async def health(request: Request) -> Response:
        reason = refusing()
        told = {
            "damaged": damaged(),
            "stale_certificates": stale_certificates(),
            "outranked_settings": outranked(),
            "tokens": tokens(),
        }
        found = {name: sentences for name, sentences in told.items() if sentences}
        if reason is None:
            return JSONResponse({"status": "ok", "version": __version__, **found})
        body = {"status": "refusing writes", "reason": reason, "version": __version__, **found}
        return JSONResponse(body, status_code=503, headers={"Retry-After": str(RETRY_AFTER_S)})

    async def scrape(request: Request) -> Response:
        return Response(numbers.render(), media_type=metrics.CONTENT_TYPE)

    routes = [Route("/", welcome), Route("/health", health), Route("/metrics", scrape), *operating]
    return Room("headrace", ("/", OPERATING_PREFIX), Starlette(routes=routes), alike(refuse), deed=deed_of)


def deed_of(scope: Scope) -> Deed:
    """What a request does (transport.Room)."""
    path: str = scope["path"]
    if path.lower().startswith(OPERATING_PREFIX):
        return "admin"
    return "open" if path in ("/", "/health") else deed_of_method(scope["method"])


def refuse(status: int, refusal: Refused) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Plain JSON, for requests that belong to no dialect."""
    body = json.dumps({"error": refusal.detail}).encode()
    return status, [(b"content-type", b"application/json")], body
