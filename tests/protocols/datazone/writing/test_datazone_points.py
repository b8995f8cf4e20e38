"""Which numbers a content has, and how many of a request's become points."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.model.series import SeriesTable
from headrace.protocols.datazone.names import Entity
from headrace.protocols.datazone.reading.paging import PageTokens, first_key
from headrace.protocols.datazone.wire import Form, Page
from headrace.protocols.datazone.writing.content import numbers_in
from headrace.protocols.datazone.writing.form_points import points_of

ENTITY = Entity("dzd_abc123", "ASSET", "asset01")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def oracle(value: Any, path: str = "") -> Iterator[tuple[str, int | float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from oracle(inner, f"{path}.{key}" if path else key)
    elif type(value) in (int, float):
        yield path, value


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_numbers_of_any_object(content: dict[str, Any]) -> None:
    text = json.dumps(content).replace("Infinity", "1e999")
    fit = [
        (path, value)
        for path, value in oracle(content)
        if (abs(value) != float("inf") if isinstance(value, float) else -(2**63) <= value < 2**63)
    ]
    numbers = numbers_in(text, 100)
    assert sorted(map(repr, numbers.found)) == sorted(map(repr, fit))
    assert numbers.unfit == len(list(oracle(content))) - len(fit)
    few = numbers_in(text, 2)
    assert few.found == numbers.found[:2]
    assert len(few.found) + few.left == len(numbers.found)


def test_a_path_too_long_for_a_name_is_held_by_no_number() -> None:
    content = '{"%s":' % ("k" * 5000) * 90 + "{" + ",".join(f'"{n}":1' for n in range(1000)) + "}" * 91
    found = numbers_in(content, 1000).found
    assert len(found) == 1000
    assert all(limits.DATAZONE_NAME_BYTES_MAX < len(path) < 2 * limits.DATAZONE_NAME_BYTES_MAX for path, _ in found)


def test_a_request_has_a_limit_of_numbers_too() -> None:
    table = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
    content = json.dumps({f"k{i}": i for i in range(limits.DATAZONE_FORM_NUMBERS_MAX)})
    forms = [Form(f"f{i}", "t", None, 1_999_999, content) for i in range(9)]
    made = points_of(ENTITY, forms, table)
    assert len(made.points) == limits.DATAZONE_POST_NUMBERS_MAX
    assert made.skipped == {"form-numbers": limits.DATAZONE_FORM_NUMBERS_MAX}
    assert set(made.points.times.tolist()) == {1999}, "a point's time is in whole milliseconds"
    assert made.form_names[-1] == "f7"


def test_times_before_1970_are_rounded_down_as_all_are() -> None:
    table = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
    made = points_of(ENTITY, [Form("f", "t", None, -1, '{"a":1}')], table)
    assert made.points.times.tolist() == [-1]


def test_a_page_begins_behind_what_its_token_says() -> None:
    tokens = PageTokens(np.arange(1, 17, 2, dtype=np.uint64))
    page = Page("f", 0, 10**15, 5, None)
    key = "d/ASSET/e/f/0123456789abcdef/athp9dyw75gzhj"
    token = tokens.next("d/ASSET/e/f/", page, key)
    assert first_key("d/ASSET/e/f/", page._replace(token=token, size=50), tokens) > key
