"""An array of objects that can not be read as a whole, read one by one: what is good is good, and the others have their
place and their name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, NamedTuple, TypeVar

import msgspec

from headrace import limits
from headrace.model.json_pieces import ends_of
from headrace.model.odd_json.lenient import Leniency, mended

T = TypeVar("T")

_BLANKS: Final = b" \t\r\n\0"
_NESTED: Final = "it is nested too deeply"


class Trouble(Enum):
    """Why an element is not read."""

    BROKEN = "it is no JSON"
    SHAPE = "it is JSON of another shape"
    END = "the text ends before the array does"
    BEHIND = "it stands behind the end of what was asked for"


class Unread(NamedTuple):
    """Stands for an element that is not read.

    words: the parser's, or ours.   metric: how it is called, as far as that can be seen, else "".   text: its bytes.
    """

    trouble: Trouble
    words: str
    metric: str
    text: bytes


def read_leniently(
    at_once: Callable[[bytes], list[T]], decode: Callable[[bytes], T], text: bytes, leniency: Leniency
) -> list[T | Unread]:
    """What `at_once` makes of an array or an object as it came or mended, else what `decode` makes of each element.

    text: without blanks around it. at_once and decode raise what msgspec raises. Raises TooLongForTheLoop.
    """
    try:
        return [*at_once(text)]
    except (msgspec.DecodeError, RecursionError):
        text = mended(text, leniency).strip(_BLANKS)
    try:
        return [*at_once(text)]
    except (msgspec.DecodeError, RecursionError):
        if text.startswith(b"["):
            return [read for _, read in read_array(decode, text)]
        return list(read_object(decode, text))


def read_array(decode: Callable[[bytes], T], array: bytes) -> Iterator[tuple[int, T | Unread]]:
    """Of an array, broken or not, its elements in their order, each with its index: what `decode` makes of it, or an
    Unread; both, where something stands behind it. One behind the last may say that the end is missing, or what is too
    much.

    array: without blanks around it, begins with a bracket.
    """
    start, elements = 1, 0
    read: T | Unread | None = None
    for ends in ends_of(array):
        for end in ends.tolist():
            text = array[start:end].strip(_BLANKS)
            if text or (elements and end < len(array)) or array[end : end + 1] == b",":
                for read in read_object(decode, text):
                    yield elements, read
                elements += 1
            start = end + 1
    tail = what_is_behind(array, start - 1)
    # Where the last is not read anyway, it is said already that it is cut off.
    if tail is not None and not (tail.trouble is Trouble.END and isinstance(read, Unread)):
        yield elements, tail


def what_is_behind(array: bytes, end: int) -> Unread | None:
    """What is wrong behind the elements of an array, the last of which ends at `end`; None when its bracket is the last
    byte."""
    behind = array[end + 1 :].strip(_BLANKS)
    if end >= len(array):
        return Unread(Trouble.END, "the text ends before the array does", "", b"")
    if behind or array[end : end + 1] != b"]":
        return _behind(behind)
    return None


def read_object(decode: Callable[[bytes], T], text: bytes) -> Iterator[T | Unread]:
    """What `decode` makes of an object, or an Unread; both, where something stands behind it.   text: without blanks
    around it."""
    try:
        yield decode(text)
        return
    except msgspec.ValidationError as error:
        yield Unread(Trouble.SHAPE, str(error), metric_of(text), text)
        return
    except (msgspec.DecodeError, RecursionError) as error:
        broken = Unread(Trouble.BROKEN, _words(text, error), metric_of(text), text)
    end = _end_of_object(text)
    if end < len(text):
        try:
            first = decode(text[:end])
        except (msgspec.DecodeError, RecursionError):
            pass
        else:
            yield first
            yield _behind(text[end:].strip(_BLANKS))
            return
    yield broken


def _words(text: bytes, error: Exception) -> str:
    if not text:
        return "nothing stands between two commas, or behind the last one"
    return _NESTED if isinstance(error, RecursionError) else str(error)


def _behind(text: bytes) -> Unread:
    return Unread(Trouble.BEHIND, "no comma stands before it, or it is behind the end", metric_of(text), text)


_METRIC: Final = re.compile(rb'"(?:name|metric)"[ \t\r\n]*+:[ \t\r\n]*+"?([^"{}\[\],]*+)')


def metric_of(text: bytes) -> str:
    """How a metric is called in a text that may be no JSON; "" where that can not be seen."""
    found = _METRIC.search(text, 0, limits.JSON_NAME_WITHIN_BYTES)
    return found[1].decode(errors="replace").strip() if found else ""


_STRUCTURE: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?+(?:"|\Z)|[\[\]{}]', re.DOTALL)
"""A string, whose brackets are text, or a bracket. One that never ends is a string to the end of the text: given up, it
would be begun again at each quote in it."""


def _end_of_object(text: bytes) -> int:
    """Where the object that a text begins with is closed; its end where that never is, or where it begins with none."""
    if not text.startswith(b"{"):
        return len(text)
    depth = 0
    for token in _STRUCTURE.finditer(text):
        mark = token.group()
        if mark in (b"{", b"["):
            depth += 1
            if depth > limits.JSON_DEPTH_MAX:
                return len(text)
        elif mark in (b"}", b"]"):
            depth -= 1
            if not depth:
                return token.end()
    return len(text)
