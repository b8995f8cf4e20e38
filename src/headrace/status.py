"""Our own pages beside the rooms: `/` says what is where, `/health` whether points are taken, `/metrics` the rest."""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from headrace import __version__, metrics
from headrace.errors import RETRY_AFTER_S, Refused
from headrace.transport import Room, alike

WELCOME = f"""headrace {__version__}: a durable time-series server that existing writers talk to unchanged.

Points in
  POST /api/put                                  OpenTSDB and Alibaba TSDB, JSON
  POST /api/v1/datapoints                        KairosDB, JSON
  POST /apollo/devices/<id>/timeseries/samples   Johnson Controls Apollo
  aws datazone --endpoint-url <this address>     Amazon DataZone's time series
  telnet, this port                              put <metric> <time> <value> <tag>=<value> ...
Points out
  GET or POST /api/query                         OpenTSDB queries; Grafana: data source "OpenTSDB", this address
  POST /api/v1/datapoints/query                  KairosDB queries
  GET /api/suggest?type=metrics                  names; KairosDB: /api/v1/metricnames
The server itself
  GET /health                                    200 while points are taken, 503 with the reason while not
  GET /metrics                                   for Prometheus
"""


def status_room(refusing: Callable[[], str | None], damaged: Callable[[], list[str]], numbers: metrics.Metrics) -> Room:
    """The room of our own pages. refusing: why the store takes no points at present, None while it does.
    damaged: what was set aside, a sentence each."""

    async def welcome(request: Request) -> Response:
        return PlainTextResponse(WELCOME)

    async def health(request: Request) -> Response:
        reason = refusing()
        found = {"damaged": damage} if (damage := damaged()) else {}
        if reason is None:
            return JSONResponse({"status": "ok", "version": __version__, **found})
        body = {"status": "refusing writes", "reason": reason, "version": __version__, **found}
        return JSONResponse(body, status_code=503, headers={"Retry-After": str(RETRY_AFTER_S)})

    async def scrape(request: Request) -> Response:
        return Response(numbers.render(), media_type=metrics.CONTENT_TYPE)

    routes = [Route("/", welcome), Route("/health", health), Route("/metrics", scrape)]
    return Room("headrace", ("/",), Starlette(routes=routes), alike(refuse))


def refuse(status: int, refusal: Refused) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Plain JSON, for requests that belong to no dialect."""
    body = json.dumps({"error": refusal.detail}).encode()
    return status, [(b"content-type", b"application/json")], body
