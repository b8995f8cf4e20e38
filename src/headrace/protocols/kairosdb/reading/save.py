"""save_as: what passes that aggregator, as points to be written like any others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from headrace import limits
from headrace.errors import Refused
from headrace.gate import RuleSet, admit
from headrace.model.points import Admitted, Kind, Points, Values, concatenate
from headrace.model.series import Registry, SeriesName, series_name
from headrace.protocols.kairosdb.reading.answer import tags_of
from headrace.protocols.kairosdb.reading.wire import MetricQuery
from headrace.protocols.kairosdb.types.histogram_columns import LENGTH_MASK
from headrace.query.chain.engine import Result, Saved
from headrace.query.chain.rows import GAP, Rows

SAVED_FROM = "saved_from"
"""The tag that names the metric from which a saved point was made."""


@dataclass(frozen=True, slots=True)
class OneName:
    """The name of every row (model.points.Names)."""

    one: SeriesName

    def name(self, row: int) -> SeriesName:
        """See Names."""
        return self.one


def saved_points(
    asked: MetricQuery, results: Iterable[Result], table: Registry, rules: RuleSet, now_ms: int
) -> list[Admitted]:
    """What the results of one metric save. Raises Refused when the rules do not allow the new name."""
    saves = ((result, saved, rows) for result in results for saved, rows in result.saves)
    return [
        _admitted(_name(asked, result, saved, table), saved, rows, table, rules, now_ms)
        for result, saved, rows in saves
    ]


def together(batches: Sequence[Admitted]) -> Admitted | None:
    """All of them as one, None when there is nothing to write."""
    batches = [batch for batch in batches if len(batch)]
    return concatenate(batches) if batches else None


def _name(asked: MetricQuery, result: Result, saved: Saved, table: Registry) -> SeriesName:
    """Tags as said, and those by which the query groups; of a further group_by tag those of which the group has one
    value."""
    tags = {key: value for key, value in zip(asked.query.tag_keys or (), result.tag_values, strict=True) if value}
    if asked.grouping.further_keys:
        found = tags_of(table.names(result.series))
        tags |= {key: found[key][0] for key in asked.grouping.further_keys if len(found.get(key, ())) == 1}
    tags |= saved.tags
    if saved.from_tag:
        tags[SAVED_FROM] = asked.name
    return series_name(saved.metric, tags)


def _admitted(name: SeriesName, saved: Saved, rows: Rows, table: Registry, rules: RuleSet, now_ms: int) -> Admitted:
    kept = np.flatnonzero(rows.values.kinds != GAP)
    values = Values(rows.values.kinds[kept], rows.values.bits[kept], rows.values.heap)
    longest = int((values.bits & LENGTH_MASK).max(initial=0, where=values.kinds == Kind.CUSTOM))
    if longest > limits.KAIROSDB_TEXT_BYTES_MAX:
        raise Refused(
            "save-as",
            f"save_as cannot store {name.metric}: a value of {longest} bytes is longer than "
            f"{limits.KAIROSDB_TEXT_BYTES_MAX}; merge histograms with a lower precision",
        )
    expires = np.full(len(kept), now_ms + saved.ttl_s * 1000, dtype=np.int64) if saved.ttl_s > 0 else None
    keys = np.tile(np.array([table.key_of(name)], dtype=np.uint64), (len(kept), 1))
    points = Points(keys, rows.times[kept], values, OneName(name), np.arange(len(kept)), expires)
    admission = admit(points, rules, table)
    if admission.refused:
        _, refused, _ = admission.refused[0]
        raise Refused("save-as", f"save_as cannot store {name.metric}: {refused.detail}")
    return admission.admitted
