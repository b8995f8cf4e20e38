"""What an aggregator is, and the properties that several of them have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from headrace.protocols.kairosdb.reading import fields
from headrace.protocols.kairosdb.reading.features import Feature, Property, one_of
from headrace.protocols.kairosdb.types.histogram import HISTOGRAM
from headrace.query.chain.engine import Step
from headrace.query.chain.rows import Rows


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the whole question an aggregator goes by.

    end_ms: the end of the question, or now if that is earlier.
    """

    start_ms: int
    end_ms: int
    zone: tzinfo


Found = Mapping[str, Any]
"""Properties as they were read."""


@dataclass(frozen=True, slots=True)
class Aggregator:
    """feature: how it describes itself.   step: makes the step of the properties, the question, and the place that an
    error names; raises Refused."""

    feature: Feature
    step: Callable[[Found, Asked, str], Step]


def described(name: str, description: str, java_class: str, properties: Mapping[str, Property]) -> Feature:
    """The description of an aggregator. java_class: without its package."""
    return Feature(name, description, f"org.kairosdb.core.aggregator.{java_class}", properties)


PLUGIN_CLASSES: Final = "io.inscopemetrics.kairosdb.aggregators."
"""The package of the aggregators of KairosDB Extensions."""


def of_histograms(step: Step) -> Mapping[str, Step]:
    """For Step.of_type: what stands in its place for histograms."""
    return {HISTOGRAM: step}


def of_numbers(apply: Callable[[Rows], Rows]) -> Step:
    """A step that takes nothing but numbers."""
    return Step(apply, numbers_only=True)


def named_property(
    name: str, description: str, kind: str, read: Callable[[Any, str], Any], default: str = ""
) -> Property:
    """A property whose errors name its place in the question. read: of what stands in the JSON, and that place."""

    def read_at_its_place(said: Any, context: str, own: str) -> Any:
        return read(said, f"{context}.{own}")

    return Property(name, description, kind, read_at_its_place, default)


def word_property(name: str, description: str, options: tuple[str, ...], wording: str, default: str) -> Property:
    """A property that is one of some words. wording: follows a bad word in an error."""
    return Property(name, description, "enum", one_of(options, wording), default, options)


def _read_zone(said: Any, context: str, _own: str) -> tzinfo:
    return fields.zone(said, context)


def _read_unit(said: Any, context: str, _own: str) -> str:
    return fields.unit(said, context)


TIME_ZONE: Final = Property("time_zone", "The zone whose calendar counts.", "string", _read_zone)

UNIT: Final = Property(
    "unit", "The unit of time.", "enum", _read_unit, default="MILLISECONDS", options=tuple(fields.UNITS)
)

SAMPLING: Final = Property(
    "sampling", "The length of a range.", "Object", fields.span, parts=(("value", "long"), ("unit", "enum"))
)
