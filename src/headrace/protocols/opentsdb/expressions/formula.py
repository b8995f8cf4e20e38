"""Reads a formula such as `(a + b) / 2 > 10 ? a : 0` of /api/query/exp: the arithmetic of JEXL 2.1, which OpenTSDB
hands it to (its grammar: commons-jexl 2.1.1, Parser.jjt).

What else JEXL has (statements, strings, methods, arrays) is no arithmetic and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, NoReturn

from headrace.errors import Refused
from headrace.limits import EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_DIGITS_MAX
from headrace.protocols.opentsdb.faults import shown


class Constant(NamedTuple):
    """A number without a fraction (an int), one with (a float), or true and false."""

    value: int | float


class Variable(NamedTuple):
    """The metric or expression of this id."""

    name: str


class Operator(NamedTuple):
    """sign: one of UNARY, of BINARY, or CHOICE, which takes as many of the values before it as each of them says."""

    sign: str


Step = Constant | Variable | Operator

UNARY: Final = frozenset(("negate", "not"))
"""Of one value."""

CHOICE: Final = "choose"
"""Of three: a condition, what it is if that holds, what it is if not."""

_WORDS: Final = {
    "and": "&&",
    "or": "||",
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "mod": "%",
    "div": "/",
    "not": "!",
}
"""Operators that are also words."""

_LEVELS: Final[tuple[frozenset[str], ...]] = (
    frozenset(("||",)),
    frozenset(("&&",)),
    frozenset(("==", "!=")),
    frozenset(("<", ">", "<=", ">=")),
    frozenset(("+", "-")),
    frozenset(("*", "/", "%")),
)
"""From what binds least to what binds most; those of one level from left to right."""

ELVIS: Final = "?:"
"""The first of two values if it counts as true, else the second."""

BINARY: Final = frozenset((ELVIS,)).union(*_LEVELS)
"""Of two values."""

_LEVEL_OF: Final = {sign: level for level, signs in enumerate(_LEVELS) for sign in signs}

_NOT_IN_A_ROW: Final = frozenset((_LEVEL_OF["=="], _LEVEL_OF["<"]))
"""a < b < c means nothing."""

_NO_ARITHMETIC: Final = frozenset(
    ("if", "else", "for", "foreach", "while", "new", "var", "empty", "size", "null", "return", "in")
)

_TOKEN = re.compile(
    r"(?P<blank>\s+|//[^\n\r]*|##[^\n\r]*|/\*.*?\*/)"
    r"|(?P<real>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?)[dDfFbB]?"
    r"|(?P<whole>0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)[lLhH]?"
    r"|(?P<name>[A-Za-z_$@][A-Za-z0-9_$@]*)"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||\?:|[-+*/%<>!?:()])",
    re.ASCII | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class Formula(NamedTuple):
    """steps: each takes its values from those that the steps before it have left, and leaves one.   variables: the ids
    in it, each once.   height: how many values are left at once at most."""

    steps: tuple[Step, ...]
    variables: tuple[str, ...]
    height: int


def formula(text: str, place: str) -> Formula:
    """Read a formula. place: where it stands in the request. Raises Refused (rule "expression")."""
    return _Reader(text, place).formula()


def check_lengths(texts: Iterable[str], place: str) -> None:
    """Raises Refused (rule "expression") when all texts together are longer than EXPRESSION_CHARS_MAX."""
    if sum(map(len, texts)) > EXPRESSION_CHARS_MAX:
        raise Refused("expression", f"Expressions of more than {EXPRESSION_CHARS_MAX} characters", place)


def height_of(steps: Sequence[Step]) -> int:
    """How many values the steps leave at once at most."""
    height = highest = 0
    for step in steps:
        if isinstance(step, Operator):
            height -= 0 if step.sign in UNARY else 2 if step.sign == CHOICE else 1
        else:
            height += 1
        highest = max(highest, height)
    return highest


class _Reader:
    """Recursive descent, as deep as parentheses, signs and choices stand inside each other."""

    def __init__(self, text: str, place: str) -> None:
        self._text = text
        self._place = place
        self._tokens = self._tokenized()
        self._next = 0
        self._depth = 0
        self._steps: list[Step] = []

    def formula(self) -> Formula:
        self._choice()
        if self._peek().kind != "end":
            self._unexpected()
        steps = tuple(self._steps)
        variables = tuple(dict.fromkeys(step.name for step in steps if isinstance(step, Variable)))
        if not variables:
            self._refuse("The expression didn't appear to have any variables")
        return Formula(steps, variables, height_of(steps))

    def _tokenized(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if found is None:
                self._refuse(f"'{self._text[at]}' is no arithmetic", at)
            kind = str(found.lastgroup)
            if kind != "blank":
                tokens.append(_Token(kind, found[kind], at))
            at = found.end()
        return [*tokens, _Token("end", "", at)]

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._peek()
        self._next += token.kind != "end"
        return token

    def _sign(self) -> str:
        """The operator that comes next, "" if none does."""
        token = self._peek()
        if token.kind == "sign":
            return token.text
        return _WORDS.get(token.text, "") if token.kind == "name" else ""

    def _expect(self, sign: str) -> None:
        if self._sign() != sign:
            self._unexpected(f", '{sign}' was expected")
        self._take()

    def _choice(self) -> None:
        """A condition, `?`, one value, `:` and another; or with `?:` between two values."""
        self._deeper()
        self._level(0)
        if self._sign() == ELVIS:
            self._take()
            self._choice()
            self._steps.append(Operator(ELVIS))
        elif self._sign() == "?":
            self._take()
            self._choice()
            self._expect(":")
            self._choice()
            self._steps.append(Operator(CHOICE))
        self._depth -= 1

    def _level(self, least: int) -> None:
        """What operators of this level and above hold together."""
        self._signed()
        while (level := _LEVEL_OF.get(sign := self._sign(), -1)) >= least:
            self._take()
            self._level(level + 1)
            self._steps.append(Operator(sign))
            if level in _NOT_IN_A_ROW and _LEVEL_OF.get(self._sign()) == level:
                self._unexpected()

    def _signed(self) -> None:
        negations = []
        while (sign := self._sign()) in ("-", "!"):
            self._take()
            negations.append(Operator("negate" if sign == "-" else "not"))
        self._value()
        self._steps += reversed(negations)

    def _value(self) -> None:
        token = self._peek()
        if token.kind in ("real", "whole"):
            self._steps.append(Constant(self._number(self._take())))
        elif token.kind == "name" and token.text not in _WORDS:
            self._named(self._take())
        elif token.text == "(":
            self._take()
            self._choice()
            self._expect(")")
        else:
            self._unexpected()

    def _named(self, token: _Token) -> None:
        if token.text in ("true", "false"):
            self._steps.append(Constant(token.text == "true"))
        elif token.text in _NO_ARITHMETIC:
            self._refuse(f"'{token.text}' is no arithmetic", token.at)
        else:
            self._steps.append(Variable(token.text))

    def _number(self, token: _Token) -> int | float:
        if len(token.text) > EXPRESSION_DIGITS_MAX:
            self._refuse(f"A number is longer than {EXPRESSION_DIGITS_MAX} digits", token.at)
        if token.kind == "real":
            return float(token.text)
        if token.text[:2] in ("0x", "0X"):
            return int(token.text, 16)
        return int(token.text, 8 if token.text[0] == "0" else 10)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > EXPRESSION_DEPTH_MAX:
            self._refuse(f"The expression is nested deeper than {EXPRESSION_DEPTH_MAX} levels", self._peek().at)

    def _unexpected(self, wanted: str = "") -> NoReturn:
        token = self._peek()
        what = f"unexpected '{shown(token.text)}'" if token.kind != "end" else "it ends too early"
        self._refuse(what + wanted, token.at)

    def _refuse(self, why: str, at: int | None = None) -> NoReturn:
        where = "" if at is None else f" at character {at + 1}"
        raise Refused("expression", f"Cannot read the expression '{shown(self._text)}'{where}: {why}", self._place)
