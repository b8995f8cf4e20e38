"""JSON as Python's own decoder reads it, piece by piece, as that one lets nobody else have the interpreter.

It keeps numbers in all their digits, and a surrogate that stands alone, which every SDK can send and msgspec refuses.
Whatever is cut out between two commas is JSON for itself, or the whole is none: so the pieces decide what is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from headrace import limits
from headrace.model.json_pieces import pieces_of

Loads = Callable[[str], Any]
"""json.loads with its hooks. Raises ValueError, RecursionError."""

_BLANKS: Final = b" \t\r\n"
_KEY: Final = re.compile(rb'[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*+:', re.DOTALL)
_HIGH_SURROGATE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_LOW_SURROGATE: Final = re.compile(r"\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_ESCAPE_CHARACTERS: Final = len(r"\uffff")


def load(text: bytes, loads: Loads, errors: str = "strict", depth: int = limits.DATAZONE_PIECES_DEPTH_MAX) -> Any:
    """What `loads` makes of a text of JSON, in UTF-8.

    errors: how it is decoded (bytes.decode).   depth: of objects and arrays that are cut. Raises what `loads` raises.
    """
    text = text.strip(_BLANKS)
    if len(text) <= limits.DATAZONE_PIECE_BYTES or not depth:
        return loads(text.decode(errors=errors))
    match text[:1]:
        case b'"':
            return _load_text(text.decode(errors=errors), loads)
        case b"{":
            members: dict[str, Any] = {}
            for piece, alone in _pieces(text, b"}"):
                if alone:
                    name, value = _parted(piece)
                    members[load(name, loads, errors, depth - 1)] = load(value, loads, errors, depth - 1)
                else:
                    members |= loads(f"{{{piece.decode(errors=errors)}}}")
            return members
        case b"[":
            elements: list[Any] = []
            for piece, alone in _pieces(text, b"]"):
                if alone:
                    elements.append(load(piece, loads, errors, depth - 1))
                else:
                    elements += loads(f"[{piece.decode(errors=errors)}]")
            return elements
    return loads(text.decode(errors=errors))


def _pieces(text: bytes, closing: bytes) -> list[tuple[bytes, bool]]:
    """What stands within the brackets of an object or an array, and of each piece whether it is one long element.
    Raises ValueError for what can be none."""
    pieces = pieces_of(text, len(text), limits.DATAZONE_PIECE_BYTES)
    if not text.endswith(closing) or (pieces and pieces[-1].end != len(text) - 1):
        raise ValueError("the brackets do not match")
    found = [(text[piece.start : piece.end], piece) for piece in pieces]
    if any(not cut.strip(_BLANKS) for cut, _ in found) or not (pieces or not text[1:-1].strip(_BLANKS)):
        raise ValueError("nothing stands between two commas")
    return [(cut, piece.elements == 1 and len(cut) > limits.DATAZONE_PIECE_BYTES) for cut, piece in found]


def _parted(member: bytes) -> tuple[bytes, bytes]:
    """The name and the value of a member of an object."""
    found = _KEY.match(member)
    if found is None:
        raise ValueError("a member of an object has no name")
    return found[1], member[found.end() :]


def _load_text(text: str, loads: Loads) -> str:
    if not text.endswith('"'):
        raise ValueError("a text does not end")
    pieces, at, end = [], 1, len(text) - 1
    while at < end:
        cut = min(_sound_cut(text, at, at + limits.DATAZONE_PIECE_BYTES), end)
        pieces.append(loads(f'"{text[at:cut]}"'))
        at = cut
    return "".join(pieces)


def _sound_cut(text: str, at: int, cut: int) -> int:
    """The first place from `cut` on that is within no escape and no pair of them.   at: a place that is in none."""
    escape = text.rfind("\\", max(at, cut - _ESCAPE_CHARACTERS + 1), cut)
    if escape >= 0:
        run = text[at : escape + 1]
        begins = (len(run) - len(run.rstrip("\\"))) % 2 == 1  # else it is the second one of an escaped backslash
        if begins:
            cut = max(cut, escape + (_ESCAPE_CHARACTERS if text[escape + 1 : escape + 2] == "u" else 2))
    if _LOW_SURROGATE.match(text, cut) and _HIGH_SURROGATE.search(text, max(at, cut - _ESCAPE_CHARACTERS), cut):
        cut += _ESCAPE_CHARACTERS
    return cut
