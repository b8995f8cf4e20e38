"""The paths of this room. A write is plain ASGI with as few steps as possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.access.deeds import Deed, Deeds, declared
from headrace.errors import Refused
from headrace.intake import refused_whole
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.endpoints import Endpoint
from headrace.protocols.kairosdb.faults import Answer
from headrace.protocols.kairosdb.writing.write import DatapointsService
from headrace.transport.http.body import read_body
from headrace.transport.senders import sender_of

ROOT: Final = "/api/v1/"

PREFIXES: Final = tuple(
    ROOT + name
    for name in (
        "datapoints",
        "metric/",
        "metricnames",
        "tagnames",
        "tagvalues",
        "version",
        "health",
        "features",
        "metadata",
        "rollups",
        "admin",
    )
)
"""What this room owns below /api/v1/; all else there is OpenTSDB's."""

SMALL_WRITES: Final = ("/api/v1/datapoints",)
"""How agents spell a write. Small ones go the short way; in any other spelling, through the app."""

GZIP_TYPES: Final = frozenset((b"application/gzip",))


class KairosDBApp:
    """The paths of this room, as an ASGI app. What it raises (Refused, Unavailable), the transport's router has
    worded."""

    def __init__(
        self,
        writes: DatapointsService,
        questions: Mapping[str, ASGIApp],
        endpoints: Mapping[str, Endpoint],
        body_bytes_max: int,
    ) -> None:
        """questions, endpoints: all but the writing of points, by path below ROOT; one that ends with a slash holds for
        all below it."""
        self._writes = writes
        self._questions = questions
        self._endpoints = endpoints
        self._body_bytes_max = body_bytes_max

    @property
    def paths(self) -> list[str]:
        """All below ROOT but the writing of points."""
        return [*self._questions, *self._endpoints]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = _below(scope["path"])
        if path == "datapoints":
            await _send(send, await self._write(scope, receive))
        elif path in self._questions:
            await self._questions[path](scope, receive, send)
        elif endpoint := self._endpoints.get(path) or self._endpoints.get(path.partition("/")[0] + "/"):
            await _send(send, await endpoint.answer(scope, receive))
        else:
            await _send(send, faults.not_found(scope["path"]))

    async def _write(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return faults.method_not_allowed("POST")
        sender = sender_of(scope)
        try:
            body = await read_body(scope, receive, self._body_bytes_max, GZIP_TYPES)
        except Refused as refused:
            self._writes.refuse(refused_whole(refused, sender))
            raise
        return await self._writes.write(body, sender)


DEEDS: Final[Deeds] = {
    "datapoints": "write",
    # One that saves what it reads asks guard.demand, too; so does a roll-up that is computed again.
    **dict.fromkeys(("datapoints/query", "datapoints/query/tags"), "read"),
    **dict.fromkeys(("datapoints/delete", "metric/"), "delete"),
    **dict.fromkeys(("health/check", "health/status"), "open"),
    **dict.fromkeys(("version", "metricnames", "tagnames", "tagvalues", "features", "features/"), "read"),
    "metadata/": {"GET": "read", "POST": "write", "DELETE": "delete"},
    "rollups": {"GET": "read", "POST": "write"},
    "rollups/": {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "write"},
    "admin/runningqueries": "admin",
}
"""What a request does, by path below ROOT as in KairosDBApp."""


def deed_of(scope: Scope) -> Deed:
    """What a request does (transport.Room)."""
    return declared(DEEDS, _below(scope["path"]), scope["method"])


def _below(path: str) -> str:
    """What of a path stands below ROOT. One slash at its end means nothing."""
    return path.removeprefix(ROOT).removesuffix("/")


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
