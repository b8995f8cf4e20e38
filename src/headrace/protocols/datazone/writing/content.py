"""What can be read from a form's content without knowing its type: the numbers in it, and a summary."""

from __future__ import annotations

import json
import math
from typing import Final, NamedTuple

import msgspec

from headrace import limits
from headrace.model.values import INT64_MAX, INT64_MIN
from headrace.protocols.datazone.json_loading import load

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Numbers(NamedTuple):
    """found: path (keys of nested objects with dots between) and value, in the order of the content.   unfit: how many
    were no 64-bit integer and no double.   left: how many were too many."""

    found: list[tuple[str, int | float]]
    unfit: int = 0
    left: int = 0


def numbers_in(content: str, most: int) -> Numbers:
    """The numbers of a content that is a JSON object, at most `most`. Booleans, texts and all that is in arrays are
    none: an array's elements have no names by which they could be one series from form to form."""
    members = _object(content)
    if members is None:
        return Numbers([])
    found: list[tuple[str, int | float]] = []
    unfit = left = 0
    waiting: list[tuple[str, object]] = [("", members)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            # A longer one is no name of a series, and a thousand numbers would each hold a path of half a megabyte.
            begin = f"{path}."[: limits.DATAZONE_NAME_BYTES_MAX] if path else ""
            waiting += reversed([(begin + key, inner) for key, inner in value.items()])
        elif isinstance(value, bool) or not isinstance(value, int | float):
            continue
        elif not _fits(value):
            unfit += 1
        elif len(found) < most:
            found.append((path, value))
        else:
            left += 1
    return Numbers(found, unfit, left)


def summary_of(content: str | None) -> str | None:
    """A JSON object without its members that are arrays or objects, all else as it is spelled; None for other contents
    and for a summary that is too long."""
    if content is None:
        return None
    try:
        members = _MEMBERS.decode(content)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    plain = {name: bytes(value) for name, value in members.items() if bytes(value)[:1] not in (b"{", b"[")}
    summary = b",".join(msgspec.json.encode(name) + b":" + value for name, value in plain.items()).decode()
    return f"{{{summary}}}" if len(summary) + 2 <= limits.DATAZONE_SUMMARY_CHARACTERS_MAX else None


def _object(content: str) -> dict[str, object] | None:
    # A look at the first character spares reading long texts that are no JSON.
    if not content.lstrip(" \t\r\n").startswith("{"):
        return None
    try:
        value = load(content.encode(errors="surrogatepass"), _loads, errors="surrogatepass")
    except (ValueError, RecursionError):
        return None
    assert isinstance(value, dict)
    return value


def _loads(text: str) -> object:
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _fits(value: int | float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else INT64_MIN <= value <= INT64_MAX
