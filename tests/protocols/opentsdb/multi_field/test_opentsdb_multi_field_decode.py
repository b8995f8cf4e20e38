"""Bodies of mput to columns: each field means what a put of the same value would mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Refused
from headrace.model.points import Points
from headrace.model.series import SeriesName, SeriesTable, series_name
from headrace.protocols.opentsdb.multi_field.decode import DecodedFields, FieldDecoder, Shape
from headrace.protocols.opentsdb.writing.wire import ReferenceDecoder

Read = TypeVar("Read")
TABLE = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
T = 1537170208
TAGS = '{"city":"hangzhou","sensor":"95D8"}'

NUMBERS = ("1", "-5", "2.5", "1e5", "9223372036854775807")
OTHERS = ("9223372036854775808", "1e400", "true", '"S"', '"12"', '"NaN"', '""', "null", '"é"', "[1]", "{}")
STAMPS = (str(T), f"{T}123", f'"{T}"', "0", "-5", "null", "5", "1537170208.7", '"soon"', "99999999999999")


def decoded(body: str) -> DecodedFields:
    return FieldDecoder(TABLE)(body.encode())


def point(fields: list[str], stamp: str = str(T), metric: str = "wind") -> str:
    members = ",".join(f'"f{at}":{value}' for at, value in enumerate(fields))
    return f'{{"metric":"{metric}","timestamp":{stamp},"fields":{{{members}}},"tags":{TAGS}}}'


def as_puts(points: list[tuple[str, list[str]]]) -> tuple[str, list[int]]:
    """The body of the puts that mean the same, and the index of the point of each."""
    rows = [
        (place, at, stamp, value) for place, (stamp, values) in enumerate(points) for at, value in enumerate(values)
    ]
    puts = [
        f'{{"metric":"wind\\u001ff{at}","timestamp":{stamp},"value":{value},"tags":{TAGS}}}'
        for _, at, stamp, value in rows
    ]
    return f"[{','.join(puts)}]", [place for place, *_ in rows]


def said(points: Points) -> list[Any]:
    values = points.values
    texts = [values.text(row) if values.heap and values.kinds[row] > 2 else "" for row in range(len(points))]
    names = [points.names.name(row) for row in range(len(points))]
    bits = [0 if text else bit for text, bit in zip(texts, values.bits.tolist(), strict=True)]
    return [points.keys.tolist(), points.times.tolist(), values.kinds.tolist(), bits, texts, names]


def outcome(decode: Callable[[bytes], Read], body: str) -> Read | tuple[str, str]:
    """What a body comes to, or the rule and the words by which it is refused as a whole, without the place of the first
    point."""
    try:
        return decode(body.encode())
    except Refused as refused:
        return refused.rule, refused.at.rpartition(": ")[2]


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from((*STAMPS[:2], *STAMPS)),
            st.lists(st.sampled_from((*NUMBERS, *NUMBERS, *OTHERS)), min_size=1, max_size=4),
        ),
        max_size=4,
    )
)
def test_fields_are_read_as_puts_are(points: list[tuple[str, list[str]]]) -> None:
    puts, places = as_puts(points)
    body = "[" + ",".join(point(values, stamp) for stamp, values in points) + "]"
    expected, found = outcome(ReferenceDecoder(TABLE), puts), outcome(FieldDecoder(TABLE), body)
    if isinstance(expected, tuple) or isinstance(found, tuple):
        assert found == expected
        return
    assert said(found.points) == said(expected.points)
    assert found.points.places.tolist() == [places[row] for row in expected.points.places.tolist()]
    assert [(failure.place, failure.rule, failure.error) for failure in found.failures] == [
        (places[failure.place], failure.rule, failure.error.replace("\x1f", ".")) for failure in expected.failures
    ]
    assert found.wrong == {}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"metric": ""}, "Metric name was empty"),
        ({"metric": "a\x1fb"}, 'Invalid metric name ("a\x1fb"): illegal character: \x1f'),
        ({"fields": {}}, "Missing fields"),
        ({"fields": {"a!": 1}}, 'Invalid field name ("a!"): illegal character: !'),
        ({"fields": {"": 1}}, "Invalid field name: empty string"),
        ({"tags": None}, "Missing tags"),
        ({"tags": {"a": ""}}, "Invalid tag value: empty string"),
    ],
)
def test_a_point_whose_names_are_wrong_is_wrong_as_a_whole(members: dict[str, Any], words: str) -> None:
    good = {"metric": "wind", "timestamp": T, "fields": {"speed": 1}, "tags": {"city": "a"}}
    found = decoded(json.dumps([good, {**good, **members}, good]))
    assert {place: failure.error for place, failure in found.wrong.items()} == {1: words}
    assert found.points.places.tolist() == [0, 2]


def test_names_are_had_by_row() -> None:
    found = decoded(f"[{point(['1', '2'])},{point(['3'], metric='rain')},{point(['1'] * 3)}]")

    def name(metric: str, field: str) -> SeriesName:
        return series_name(f"{metric}\x1f{field}", json.loads(TAGS))

    expected = [name("wind", "f0"), name("wind", "f1"), name("rain", "f0")]
    expected += [name("wind", "f0"), name("wind", "f1"), name("wind", "f2")]
    assert [found.points.names.name(row) for row in range(6)] == expected
    assert found.points.keys.tolist() == [list(TABLE.key_of(one)) for one in expected]


def test_remembered_names_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = FieldDecoder(TABLE)
    small = Shape("metric-0", ("f0",), tuple(json.loads(TAGS).items())).bytes_held()
    monkeypatch.setattr(limits, "OPENTSDB_SHAPES_BYTES_MAX", 5 * small)
    for number in range(9):
        for metric in (f"metric-{number}", "long" * 5 * small):
            found = decode(point(["1"], metric=metric).encode())
            assert found.points.keys.tolist() == [list(TABLE.key_of(found.points.names.name(0)))]
    remembered = decode._keys
    assert 1 <= len(remembered) <= 5
    assert all(shape.metric.startswith("metric-") for shape in remembered)


@pytest.mark.parametrize(
    ("bad", "place", "words"),
    [
        (point(["INF"]), 1, "wind: JSON is malformed: invalid character"),
        (point(["1"], metric="a").replace(TAGS, "7"), 1, "a: Expected `object | null`, got `int` - at `$.tags`"),
        ("5", 1, ": Expected `object`, got `int`"),
        (point(["1"], stamp="true"), 1, "wind.f0: timestamp is not a 64-bit integer"),
        (point(["[1]"]), 1, "wind.f0: text was expected, not an object or an array"),
    ],
)
def test_the_others_are_read_and_the_bad_one_is_named(bad: str, place: int, words: str) -> None:
    good = point([".5", '" 7"', "+8", '"a\nb"'])
    found = decoded(f"[{good},{bad},{good}]")
    [failure] = [*found.wrong.values(), *found.failures]
    assert (failure.place, failure.rule) == (place, "json")
    assert f"{failure.metric}: {failure.error}".startswith(words)
    assert said(found.points)[2:5] == [[0, 1, 1, 3] * 2, [bits(0.5), 7, 8, 0] * 2, ["", "", "", "a\nb"] * 2]


def bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))
