"""How a reading endpoint is asked and answers: GET and POST alike, wrapped for jsonp, as gzip, whole or streamed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, Protocol
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.errors import Refused
from headrace.protocols.opentsdb.faults import JSON_TYPE, TEXT_TYPE, Answer, callback_of, method_not_allowed, refuse
from headrace.rules import Rule
from headrace.transport import Refuse
from headrace.transport.guarding.guard import demand_script
from headrace.transport.http import streaming
from headrace.transport.http.body import read_question

BAD_REQUESTS: Final[tuple[Rule, ...]] = (
    # The request
    *("bad-compression", "body-empty", "body-incomplete", "charset", "json"),
    *("jsonp", "method-override", "unsupported-encoding"),
    # Names of series
    *("metric-character", "metric-empty", "name-too-long"),
    *("request-names", "series-bytes", "series-limit", "series-rate"),
    *("tag-duplicate", "tag-invalid", "tag-key-character", "tag-key-empty", "tag-value-character", "tag-value-empty"),
    *("tags-missing", "tags-too-many"),
    # Points
    *("no-points", "null-point", "points", "sync-timeout", "timestamp", "timestamp-invalid", "timestamp-range"),
    *("value-empty", "value-infinite", "value-number", "value-too-long"),
    # What is asked for
    *("metric-missing", "metric-unknown", "metrics-differ", "queries-missing"),
    *("series-unknown", "tsuid", "tsuids-missing"),
    *("expression", "fields-missing", "filter", "m", "regexp"),
    # When
    *("back-scan", "calendar", "date", "duration", "end", "start-missing", "time", "timezone"),
    # What is made of it
    *("aggregator", "downsample", "infinite", "limit", "rate", "value-condition", "value-kind"),
    # Other endpoints
    *("delete", "dump-meta", "lookup", "suggest", "ttl", "uid"),
)
"""What is a 400 here."""

STATUS_OF_RULE: Final[Mapping[Rule, int]] = {
    **dict.fromkeys(BAD_REQUESTS, 400),
    "body-too-large": 413,
    "query-points": 413,
    "query-work": 413,
    "query-time": 413,
    "name-unknown": 404,
    "annotation-unknown": 404,
    "not-implemented": 501,
    "read-only": 403,
    "web-page": 403,
    "permission-missing": 403,
}
"""HTTP status of a refused question, for each rule that this room can meet (tests/test_rules.py)."""

READING = ("GET", "POST")
"""GET and POST everywhere: Alibaba's clients POST nearly all."""

Parameters = Mapping[str, list[str]]


class Reply(streaming.Reply):
    """A JSON answer, wrapped for jsonp where the request names a callback."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, callback: str) -> None:
        opening, closing = (callback.encode() + b"(", b")") if callback else (b"", b"")
        super().__init__(scope, receive, send, [JSON_TYPE], opening, closing)
        self._asked = scope, receive, send

    def plain(self) -> streaming.Reply:
        """For an answer that is plain text: no callback wraps it."""
        return streaming.Reply(*self._asked, [TEXT_TYPE])


class Handler(Protocol):
    """One endpoint: asked with the parameters of the URL and the body of a POST, it replies or raises Refused."""

    async def __call__(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """Answer one request."""
        ...


ReadsBody = Callable[[Scope, Receive, int], Awaitable[bytes]]
"""read_body or read_question."""


def endpoint(
    handler: Handler,
    body_bytes_max: int,
    methods: Collection[str] = READING,
    read: ReadsBody = read_question,
    words: Refuse | None = None,
) -> ASGIApp:
    """The handler as an app. It words Refused itself; Unavailable and Corrupt go up to the transport.

    read: read_body for one that bounds the items of its body by itself.   words: for Refused; None: the envelope of
    this dialect, also for a callback.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        callback = ""
        try:
            if scope["method"] not in methods:
                await _send(send, method_not_allowed(scope["method"]))
                return
            parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            asked = callback_of(parameters.get("jsonp", [""])[0])
            if asked:
                demand_script(scope)
            callback = asked
            body = await read(scope, receive, body_bytes_max)
            await handler(scope, parameters, body, Reply(scope, receive, send, callback))
        except Refused as refused:
            status = STATUS_OF_RULE[refused.rule]
            await _send(send, words(scope, status, refused) if words else refuse(status, refused, callback))

    return app


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
