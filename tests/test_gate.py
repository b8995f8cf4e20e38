"""The gate: which points may live here, each refusal named by its place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Refused
from headrace.gate import RuleSet, admit
from headrace.model.points import Kind, Names, Points, Values
from headrace.model.series import SeriesName, SeriesTable, series_name
from headrace.protocols.opentsdb import telnet
from headrace.protocols.opentsdb.writing.scan import scan, scan_lines

PLAIN = RuleSet("plain", 0, re.compile(r"[^a-z]"), tags_min=1, tags_max=2, name_bytes_max=8)
ANYTHING = RuleSet("anything", 1, None, tags_min=0, tags_max=9, name_bytes_max=99)
SECRET = np.arange(1, 17, 2, dtype=np.uint64)


@dataclass
class Listed:
    names: list[SeriesName]
    asked: list[int]

    def name(self, row: int) -> SeriesName:
        self.asked.append(row)
        return self.names[row]


def batch(table: SeriesTable, names: list[SeriesName]) -> tuple[Points, Listed]:
    listed = Listed(names, [])
    keys = np.array([table.key_of(name) for name in names], dtype=np.uint64).reshape(-1, 2)
    count = len(names)
    values = Values(np.full(count, Kind.INT64, dtype=np.uint8), np.arange(count, dtype=np.int64))
    places = np.arange(count, dtype=np.int64) * 10
    return Points(keys, np.arange(count, dtype=np.int64), values, listed, places), listed


def test_a_name_is_checked_once_per_series_and_rule_set() -> None:
    table = SeriesTable(SECRET)
    one, other = series_name("m", {"k": "v"}), series_name("m", {"k": "w"})
    points, listed = batch(table, [one, other, one, one])
    assert admit(points, PLAIN, table).admitted.series.tolist() == [0, 1, 0, 0]
    assert listed.asked == [0, 1]
    admit(points, PLAIN, table)
    assert listed.asked == [0, 1]
    admit(points, ANYTHING, table)
    assert listed.asked == [0, 1, 0, 1]


def test_good_points_beside_bad_ones_pass_in_their_order() -> None:
    table = SeriesTable(SECRET)
    good, bad = series_name("m", {"k": "v"}), series_name("M", {"k": "v"})
    points, _ = batch(table, [good, bad, good, bad])
    admission = admit(points, PLAIN, table)
    assert admission.admitted.series.tolist() == [0, 0]
    assert admission.admitted.values.bits.tolist() == [0, 2]
    assert admission.admitted.times.tolist() == [0, 2]
    assert [(place, refused.rule, name) for place, refused, name in admission.refused] == [
        (10, "metric-character", bad),
        (30, "metric-character", bad),
    ]


def test_what_one_room_refuses_another_may_take() -> None:
    table = SeriesTable(SECRET)
    odd = series_name("Odd name", {})
    points, _ = batch(table, [odd])
    assert len(admit(points, PLAIN, table).admitted) == 0
    assert len(admit(points, ANYTHING, table).admitted) == 1
    assert len(admit(points, PLAIN, table).admitted) == 0, "the other room's yes does not count here"


def test_a_refusal_keeps_nothing_of_what_made_it() -> None:
    # A traceback holds the names in every form that they had on the way: a gigabyte for 36,000 long ones.
    table = SeriesTable(SECRET)
    points, _ = batch(table, [series_name("m", {"k": "x" * 20_000}), series_name("M", {"k": "v"})])
    refused = admit(points, replace(PLAIN, name_bytes_max=30_000), table).refused
    assert [refusal.rule for _, refusal, _ in refused] == ["series-bytes", "metric-character"]
    assert not any(refusal.__traceback__ for _, refusal, _ in refused)


def test_the_new_names_of_a_batch_are_refused_from_where_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_NAME_BYTES_MAX", 14)
    table = SeriesTable(SECRET)
    names = [series_name("m", {"k": value}) for value in ("a", "a", "b", "c", "d")]
    points, _ = batch(table, names)
    admission = admit(points, PLAIN, table)
    assert admission.admitted.series.tolist() == [0, 0, 1]
    assert [(place, refused.rule) for place, refused, _ in admission.refused] == [
        (30, "request-names"),
        (40, "request-names"),
    ]
    assert len(admit(points, PLAIN, table).admitted) == 5, "the next request has its own bytes"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (series_name("", {"k": "v"}), "metric-empty"),
        (series_name("m", {}), "tags-missing"),
        (series_name("m", {"a": "v", "b": "v", "c": "v"}), "tags-too-many"),
        (series_name("a!", {"k": "v"}), "metric-character"),
        (series_name("m", {"": "v"}), "tag-key-empty"),
        (series_name("m", {"k!": "v"}), "tag-key-character"),
        (series_name("m", {"k": ""}), "tag-value-empty"),
        (series_name("m", {"k": "v!"}), "tag-value-character"),
        (series_name("muchtoolong", {"k": "v"}), "name-too-long"),
        (series_name("m", {"k": "ééééé"}), "name-too-long"),
    ],
)
def test_every_rule_is_named(name: SeriesName, rule: str) -> None:
    with pytest.raises(Refused) as caught:
        PLAIN.check(name)
    assert caught.value.rule == rule


words = st.text("abcé", min_size=1, max_size=3) | st.sampled_from(["a" * 8, "a" * 9, "A", "b!"])
spelled = st.lists(st.tuples(words, st.dictionaries(words, words, min_size=1, max_size=3)), min_size=1, max_size=12)


@dataclass
class OneByOne:
    """The same names, to be had only one by one."""

    names: Names

    def name(self, row: int) -> SeriesName:
        return self.names.name(row)


@pytest.mark.parametrize("dialect", ["json", "line"])
@given(batches=st.lists(spelled, min_size=1, max_size=3))
def test_names_in_bulk_fare_as_one_by_one(dialect: str, batches: list[list[tuple[str, dict[str, str]]]]) -> None:
    tables = [SeriesTable(SECRET), SeriesTable(SECRET)]
    for named in batches:
        if dialect == "json":
            sent = [{"metric": metric, "timestamp": 1e9, "value": 1, "tags": tags} for metric, tags in named]
            points = scan(json.dumps(sent, ensure_ascii=False).replace("1000000000.0", "1000000000").encode(), SECRET)
        else:
            tags = ["".join(f" {key}={value}" for key, value in tags.items()) for _, tags in named]
            lines = [f"put {metric} 1000000000 1{tag}\n" for (metric, _), tag in zip(named, tags, strict=True)]
            points = scan_lines("".join(lines).encode(), SECRET, telnet.read_name)
        assert points is not None
        one_by_one = replace(points, names=OneByOne(points.names))
        answers = []
        for table, batch in zip(tables, (points, one_by_one), strict=True):
            admission = admit(batch, PLAIN, table)
            keys = table.keys(admission.admitted.series).tolist()
            refused = [(place, why.rule, why.detail, why.at, name) for place, why, name in admission.refused]
            answers.append((keys, admission.admitted.times.tolist(), refused))
        assert answers[0] == answers[1]
    registered = []
    for table in tables:
        ordinals = np.arange(len(table), dtype=np.uint32)
        pairs = zip(table.names(ordinals), map(tuple, table.keys(ordinals).tolist()), strict=True)
        registered.append(sorted(pairs))
        assert all(table.key_of(name) == key for name, key in registered[-1])
    assert registered[0] == registered[1]


def test_plain_names_are_asked_for_in_bulk_only() -> None:
    table = SeriesTable(SECRET)
    points = scan(
        b'[{"metric":"m","timestamp":1000000000,"value":1,"tags":{"b":"x","a":"y"}},'
        b'{"metric":"m","timestamp":1000000000,"value":1,"tags":{"a":"y","b":"x"}}]',
        SECRET,
    )
    assert points is not None
    points.names.name = None  # type: ignore[method-assign,assignment]
    assert admit(points, PLAIN, table).admitted.series.tolist() == [0, 0]
    assert table.name(0) == series_name("m", {"a": "y", "b": "x"})
    assert len(admit(points, ANYTHING, table).admitted) == 2
    assert len(table) == 1
