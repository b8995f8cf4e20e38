"""The bytes of an answer: common tags, every kind of value, and pieces that join to the same JSON in any cut."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values
from headrace.model.query import Fill
from headrace.protocols.opentsdb.reading.answer import Element, pieces


def mixed() -> Values:
    texts = ["ü, ]", 'geo\0{"lat":1.5}']
    heap = "".join(texts).encode()
    first, second = (len(text.encode()) for text in texts)
    bits = [first, first << HEAP_LENGTH_BITS | second, 1, -(2**63), int(np.float64(0.1).view(np.int64))]
    kinds = [Kind.TEXT, Kind.CUSTOM, Kind.BOOL, Kind.INT64, Kind.DOUBLE]
    return Values(np.array(kinds, dtype=np.uint8), np.array(bits, dtype=np.int64), heap)


@pytest.mark.parametrize("piece_values", [1, 2, 3, 100])
def test_every_kind_of_value_in_any_cut(piece_values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.protocols.opentsdb.reading.answer.ANSWER_PIECE_VALUES", piece_values)
    element = Element({"metric": "m"}, np.arange(5, dtype=np.int64) * 1000, mixed(), Fill.NONE)
    expected: list[Any] = ["ü, ]", {"lat": 1.5}, True, -(2**63), 0.1]
    as_object = json.loads(b"".join(pieces([element, element], False, False, {"emittedDPs": 10})))
    assert [list(e["dps"].items()) for e in as_object[:2]] == [[(str(t), v) for t, v in enumerate(expected)]] * 2
    assert as_object[2] == {"statsSummary": {"emittedDPs": 10}}
    (as_arrays,) = json.loads(b"".join(pieces([element], True, True, None)))
    assert as_arrays["dps"] == [[t * 1000, v] for t, v in enumerate(expected)]


def test_no_element() -> None:
    assert b"".join(pieces([], False, False, None)) == b"[]"
    assert b"".join(pieces([], False, False, {})) == b'[{"statsSummary":{}}]'
