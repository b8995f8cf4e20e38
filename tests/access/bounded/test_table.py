"""What the gate refuses of points of metrics that nobody granted."""

from __future__ import annotations

import numpy as np

from headrace.access.bounded.patterns import Patterns
from headrace.access.bounded.table import BoundedTable
from headrace.gate import admit
from headrace.model.points import Points, Values
from headrace.model.series import SeriesTable, series_name
from headrace.protocols.kairosdb.reading.save import OneName
from headrace.protocols.opentsdb.names import OPENTSDB_RULES


def points(table: SeriesTable, metric: str) -> Points:
    name = series_name(metric, {"host": "a"})
    keys = np.array([table.key_of(name)], dtype=np.uint64)
    values = Values(np.zeros(1, dtype=np.uint8), np.ones(1, dtype=np.int64))
    return Points(keys, np.ones(1, dtype=np.int64), values, OneName(name), np.zeros(1, dtype=np.int64))


def test_known_and_new_series_of_other_metrics_are_refused_and_not_registered() -> None:
    table = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
    bounded = BoundedTable(table, Patterns(["mine.*"]), "agent")
    assert not admit(points(table, "others.old"), OPENTSDB_RULES, table).refused
    for metric, is_refused in (("others.old", True), ("others.new", True), ("mine.new", False), ("mine.new", False)):
        admission = admit(points(table, metric), OPENTSDB_RULES, bounded)
        assert len(admission.admitted) == (not is_refused)
        for _, refused, name in admission.refused:
            assert (refused.rule, name.metric) == ("permission-missing", metric)
            assert refused.detail == "agent may not write this metric"
    assert [name.metric for name in table.names(np.arange(len(table), dtype=np.uint32))] == ["others.old", "mine.new"]
    assert len(bounded) == 2
