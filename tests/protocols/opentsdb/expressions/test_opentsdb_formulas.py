"""Formulas of /api/query/exp: what can be read, and their values against JEXL's rules, reckoned value by value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Refused
from headrace.limits import EXPRESSION_DEPTH_MAX, EXPRESSION_DIGITS_MAX
from headrace.protocols.opentsdb.expressions.arithmetic import evaluate
from headrace.protocols.opentsdb.expressions.formula import formula

Tree = tuple[str, Callable[[float, float], Any]]
"""A text, and what it is for a and b: a float, an int or a bool, as in JEXL."""


def number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def both_whole(x: Any, y: Any) -> bool:
    return not isinstance(x, float) and not isinstance(y, float)


def nan(x: Any) -> bool:
    return isinstance(x, float) and math.isnan(x)


def truth(x: Any) -> bool:
    return bool(x != 0) and not nan(x)


def add(x: Any, y: Any) -> Any:
    return int(x) + int(y) if both_whole(x, y) else number(x) + number(y)


def multiply(x: Any, y: Any) -> Any:
    return int(x) * int(y) if both_whole(x, y) else number(x) * number(y)


def divide(x: Any, y: Any) -> Any:
    if number(y) == 0:
        return 0.0
    if both_whole(x, y):
        return int(x) // int(y) if (x < 0) == (y < 0) else -(abs(int(x)) // abs(int(y)))
    return number(x) / number(y)


def remainder(x: Any, y: Any) -> Any:
    if both_whole(x, y):
        return int(x) % int(y) if y > 0 else 0.0
    if number(y) == 0:
        return 0.0
    if math.isinf(number(x)):
        return math.nan
    return math.fmod(number(x), number(y))


def less(x: Any, y: Any) -> bool:
    return bool(x < y or (nan(x) and not nan(y)))


def equal(x: Any, y: Any) -> bool:
    if isinstance(x, bool) or isinstance(y, bool):
        return truth(x) == truth(y)
    return bool(x == y or (nan(x) and nan(y)))


SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": lambda x, y: add(x, -y if not isinstance(y, bool) else -int(y)),
    "*": multiply,
    "/": divide,
    "div": divide,
    "%": remainder,
    "mod": remainder,
    "<": less,
    "lt": less,
    ">": lambda x, y: less(y, x),
    "<=": lambda x, y: not less(y, x),
    ">=": lambda x, y: not less(x, y),
    "==": equal,
    "!=": lambda x, y: not equal(x, y),
    "&&": lambda x, y: truth(x) and truth(y),
    "or": lambda x, y: truth(x) or truth(y),
    "?:": lambda x, y: x if truth(x) else y,
}
LEAVES: list[Tree] = [
    ("a", lambda a, b: a),
    ("b", lambda a, b: b),
    *((str(n), lambda a, b, n=n: n) for n in (0, 1, 2, 7, 1000, 10**30)),
    *((str(x), lambda a, b, x=x: x) for x in (0.0, 0.5, 2.25)),
    ("true", lambda a, b: True),
    ("false", lambda a, b: False),
]


def between(left: Tree, sign: str, right: Tree) -> Tree:
    return f"({left[0]} {sign} {right[0]})", lambda a, b: SIGNS[sign](left[1](a, b), right[1](a, b))


def negated(tree: Tree) -> Tree:
    def value(a: float, b: float) -> Any:
        x = tree[1](a, b)
        return not x if isinstance(x, bool) else -x

    return f"-{tree[0]}", value


def inverted(tree: Tree) -> Tree:
    return f"!{tree[0]}", lambda a, b: not truth(tree[1](a, b))


def chosen(condition: Tree, yes: Tree, no: Tree) -> Tree:
    def value(a: float, b: float) -> Any:
        return yes[1](a, b) if truth(condition[1](a, b)) else no[1](a, b)

    return f"({condition[0]} ? {yes[0]} : {no[0]})", value


def bigger(children: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Both values of a choice become doubles in a column: so only doubles may be chosen from, else what is made of them
    later may differ."""
    doubles = children.map(lambda tree: between(tree, "+", LEAVES[0]))
    plain = st.sampled_from(sorted(SIGNS.keys() - {"?:"}))
    return st.one_of(
        st.builds(between, children, plain, children),
        st.builds(between, doubles, st.just("?:"), doubles),
        st.builds(negated, children),
        st.builds(inverted, children),
        st.builds(chosen, children, doubles, doubles),
    )


TREES = st.recursive(st.sampled_from(LEAVES), bigger, max_leaves=8)
VALUES = st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, 1e300, math.nan]), st.floats(-1e6, 1e6))


@given(TREES, st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4))
def test_columns_as_value_by_value(tree: Tree, rows: list[tuple[float, float]]) -> None:
    text = f"{tree[0]} + 0.0 * a"  # so that there is a variable in each
    columns = {"a": np.array([a for a, _ in rows]), "b": np.array([b for _, b in rows])}
    wanted = [number(add(tree[1](a, b), number(multiply(0.0, a)))) for a, b in rows]
    np.testing.assert_array_equal(evaluate(formula(text, ""), columns), wanted)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * 2", 11.0),
        ("a - b - 1", -2.0),
        ("-a * b", -12.0),
        ("!(a > b) && a", 1.0),
        ("a > 1 ? b : a > 2 ? 5.5 : b", 4.0),
        ("a // behind\n + b /* and */ ## more", 7.0),
        ("a\t%\n2", 1.0),
        ("a * 0x1F + 010", 101.0),
        ("a * 10L + 5h + 2.5b + 0.5f + 1.0e1d", 48.0),
        ("a ?: b", 3.0),
        ("not a or b", 1.0),
    ],
)
def test_what_can_be_read(text: str, value: float) -> None:
    assert evaluate(formula(text, ""), {"a": np.array([3.0]), "b": np.array([4.0])}).tolist() == [value]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a +", "at character 4: it ends too early"),
        ("a + * b", "at character 5: unexpected '*'"),
        ("(a + b", "at character 7: it ends too early, ')' was expected"),
        ("a b", "at character 3: unexpected 'b'"),
        ("a + 09", "at character 6: unexpected '9'"),
        ("a + .5", "at character 5: '.' is no arithmetic"),
        ("a < b < 5", "at character 7: unexpected '<'"),
        ("a ? b", "at character 6: it ends too early, ':' was expected"),
        ("a & 3", "at character 3: '&' is no arithmetic"),
        ("a = b", "at character 3: '=' is no arithmetic"),
        ('a + "1"', "'\"' is no arithmetic"),
        ("a.class", "'.' is no arithmetic"),
        ("size(a)", "'size' is no arithmetic"),
        ("a + null", "'null' is no arithmetic"),
        ("a + é", "'é' is no arithmetic"),
        ("1 + 2", "any variables"),
        ("", "it ends too early"),
        ("a + " + "9" * (EXPRESSION_DIGITS_MAX + 1), "longer than 400 digits"),
        ("(" * (EXPRESSION_DEPTH_MAX + 1) + "a" + ")" * (EXPRESSION_DEPTH_MAX + 1), "nested deeper"),
        ("a ? a : " * (EXPRESSION_DEPTH_MAX + 1) + "a", "nested deeper"),
    ],
)
def test_what_cannot(text: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        formula(text, "expressions[0].expr")
    assert why in refused.value.detail
    assert (refused.value.rule, refused.value.at) == ("expression", "expressions[0].expr")
    assert len(refused.value.detail) < 1000


def test_the_longest_are_read_and_computed() -> None:
    """Long chains of signs, and numbers that grow with each step."""
    for text in ("-" * 16_000 + "a", "a" + "+a" * 8_000, "a*0+" + "9*" * 8_000 + "9", "a ?: " * 49 + "a"):
        read = formula(text, "")
        assert len(evaluate(read, {"a": np.ones(3)})) == 3
    assert formula("a + (b * (a - 1))", "").height == 4
    assert formula("a + b + a + b", "").variables == ("a", "b")
