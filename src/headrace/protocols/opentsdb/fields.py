"""Alibaba's multi-field points: how one metric's fields are series that no plain metric can be taken for.

A field is a series of its own whose metric is `<metric>` U+001F `<field>`: the unit separator is a character that no
name of a plain point may hold.
"""

from __future__ import annotations

from typing import NamedTuple

from headrace.model.series import FIELD_SEPARATOR


class Field(NamedTuple):
    """One field of a metric."""

    metric: str
    field: str


def series_metric(field: Field) -> str:
    """The metric name under which a field's series are stored."""
    return f"{field.metric}{FIELD_SEPARATOR}{field.field}"


def in_plain_words(words: str) -> str:
    """Words about a stored metric name as the sender of a field understands them: wind.speed."""
    return words.replace(FIELD_SEPARATOR, ".")


def field_of(metric: str) -> Field | None:
    """The field whose stored metric name this is, None for a plain metric."""
    base, separator, field = metric.partition(FIELD_SEPARATOR)
    return Field(base, field) if separator else None
