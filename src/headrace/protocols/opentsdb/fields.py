"""Alibaba's multi-field points: how one metric's fields are series that no plain metric can be taken for.

A field is a series of its own whose metric is `<metric>` U+001F `<field>`: the unit separator is a character that no
name of a plain point may hold.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SEPARATOR: Final = "\x1f"


class Field(NamedTuple):
    """One field of a metric."""

    metric: str
    field: str


def series_metric(field: Field) -> str:
    """The metric name under which a field's series are stored."""
    return f"{field.metric}{SEPARATOR}{field.field}"


def in_plain_words(words: str) -> str:
    """Words about a stored metric name as the sender of a field understands them: wind.speed."""
    return words.replace(SEPARATOR, ".")


def field_of(metric: str) -> Field | None:
    """The field whose stored metric name this is, None for a plain metric."""
    base, separator, field = metric.partition(SEPARATOR)
    return Field(base, field) if separator else None
