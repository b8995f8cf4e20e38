"""How this dialect says what went wrong: OpenTSDB's envelope, and its words for a point.

{"error":{"code":400,"message":"...","details":"..."}}; clients show the message, then the details.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.model.cut_text import cut
from headrace.protocols.opentsdb.names import ILLEGAL_CHARACTER

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
"""Status, headers, body."""

JSON_TYPE: Final = (b"content-type", b"application/json; charset=UTF-8")
TEXT_TYPE: Final = (b"content-type", b"text/plain; charset=UTF-8")

_CALLBACK = re.compile(r"[A-Za-z_$][\w$.\[\]]*", re.ASCII)
"""What `jsonp` may name. OpenTSDB takes any text, which lets a link run a stranger's script."""


def answer(status: int, body: bytes, callback: str = "") -> Answer:
    """A JSON answer; as `callback(body)` when the request asked by `jsonp`."""
    return status, [JSON_TYPE], b"%s(%s)" % (callback.encode(), body) if callback else body


def envelope(status: int, message: str, details: str = "") -> bytes:
    """The body of every refused request."""
    error: dict[str, int | str] = {"code": status, "message": message}
    if details:
        error["details"] = details
    return msgspec.json.encode({"error": error})


def refuse(status: int, refused: Refused, callback: str = "") -> Answer:
    """A request that fails as a whole. The transport asks too: before this room's app was reached, and for what it
    raised."""
    return answer(status, envelope(status, refused.detail, refused.at), callback)


def unavailable(error: Unavailable, counts: bytes = b"", callback: str = "") -> Answer:
    """503 and when to send again. counts: the body that a flag asks for; the envelope without."""
    body = counts or envelope(503, f"Storage exception: {error.reason}")
    status, headers, body = answer(503, body, callback)
    return status, [*headers, (b"retry-after", b"%d" % error.retry_after_s)], body


def method_not_allowed(method: str) -> Answer:
    """405 (OpenTSDB: HttpQuery)."""
    details = f"The HTTP method [{shown(method)}] is not permitted for this endpoint"
    return answer(405, envelope(405, "Method not allowed", details))


def endpoint_not_found() -> Answer:
    """404 (OpenTSDB: RpcHandler)."""
    return answer(404, envelope(404, "Endpoint not found", "The requested endpoint was not found"))


def version_too_high(version: int) -> Answer:
    """501 (OpenTSDB: HttpQuery.explodeAPIPath)."""
    message = "Requested API version is greater than the max implemented"
    return answer(501, envelope(501, message, f"API version [{version}] is greater than the max [1]"))


def callback_of(name: str) -> str:
    """The checked value of the parameter `jsonp`. Raises Refused (rule "jsonp")."""
    if name and not _CALLBACK.fullmatch(name):
        raise Refused("jsonp", "Invalid jsonp callback", shown(name))
    return name


def shown(text: str) -> str:
    """A text of the sender's as an error repeats it: cut when it is very long."""
    return cut(text, limits.OPENTSDB_SHOWN_TEXT_MAX, "…")


def infinite_value(value: float, metric: str, stamp: int) -> str:
    """A double that overflows (OpenTSDB: TSDB.addPoint)."""
    infinity = "-Infinity" if value < 0 else "Infinity"
    return f"value is NaN or Infinite: {infinity} for metric={shown(metric)} timestamp={stamp}"


def bad_timestamp(stamp: int, value: str, metric: str, tags: Mapping[str, str | None]) -> str:
    """A number that is no time (OpenTSDB: TSDB.checkTimestampAndTags)."""
    return (
        f"bad timestamp={stamp} when trying to add value={shown(value)} to metric={shown(metric)}, tags={_listed(tags)}"
    )


def refused_name(refused: Refused, metric: str, tags: Mapping[str, str | None]) -> str:
    """The gate's refusal of a name (gate.RuleSet.check) in the words of OpenTSDB's
    IncomingDataPoints.checkMetricAndTags.

    tags: as sent, None for a null. Rules without a counterpart there keep the gate's words.
    """
    key = refused.at
    match refused.rule:
        case "tags-missing":
            return f"Need at least one tag (metric={shown(metric)}, tags={{}})"
        case "tags-too-many":
            return f"Too many tags: {len(tags)} maximum allowed: {limits.OPENTSDB_TAGS_MAX}, tags: {_listed(tags)}"
        case "metric-character":
            return _illegal("metric name", metric)
        case "tag-key-empty":
            return f"Invalid tag name with value [{shown(tags[''] or '')}]: empty string"
        case "tag-key-character":
            key = next(key for key in sorted(tags) if ILLEGAL_CHARACTER.search(key))
            return _illegal(f"tag name with value [{shown(tags[key] or '')}]", key)
        case "tag-value-empty":
            return f"Invalid tag value with key [{shown(key)}]: {'null' if tags[key] is None else 'empty string'}"
        case "tag-value-character":
            return _illegal(f"tag value with key [{shown(key)}]", tags[key] or "")
        case _:
            return refused.detail


def _illegal(what: str, text: str) -> str:
    bad = ILLEGAL_CHARACTER.search(text)
    return f'Invalid {what} ("{shown(text)}"): illegal character: {bad.group() if bad else ""}'


def _listed(tags: Mapping[str, str | None]) -> str:
    """As Java prints a map."""
    return "{" + shown(", ".join(f"{key}={'null' if tag is None else tag}" for key, tag in tags.items())) + "}"
