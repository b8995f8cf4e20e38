"""What an answer of /api/put says: of the whole, and of each point that it refuses."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from oracles.comparing.asking import Answer

UNPARSABLE = "Unable to parse the given JSON"
SOME_REFUSED = "One or more data points had errors"


class Named(NamedTuple):
    """A refused point, as an answer with details shows it."""

    echo: Any
    error: str


class Shape(NamedTuple):
    """All that an answer says of no point in particular."""

    status: int
    content_type: str
    callback: bool
    said: str


def body_of(answer: Answer) -> Any:
    """Its JSON, also in a callback `f`; numbers as they are spelled; None where there is none."""
    text = answer.body.decode(errors="replace").strip()
    if text.startswith("f(") and text.endswith(")"):
        text = text[2:-1]
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except ValueError:
        return None


def whole_refusal(answer: Answer) -> str | None:
    """The message of an answer that refuses all that was sent, whatever it is; None for any other answer."""
    said = body_of(answer)
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return None if answer.status in (200, 204, 400) else f"{answer.status}"
    return None if error.get("message") == SOME_REFUSED else str(error.get("message"))


def named(answer: Answer) -> list[Named] | None:
    """The refused points in the answer's order; None if it names none, since no flag asked."""
    said = body_of(answer)
    if not isinstance(said, dict) or "errors" not in said:
        return None
    # Java cuts a character beyond 16 bits in two.
    errors = [one["error"].encode(errors="backslashreplace").decode() for one in said["errors"]]
    return [Named(one.get("datapoint"), error) for one, error in zip(said["errors"], errors, strict=True)]


def shape(answer: Answer) -> Shape:
    """Without the points that it names, of which it keeps the number."""
    said = body_of(answer)
    text = answer.body.decode(errors="replace")
    if isinstance(said, dict):
        if "errors" in said:
            said["errors"] = len(said["errors"])
        if isinstance(said.get("error"), dict):
            said["error"].pop("trace", None)
            if said["error"].get("message") != SOME_REFUSED:
                said["error"].pop("details", None)
        text = json.dumps(said, sort_keys=True)
    kind = answer.headers.get("content-type", "") if answer.body else ""
    return Shape(answer.status, kind, answer.body.startswith(b"f("), text)


def plain_echo(echo: Any) -> Any:
    """OpenTSDB says each value as a text and the time as the integer that it is for Java: 0 if it was not sent."""
    if not isinstance(echo, dict):
        return echo
    plain = {name: value for name, value in echo.items() if value is not None}
    plain["timestamp"] = _integer(plain.get("timestamp"))
    if isinstance(plain.get("value"), bool):
        plain["value"] = str(plain["value"]).lower()
    return plain


def _integer(time: Any) -> int:
    try:
        return int(float(time)) if "e" in str(time).lower() or "." in str(time) else int(time)
    except (ValueError, TypeError, OverflowError):
        return 0
