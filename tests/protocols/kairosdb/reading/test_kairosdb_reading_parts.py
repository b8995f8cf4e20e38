"""The parts of the reading half by themselves: members of JSON, the tables of features, answers in pieces, save_as."""

from __future__ import annotations

import json

import numpy as np
import pytest

from headrace.errors import Refused
from headrace.gate import RuleSet
from headrace.model.points import Kind, Values
from headrace.model.series import SeriesTable
from headrace.protocols.kairosdb.reading import answer as read_answer
from headrace.protocols.kairosdb.reading import fields as read_fields
from headrace.protocols.kairosdb.reading.aggregators.table import AGGREGATORS
from headrace.protocols.kairosdb.reading.answer import Answered, Shown, pieces
from headrace.protocols.kairosdb.reading.features import Feature
from headrace.protocols.kairosdb.reading.grouping import FEATURES
from headrace.protocols.kairosdb.reading.save import saved_points, together
from headrace.protocols.kairosdb.reading.wire import parse_query
from headrace.query.chain.engine import Result, Saved
from headrace.query.chain.rows import GAP, Rows

NAMES = ["avg", "sum", "min", "max", "count", "dev", "first", "last", "percentile", "least_squares", "gaps"]
NAMES += ["diff", "rate", "sampler", "scale", "div", "sma", "trim", "filter", "save_as", "score"]
NAMES += ["merge", "apdex", "movingWindow", "percent_remaining"]
NAMES += ["havg", "hcount", "hdev", "hfilter", "hmax", "hmin", "hpercentile", "hsum"]


def test_all_aggregators_and_group_bys_are_there_and_describe_themselves() -> None:
    assert list(AGGREGATORS) == NAMES
    assert list(FEATURES) == ["tag", "time", "value", "bin"]
    features: list[Feature] = [*(one.feature for one in AGGREGATORS.values()), *FEATURES.values()]
    for feature in features:
        described = feature.described()
        assert described["name"] == feature.name
        assert described["description"].endswith(".")
        assert [one["name"] for one in described["properties"]] == list(feature.properties)
        assert feature.java_class.startswith(("org.kairosdb.core.", "io.inscopemetrics.kairosdb.aggregators."))


@pytest.mark.parametrize(
    ("said", "number"),
    [
        *((5, 5), ("5", 5), ("-5", -5), ("+7", 7), ("007", 7), (5.0, 5), (2**63 - 1, 2**63 - 1)),
        *((1438405200000.123, 1438405200000), (1.9, 1), (-0.5, 0)),
    ],
)
def test_integers(said: object, number: int) -> None:
    assert read_fields.integer(said, "x") == number


@pytest.mark.parametrize("said", ["", "1.5", "5.0", "abc", None, [], {}, 2**63, 1e19, True, "1e3", [5]])
def test_what_is_no_integer(said: object) -> None:
    with pytest.raises(Refused):
        read_fields.integer(said, "x")


@pytest.mark.parametrize(("said", "number"), [("1e3", 1000.0), (" 2.5 ", 2.5), (".5", 0.5), (3, 3.0)])
def test_numbers(said: object, number: float) -> None:
    assert read_fields.number(said, "x") == number


@pytest.mark.parametrize("said", ["", "nan", "inf", "1e999", "1_0", None, True, "0x10"])
def test_what_is_no_number(said: object) -> None:
    with pytest.raises(Refused):
        read_fields.number(said, "x")


def test_a_long_answer_comes_in_pieces_that_make_one_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_answer, "ANSWER_PIECE_VALUES", 3)
    kinds = np.array(
        [Kind.INT64, Kind.DOUBLE, GAP, Kind.TEXT, Kind.BOOL, Kind.CUSTOM, GAP, Kind.DOUBLE], dtype=np.uint8
    )
    heap = b'a"bgeo\0{"lat":1}'
    double = int(np.float64(2.5).view(np.int64))
    bits = np.array([7, double, 0, 3, 1, 3 << 24 | (len(heap) - 3), 0, double], dtype=np.int64)
    rows = Rows.of_one(np.arange(8), Values(kinds, bits, heap))
    parts = list(pieces([Answered(8, [Shown({"name": "m"}, rows)])]))
    assert len(parts) > 3
    [answer] = json.loads(b"".join(parts))["queries"]
    values = [7, 2.5, None, 'a"b', "true", {"lat": 1}, None, 2.5]
    assert answer == {"sample_size": 8, "results": [{"name": "m", "values": [[n, v] for n, v in enumerate(values)]}]}


def test_gaps_are_not_saved() -> None:
    [asked] = parse_query(b'{"start_absolute":1,"metrics":[{"name":"m"}]}', 10)
    kinds = np.array([Kind.INT64, GAP], dtype=np.uint8)
    rows = Rows.of_one(np.array([1, 2]), Values(kinds, np.array([5, 0])))
    saved = Saved("other", {}, 0, from_tag=True)
    result = Result(np.array([0], dtype=np.uint32), "number", (), (), rows, ((saved, rows),))
    table = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
    admitted = together(saved_points(asked, [result], table, RuleSet("k", 1, None, 1, 64, 4096), 10))
    assert admitted is not None
    assert admitted.times.tolist() == [1]
    assert table.name(int(admitted.series[0])) == ("other", (("saved_from", "m"),))
    assert together([]) is None
