"""save_as: what passes is stored under another metric as well (reading/save.py stores it)."""

from __future__ import annotations

from typing import Any, Final

from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.aggregators.aggregator import (
    Aggregator,
    Asked,
    Found,
    described,
    named_property,
)
from headrace.protocols.kairosdb.reading.features import by_name
from headrace.protocols.kairosdb.reading.fields import refuse
from headrace.query.chain.engine import Saved, Step
from headrace.query.chain.rows import Rows


def _save_as(found: Found, asked: Asked, place: str) -> Step:
    if not found.get("metric_name"):
        refuse(f"{place}.metricName", "may not be empty")
    saved = Saved(found["metric_name"], found.get("tags", {}), found.get("ttl", 0), found.get("add_saved_from", True))
    return Step(Rows.merged, saved=saved)


def _tags(said: Any, place: str) -> dict[str, str]:
    return {name: fields.text(value, f"{place}.{name}") for name, value in fields.is_members(said, place).items()}


SAVE_AS: Final = Aggregator(
    described(
        "save_as",
        "Stores the points under another metric, and passes them on.",
        "SaveAsAggregator",
        by_name(
            named_property("metric_name", "The metric to store under.", "string", fields.text),
            named_property("tags", "Tags to add.", "array", _tags),
            named_property("ttl", "Seconds until they expire, 0 for never.", "int", fields.integer, "0"),
            named_property("add_saved_from", "Add the tag saved_from.", "boolean", fields.property_boolean, "true"),
        ),
    ),
    _save_as,
)
