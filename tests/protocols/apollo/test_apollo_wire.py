from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from apollo_room import sample
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Refused
from headrace.model.points import Kind, Values
from headrace.protocols.apollo.wire import points_of, samples_of
from headrace.protocols.apollo.writing.decode import decode
from headrace.protocols.apollo.writing.values import values_column

G = "51922b39-8cd3-9ae3-d42f-6c8fde777e9c"


def read_back(values: Values) -> list[Any]:
    of_kind = {
        Kind.DOUBLE: lambda row: float(values.doubles()[row]),
        Kind.INT64: lambda row: int(values.bits[row]),
        Kind.BOOL: lambda row: bool(values.bits[row]),
        Kind.TEXT: values.text,
    }
    return [of_kind[Kind(kind)](row) for row, kind in enumerate(values.kinds.tolist())]


def refused(body: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        decode(json.dumps(body).encode())
    return refusal.value


INTEGERS = st.integers(-(2**63), 2**63 - 1)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text().filter(lambda text: not any(character in "0123456789" for character in text))


@given(st.lists(INTEGERS | DOUBLES | st.booleans() | TEXTS, min_size=1))
def test_values_are_exact_and_of_their_kind(values: list[Any]) -> None:
    body = json.dumps([sample(G, value) for value in values]).encode()
    found = read_back(decode(body).values)
    assert [(type(value), value) for value in found] == [(type(value), value) for value in values]


@given(st.lists(INTEGERS | DOUBLES, min_size=1))
def test_a_text_that_is_a_number_is_the_number(values: list[Any]) -> None:
    texts = values_column([json.dumps(value) for value in values])
    assert read_back(texts) == read_back(values_column(values))
    assert texts.kinds.tolist() == values_column(values).kinds.tolist()


@pytest.mark.parametrize(
    "text", ["", " 7", "+7", "007", "7.", ".5", "0x7", "NaN", "Infinity", "1e999", str(2**63), "٧"]
)
def test_a_text_that_only_looks_like_a_number_stays_a_text(text: str) -> None:
    assert read_back(values_column([text])) == [text]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30])
def test_an_integer_beyond_64_bits_is_refused_by_its_place(value: int) -> None:
    for before in ([1], [1.5], ["a"]):
        refusal = refused([*(sample(G, one) for one in before), sample(G, value)])
        assert (refusal.rule, refusal.detail) == ("value-range", "samples[1].val: integer is beyond 64 bits")


def test_a_text_too_long_is_refused_by_its_place() -> None:
    longest = "é" * (limits.APOLLO_TEXT_BYTES_MAX // 2)
    assert read_back(values_column([longest])) == [longest]
    assert refused([sample(G, 1), sample(G, longest + "x")]).detail.startswith("samples[1].val: text is longer than")


def test_metric_comes_before_mertic_and_raw_after_both() -> None:
    names: list[dict[str, Any]] = [
        {"metric": "A", "mertic": "B"},
        {"mertic": "B"},
        {},
        {"metric": None, "mertic": "B"},
        {"metric": None},
    ]
    body = json.dumps([sample(G, 1, **name) for name in names]).encode()
    assert [one.metric_name() for one in samples_of(body)] == ["A", "B", "Raw", "B", "Raw"]


def test_columns_name_each_series_once_and_where_it_is_first() -> None:
    bodies = [sample("a", 1), sample("b", 2), sample("a", 3, metric="X"), sample("b", 4), sample("a", 5)]
    columns = decode(json.dumps(bodies).encode())
    assert columns.spellings == [("a", "Raw"), ("b", "Raw"), ("a", "X")]
    assert columns.codes.tolist() == [0, 1, 2, 1, 0]
    assert columns.firsts == [0, 1, 2]
    assert len(columns) == 5


def test_times_and_offsets() -> None:
    texts = ["1970-01-01T00:00:01Z", "1970-01-01T05:30:00.5+05:30"]
    columns = decode(json.dumps([sample(G, 1, text) for text in texts]).encode())
    assert (columns.times.tolist(), columns.offsets.tolist()) == ([1000, 500], [0, 330])
    assert refused([sample(G, 1), sample(G, 2, "soon")]).detail.startswith("samples[1].timestamp: ")


def test_more_samples_than_are_taken_at_once() -> None:
    most = limits.APOLLO_SAMPLES_MAX
    body = [sample(G, 1)] * (most + 1)
    assert refused(body).rule == "too-many"
    assert len(decode(json.dumps(body[1:]).encode())) == most


@pytest.mark.parametrize("body", [b"[", b"{}", b"7", b'"x"', b"[[]]", b"[null]", b"\xff", b"[" * 100_000, b"[{}]"])
def test_what_is_no_list_of_objects_is_refused_with_words(body: bytes) -> None:
    for read in (samples_of, points_of):
        with pytest.raises(Refused, match=r"^(samples|points)") as refusal:
            read(body)
        assert refusal.value.rule == "json"


@pytest.mark.parametrize(
    ("read", "most"), [(points_of, "APOLLO_POINT_ITEMS_MAX"), (samples_of, "APOLLO_SAMPLE_ITEMS_MAX")]
)
def test_items_are_counted_before_they_are_objects(read: Callable[[bytes], object], most: str) -> None:
    with pytest.raises(Refused, match="items") as refusal:
        read(b"[" + b"{}," * getattr(limits, most) + b"{}]")
    assert refusal.value.rule == "body-too-large"


def test_a_text_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(Refused, match="samples"):
        samples_of(b'[{"timeseriesId":"\xff","val":1,"timestamp":"x"}]')


def test_ten_thousand_series_in_one_post() -> None:
    ids = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(10_000)]
    columns = decode(json.dumps([sample(one, number) for number, one in enumerate(ids)]).encode())
    assert np.array_equal(columns.codes, np.arange(10_000))
    assert columns.firsts == list(range(10_000))


def whole_or_words(body: bytes) -> object:
    """Behind the last comma of a piece nothing stands; of a whole, an odd character does."""
    try:
        return samples_of(body)
    except Refused as refusal:
        return refusal.rule, str(refusal).replace("trailing comma in array", "invalid character")


BROKEN = ("", "", "", "", ",", "]", "[", "}", "7", '"', "\n", '{"val": []}', "null", '{"timeseriesId": 5}')


@given(st.lists(st.tuples(TEXTS | DOUBLES, st.sampled_from(BROKEN)), min_size=1, max_size=20), st.integers(1, 300))
def test_a_body_by_pieces_is_as_the_whole(parts: list[tuple[Any, str]], piece_bytes: int) -> None:
    """Also what is wrong with it, and at which byte or sample."""
    text = " [\n" + ",".join(json.dumps(sample(G, value)) + broken for value, broken in parts) + "] "
    whole = whole_or_words(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "JSON_PIECE_BYTES", piece_bytes)
        assert whole_or_words(text.encode()) == whole
