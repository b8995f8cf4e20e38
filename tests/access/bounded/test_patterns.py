"""Metrics that a grant names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from headrace.access.bounded.patterns import Patterns, patterns_of
from headrace.model.series import SeriesTable, series_name


@pytest.mark.parametrize(
    ("patterns", "metric", "covered"),
    [
        (["plant.*"], "plant.a", True),
        (["plant.*"], "plant.", True),
        (["plant.*"], "plant", False),
        (["plant.*"], "xplant.a", False),
        (["plant.*"], "plantXa", False),
        (["plant"], "plant", True),
        (["plant"], "plant.a", False),
        (["plant"], "plant\x1ffield", True),  # a field of it
        (["plant"], "plant\x1ffield\x1fmore\n", True),
        (["a*"], "b\x1fa", False),
        (["*.temp"], "a.b.temp", True),
        (["*.temp"], "a.b.temp\x1ffield", True),
        (["*.temp"], "a.b.temperature", False),
        (["*"], "any\nthing", True),
        (["*"], "", False),
        (["a", "b*"], "bc", True),
        (["a", "b*"], "ac", False),
        (["a|b"], "a", False),
        (["a(b"], "a(b", True),
        ([".*"], "a", False),
        ([], "a", False),
        ([], "", False),
    ],
)
def test_what_they_cover(patterns: list[str], metric: str, covered: bool) -> None:
    found = Patterns(patterns)
    assert found.cover(metric) is covered
    assert found.matching(pa.array(["", metric, metric])).tolist() == [False, covered, covered]


def test_ordinals_are_covered_as_their_metrics_are_also_those_that_came_later() -> None:
    table = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
    patterns = Patterns(["a.*"])
    rng = np.random.default_rng(7)
    covered: list[bool] = []
    for step in range(2000):
        metric = f"{rng.choice(['a.', 'b.'])}{step}"
        name = series_name(metric, {"k": "v"})
        table.register(table.key_of(name), name, 0)
        covered.append(metric.startswith("a."))
        if step % 97 == 0:
            asked = rng.integers(0, len(table), 50).astype(np.uint32)
            assert patterns.covering(asked, table).tolist() == [covered[one] for one in asked.tolist()]
    assert patterns.covering(np.arange(2000, dtype=np.uint32), table).tolist() == covered
    assert patterns.covering(np.empty(0, dtype=np.uint32), table).tolist() == []


def test_where_to_look_for_their_names() -> None:
    assert Patterns(["b*", "a.x", "a.*", "a.xy", "b"]).beginnings == ("a.", "b")
    assert Patterns(["a", "*b"]).beginnings == ("",)
    assert Patterns([]).beginnings == ()


def test_the_same_patterns_are_one() -> None:
    assert patterns_of(frozenset(("a", "b"))) is patterns_of(frozenset(("b", "a")))
