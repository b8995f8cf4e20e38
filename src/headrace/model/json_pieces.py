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
_BRACE: Final = ord("{")
_BRACKET: Final = ord("[")
_LF: Final = ord("\n")


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
    if len(text) <= most:
        return True
    # By numpy, a window at a time: bytes.count holds the interpreter for a second over 60 MB of nothing but items.
    if sum(_items_in(window) for _, window in _stretches(text)) <= most:
        return True
    items = 0
    for _, plain in windows_of(text):
        items += _items_in(plain)
        if items > most:
            return False
    return True


def work_of(body: bytes) -> int:
    """How many bytes of usual JSON are as much work as this body: its length, or more where its items are short."""
    # By numpy: bytes.count takes 100 us for the 2000 braces of a thousand points, this 10.
    data = np.frombuffer(body, dtype=np.uint8)
    objects, commas = (int(np.count_nonzero(data == mark)) for mark in (_BRACE, _COMMA))
    return max(len(body), limits.JSON_OBJECT_BYTES * objects, limits.JSON_ITEM_BYTES * commas)


def work_of_lines(block: bytes) -> int:
    """As `work_of`, of lines of telnet."""
    return max(len(block), limits.JSON_OBJECT_BYTES * int(np.count_nonzero(np.frombuffer(block, np.uint8) == _LF)))


def pieces_of(array: bytes, elements_max: int, bytes_max: int | None = None) -> list[Piece]:
    """An array with an opening bracket as its first byte, or an object, cut into pieces of at most bytes_max (None:
    limits.JSON_PIECE_BYTES), a longer element alone. Whatever stands behind the array is left out, as it is for a
    decoder of the whole to refuse.

    Raises Refused (rule "body-too-large") when there are more than elements_max elements.
    """
    most = limits.JSON_PIECE_BYTES if bytes_max is None else bytes_max
    pieces: list[Piece] = []
    start, first, end, fitting = 1, 0, 1, 0  # of the piece at hand: fitting elements, the last of which ends at end
    for ends in ends_of(array):
        if first + fitting + len(ends) > elements_max:
            raise Refused("body-too-large", f"the request's body has more than {elements_max} elements")
        taken = 0
        while taken < len(ends):
            fit = int(np.searchsorted(ends, start + most, side="right"))
            if not fitting and fit == taken:
                fit += 1  # longer than a piece, so alone
            if fit > taken:
                end, fitting, taken = int(ends[fit - 1]), fitting + fit - taken, fit
            if taken < len(ends):
                pieces.append(Piece(start, end, first, fitting))
                start, first, fitting = end + 1, first + fitting, 0
    if fitting and (pieces or fitting > 1 or array[1:end].strip(b" \t\r\n")):
        pieces.append(Piece(start, end, first, fitting))
    return pieces


def ends_of(array: bytes) -> Iterator[NDArray[np.int64]]:
    """Where the elements of an array end, stretch by stretch: at the commas between them, and at the bracket that
    closes it, or at the end of one that is never closed."""
    depth = 0
    for offset, plain in windows_of(array):
        depths = np.cumsum(_DEEPER[plain], dtype=np.int64) + depth
        closed = np.flatnonzero(depths <= 0)
        stop = int(closed[0]) if len(closed) else len(plain)
        [found] = ((plain[:stop] == _COMMA) & (depths[:stop] == 1)).nonzero()
        if len(closed):
            yield np.append(found, stop) + offset
            return
        yield found + offset
        depth = int(depths[-1])
    yield np.array([len(array)])


def windows_of(text: bytes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(offset, bytes) of stretches of a text of JSON, with zeros for what stands inside of strings."""
    inside = np.uint8(0)
    for offset, window in _stretches(text):
        in_string = np.bitwise_xor.accumulate((window == _QUOTE).view(np.uint8)) ^ inside
        inside = in_string[-1]
        yield offset, np.where(in_string, 0, window).astype(np.uint8, copy=False)


def _stretches(text: bytes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(offset, bytes) of stretches of a text that begin at no escaped byte. Escapes of quotes and backslashes are
    dots, so that every quote that is left begins or ends a string."""
    escapes, offset = b"\\" in text, 0
    while offset < len(text):
        stretch = text[offset : offset + limits.JSON_PIECE_BYTES]
        begin = offset
        offset += len(stretch)
        if escapes:
            if (len(stretch) - len(stretch.rstrip(b"\\"))) % 2:
                stretch += text[offset : offset + 1]
                offset += 1
            stretch = stretch.replace(b"\\\\", b"..").replace(b'\\"', b"..")
        yield begin, np.frombuffer(stretch, np.uint8)


def _items_in(window: NDArray[np.uint8]) -> int:
    return int(np.count_nonzero((window == _COMMA) | (window == _BRACE) | (window == _BRACKET)))
