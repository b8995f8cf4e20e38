"""Reads an expression of /api/query/gexp: calls as in Graphite around queries as `m` says them, for example
`scale(sum:1m-avg:sys.cpu{host=*}{dc=literal_or(ams)},100)` (OpenTSDB: parser.jj, which takes plain filters alone)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn

from headrace.errors import Refused
from headrace.limits import EXPRESSION_DEPTH_MAX
from headrace.protocols.opentsdb.faults import shown


class MetricQuery(NamedTuple):
    """A query as `m` says it. at: its first character, counted from 0."""

    text: str
    at: int


class Call(NamedTuple):
    """A function, what it is applied to, and the parameters behind that. at: its first character."""

    function: str
    arguments: tuple[Call | MetricQuery, ...]
    parameters: tuple[str, ...]
    at: int


_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*\(", re.ASCII)
_BLANK = re.compile(r"\s*")
_MARK = re.compile(r"[(){},]")
_QUOTED = re.compile(r"'[^']*'")
_OPENING: Final = {"(": ")", "{": "}"}


def call_of(text: str) -> Call:
    """Read an expression. Raises Refused (rule "expression") with the place."""
    return _Reader(text).whole()


class _Reader:
    """Recursive descent, as deep as calls stand inside each other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def whole(self) -> Call:
        call = self._call(1)
        if call is None:
            self._refuse("it must be a function with its arguments, as in scale(sum:metric,10)", 0)
        self._skip_blanks()
        if self._at < len(self._text):
            self._refuse("something stands behind its end", self._at)
        return call

    def _call(self, depth: int) -> Call | None:
        """The call that begins here; None if something else does."""
        named = _NAME.match(self._text, self._at)
        if named is None:
            return None
        if depth > EXPRESSION_DEPTH_MAX:
            self._refuse(f"it is nested deeper than {EXPRESSION_DEPTH_MAX} levels", self._at)
        at = named.start(1)
        self._at = named.end()
        arguments: list[Call | MetricQuery] = []
        parameters: list[str] = []
        while True:
            begin = self._at
            found = self._call(depth + 1) or self._plain()
            if isinstance(found, str):
                parameters.append(found)
            elif parameters:
                self._refuse("a query or function must stand before the parameters", begin)
            else:
                arguments.append(found)
            if self._closed():
                return Call(named[1], tuple(arguments), tuple(parameters), at)

    def _closed(self) -> bool:
        """Take the comma or the parenthesis that follows; whether it was the parenthesis."""
        self._skip_blanks()
        mark = self._text[self._at : self._at + 1]
        if mark not in (",", ")"):
            self._refuse("')' is missing" if not mark else f"unexpected '{mark}', ',' or ')' was expected", self._at)
        self._at += 1
        return mark == ")"

    def _plain(self) -> MetricQuery | str:
        """A query or a parameter: all up to the next comma or end of the call that is not inside braces of its own. A
        parameter that begins with a quote goes on to the next one, whatever is between."""
        self._skip_blanks()
        at = self._at
        if quoted := _QUOTED.match(self._text, at):
            self._at = quoted.end()
        while (end := self._next_mark(self._at)) < len(self._text) and self._text[end] not in ",)":
            self._at = self._behind(end)
        self._at = end
        text = self._text[at:end].strip()
        if not text:
            self._refuse("a query, a function or a parameter is missing", at)
        return MetricQuery(text, at) if ":" in text and not text.startswith("'") else text

    def _next_mark(self, at: int) -> int:
        found = _MARK.search(self._text, at)
        return found.start() if found else len(self._text)

    def _behind(self, at: int) -> int:
        """Where the parenthesis or brace that opens here has closed again."""
        if self._text[at] == "}":
            self._refuse("unexpected '}'", at)
        open_marks = [self._text[at]]
        end = at + 1
        while open_marks:
            end = self._next_mark(end)
            if end == len(self._text):
                self._refuse(f"'{_OPENING[open_marks[-1]]}' is missing", end)
            mark = self._text[end]
            if mark in _OPENING:
                open_marks.append(mark)
            elif mark == _OPENING[open_marks[-1]]:
                open_marks.pop()
            end += 1
        return end

    def _skip_blanks(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        assert blank is not None
        self._at = blank.end()

    def _refuse(self, why: str, at: int) -> NoReturn:
        raise Refused("expression", f"Failed to parse {shown(self._text)}: {why}", f"exp, character {at + 1}")
