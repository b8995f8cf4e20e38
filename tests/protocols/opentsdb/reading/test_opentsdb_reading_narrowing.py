"""Conditions and pages as Alibaba's sub-queries word them."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.protocols.opentsdb.reading.narrowing import NO_NARROWING, narrowing, value_condition

VALUES = Values(np.full(3, Kind.INT64, dtype=np.uint8), np.array([1, 2, 3], dtype=np.int64))


@pytest.mark.parametrize(
    ("text", "kept"),
    [(">2", [3]), ("<2", [1]), ("=2", [2]), ("==2", [2]), ("<=2", [1, 2]), (">= 2.0", [2, 3]), ("!=2", [1, 3])],
)
def test_conditions(text: str, kept: list[int]) -> None:
    matches = value_condition("dpValue", text)
    assert matches is not None
    assert VALUES.bits[matches(VALUES)].tolist() == kept


def test_nothing_said_is_no_condition() -> None:
    assert value_condition("dpValue", None) is None
    assert value_condition("dpValue", "") is None
    assert narrowing(None, None, 0, None) == NO_NARROWING


@pytest.mark.parametrize("text", ["2", "=>2", ">", "<>2", "!2"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="Invalid preDpValue"):
        value_condition("preDpValue", text)


@pytest.mark.parametrize(
    ("offset", "limit", "global_limit", "results", "page"),
    [
        (0, 0, 0, 5, slice(0, None)),
        (100, 100, 0, 2, slice(100, 200)),
        (100, 100, 100, 2, slice(100, 150)),
        (0, 0, 10, 4, slice(0, 2)),
        (0, 1, 10, 4, slice(0, 1)),
        (0, 0, 3, 9, slice(0, 1)),
    ],
)
def test_pages(offset: int, limit: int, global_limit: int, results: int, page: slice) -> None:
    assert narrowing(None, offset, limit, global_limit).page(results) == page
