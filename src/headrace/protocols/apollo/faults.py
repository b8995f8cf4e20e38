"""How this dialect answers: {"status": {...}, "data": ...}. `Message` and `Code` on writes, `message` and `code` on
reads, as the pages have it; Code is a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.cut_text import cut
from headrace.rules import Rule

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
"""Status, headers, body."""

JSON_TYPE: Final = (b"content-type", b"application/json; charset=utf-8")

BAD_REQUESTS: Final[tuple[Rule, ...]] = (
    # The request
    *("bad-compression", "body-incomplete", "json", "path", "permission"),
    # Names of series
    *("metric-character", "metric-empty", "name-too-long", "tag-key-character", "tag-key-empty"),
    *("tag-value-character", "tag-value-empty", "tags-missing", "tags-too-many"),
    *("request-names", "series-bytes", "series-limit", "series-rate"),
    # Points and samples
    *("guid", "metrics-too-many", "no-points", "no-samples", "point-empty", "timestamp", "type-empty"),
    *("value-range", "value-too-long"),
    # What is asked for
    *("continuation-token", "duration", "limit", "no-ids", "orderby", "query", "time"),
)
"""What is a 400 here."""

STATUS_OF_RULE: Final[Mapping[Rule, int]] = {
    **dict.fromkeys(BAD_REQUESTS, 400),
    "token-missing": 401,
    "token-invalid": 401,
    "scope-missing": 403,
    "collection-access": 403,
    "device-access": 403,
    "read-only": 403,
    "web-page": 403,
    "credentials-slowed": 429,
    "not-found": 404,
    "series-unknown": 404,
    "method": 405,
    "body-too-large": 413,
    "too-many": 413,
    "query-points": 413,
    "query-time": 413,
    "unsupported-encoding": 415,
}
"""HTTP status of a refused request, for each rule that this room can meet (tests/test_rules.py)."""


_CHALLENGES: Final[Mapping[Rule, bytes]] = {
    "token-missing": b"Bearer",
    "token-invalid": b'Bearer error="invalid_token"',
    "scope-missing": b'Bearer error="insufficient_scope"',
}
"""Of RFC 6750, section 3."""


def correlation_of(scope: Scope) -> bytes | None:
    """The client's trace id, if it gave one that is short enough to be one."""
    for name, value in scope["headers"]:
        if name == b"x-correlation-id" and 0 < len(value) <= limits.APOLLO_CORRELATION_BYTES_MAX:
            return bytes(value)
    return None


def headers_of(scope: Scope) -> Headers:
    """Of every answer to this request."""
    correlation = correlation_of(scope)
    return [JSON_TYPE] if correlation is None else [JSON_TYPE, (b"x-correlation-id", correlation)]


def taken(scope: Scope, data: Any) -> Answer:
    """A write that is done: 202, as the pages have it, although nothing is left for later."""
    return 202, headers_of(scope), orjson.dumps({"status": {"Message": "", "Code": "202"}, "data": data})


def found(scope: Scope, data: Any) -> Answer:
    """A read that is not streamed."""
    return 200, headers_of(scope), orjson.dumps({"status": {"message": "", "code": "200"}, "data": data})


def listed(scope: Scope, data: Any) -> Answer:
    """A list of collections, whose page has a status of its own."""
    return 200, headers_of(scope), orjson.dumps({"status": {"message": "OK", "code": "OK"}, "data": data})


def refuse(scope: Scope, status: int, refused: Refused) -> Answer:
    """A request that fails, here always as a whole. The transport asks too: before this room's app was reached, and
    for what it raised."""
    said = {"message": refused.detail, "code": str(status)}
    if scope["method"] not in ("GET", "HEAD"):
        said = {name.capitalize(): text for name, text in said.items()}
    headers = headers_of(scope)
    if refused.rule in _CHALLENGES:
        headers.append((b"www-authenticate", _CHALLENGES[refused.rule]))
    elif refused.rule == "method":
        headers.append((b"allow", refused.at.encode()))
    return status, headers, orjson.dumps({"status": said, "data": {}})


def series_unknown(series_id: str) -> Refused:
    """404 for a time series that is not there, or belongs to another device."""
    return Refused("series-unknown", f"Timeseries not found: {shown(series_id)}")


def shown(text: str) -> str:
    """A text of the sender's as an error repeats it: cut when it is very long."""
    return cut(text, limits.APOLLO_SHOWN_TEXT_MAX, "...")
