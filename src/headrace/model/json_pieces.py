"""JSON of strangers before it becomes objects: how many items it has, and arrays cut into pieces.

A byte of JSON may become a hundred bytes of Python. So what is large is first looked at as bytes, by the column: a
question has at most so many items, and a long array is decoded piece by piece. Texts that are no JSON are counted too;
what they are worth, their decoder says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused

_COMMA: Final = ord(",")
_QUOTE: Final = ord('"')


def _deeper() -> NDArray[np.int8]:
    table = np.zeros(256, dtype=np.int8)
    table[[ord("["), ord("{")]] = 1
    table[[ord("]"), ord("}")]] = -1
    return table


_DEEPER: Final = _deeper()
"""int8[256]: by how much a byte outside of strings changes the depth."""


class Piece(NamedTuple):
    """Whole elements of an array, next to each other: body[start:end], without the comma behind. first: the index of
    the first of them.   elements: how many, at least 1."""

    start: int
    end: int
    first: int
    elements: int


def check_items(body: bytes, most: int) -> None:
    """Raises Refused (rule "body-too-large") when JSON has more than `most` items: members of objects and elements of
    arrays, at any depth."""
    if not has_at_most(body, most):
        raise Refused("body-too-large", f"the request's body has more than {most} items")


def has_at_most(text: bytes, most: int) -> bool:
    """Whether JSON has at most `most` items: commas and opening brackets that are not inside of strings."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") <= most:
        return True
    items = 0
    for _, plain in _windows(text):
        items += int(np.count_nonzero(plain == _COMMA)) + int(np.count_nonzero(_DEEPER[plain] > 0))
        if items > most:
            return False
    return True


def work_of(body: bytes, mark: bytes = b"{") -> int:
    """How many bytes of usual JSON are as much work as this body: its length, or more where its objects are short.

    mark: what begins an object, or ends a line.
    """
    # By numpy: bytes.count takes 100 us for the 2000 braces of a thousand points, this 10.
    marks = np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == mark[0])
    return max(len(body), limits.JSON_ITEM_BYTES * int(marks))


def pieces_of(array: bytes, elements_max: int) -> list[Piece]:
    """An array with an opening bracket as its first byte, cut into pieces of at most limits.JSON_PIECE_BYTES, a longer
    element alone. Whatever stands behind the array is left out, as it is for a decoder of the whole to refuse.

    Raises Refused (rule "body-too-large") when there are more than elements_max elements.
    """
    cuts, end = _cuts_of(array, elements_max)
    if not len(cuts) and not array[1:end].strip(b" \t\r\n"):
        return []
    ends = np.append(cuts, end)
    pieces: list[Piece] = []
    start, first = 1, 0
    while first < len(ends):
        fit = int(np.searchsorted(ends, start + limits.JSON_PIECE_BYTES, side="right"))
        after = max(fit, first + 1)
        stop = int(ends[after - 1])
        pieces.append(Piece(start, stop, first, after - first))
        start, first = stop + 1, after
    return pieces


def _cuts_of(array: bytes, elements_max: int) -> tuple[NDArray[np.int64], int]:
    """The offsets of the commas between the elements of an array, and of the bracket that closes it, or the length of
    one that is never closed."""
    cuts = [np.empty(0, dtype=np.int64)]
    elements, depth = 1, 0
    for offset, plain in _windows(array):
        depths = np.cumsum(_DEEPER[plain], dtype=np.int64) + depth
        closed = np.flatnonzero(depths <= 0)
        stop = int(closed[0]) if len(closed) else len(plain)
        [found] = ((plain[:stop] == _COMMA) & (depths[:stop] == 1)).nonzero()
        cuts.append(found + offset)
        elements += len(found)
        if elements > elements_max:
            raise Refused("body-too-large", f"the request's body has more than {elements_max} elements")
        if len(closed):
            return np.concatenate(cuts), offset + stop
        depth = int(depths[-1])
    return np.concatenate(cuts), len(array)


def _windows(text: bytes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(offset, bytes) of stretches of a text, with zeros for what stands inside of strings."""
    if b"\\" in text:
        # Of the same length, and every quote that is left begins or ends a string.
        text = text.replace(b"\\\\", b"..").replace(b'\\"', b"..")
    inside = np.uint8(0)
    for offset in range(0, len(text), limits.JSON_PIECE_BYTES):
        window = np.frombuffer(text, np.uint8, min(limits.JSON_PIECE_BYTES, len(text) - offset), offset)
        in_string = np.bitwise_xor.accumulate((window == _QUOTE).view(np.uint8)) ^ inside
        inside = in_string[-1]
        yield offset, np.where(in_string, 0, window).astype(np.uint8, copy=False)
