"""From the timeseriesIds of a post to the store's series: those that are registered, and those that the post makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.model.series import SeriesName
from headrace.model.spelling import key_column
from headrace.protocols.apollo.access import Caller
from headrace.protocols.apollo.faults import series_unknown, shown
from headrace.protocols.apollo.names import UNREGISTERED, is_guid
from headrace.protocols.apollo.registrations import Registrations, Series, series_document
from headrace.protocols.apollo.writing.decode import PostedSamples
from headrace.store import Document


class Target(NamedTuple):
    """Where the samples of one spelling go."""

    series: Series
    series_id: str
    metric: str


class SampleNames:
    """The names of the samples of a post (model.points.Names)."""

    def __init__(self, targets: Sequence[Target], codes: NDArray[np.int64]) -> None:
        self._targets = targets
        self._codes = codes

    def name(self, row: int) -> SeriesName:
        """The name of the series of sample `row`."""
        target = self._targets[int(self._codes[row])]
        return target.series.named(target.series_id, target.metric)


class Bound(NamedTuple):
    """keys: uint64[n, 2], of each sample.   changes: documents that must be committed with the samples, none when all
    was known."""

    keys: NDArray[np.uint64]
    names: SampleNames
    changes: list[Document]


def bind(
    registrations: Registrations, device: str, caller: Caller, samples: PostedSamples, *, changing: bool = False
) -> Bound:
    """Find the series of each sample. Any thread.

    changing: within Registrations.turn_of the device; only then the changes may be made.
    Raises Refused: rules "guid", "series-unknown" for another device's, "metric-empty", "metrics", "device-access".
    """
    targets: list[Target] = []
    keys: list[bytes] = []
    changed: dict[str, Series] = {}
    look_up = registrations.fresh if changing else registrations.series
    for (spelled, metric), place in zip(samples.spellings, samples.firsts, strict=True):
        known = look_up(spelled)
        series_id = spelled
        if known is None:
            series_id = _guid(spelled, place)
            known = look_up(series_id)
        if known is not None and known.series.device != device:
            raise series_unknown(spelled)
        key = known.keys.get(metric) if known else None
        series = changed.get(series_id) or (known.series if known else None)
        if key is None:
            series = _with_metric(series, device, caller, metric, place)
            changed[series_id] = series
            key = registrations.key(series, series_id, metric)
        assert series is not None, "known or made just now"
        targets.append(Target(series, series_id, metric))
        keys.append(key)
    changes = [series_document(series_id, series) for series_id, series in changed.items()]
    if len(changes) > limits.APOLLO_POINTS_MAX:
        most = limits.APOLLO_POINTS_MAX
        raise Refused("too-many", f"{len(changes)} new timeseries, at most {most} are taken at once")
    if changes:
        changes += registrations.device_changes(device, caller, registers=False)
    return Bound(key_column(keys)[samples.codes], SampleNames(targets, samples.codes), changes)


def _guid(text: str, place: int) -> str:
    if not is_guid(text):
        raise Refused("guid", f"samples[{place}].timeseriesId: no GUID: {shown(text)}")
    return text.lower()


def _with_metric(series: Series | None, device: str, caller: Caller, metric: str, place: int) -> Series:
    """The series with one metric more; an unregistered one where there is none."""
    if not metric:
        raise Refused("metric-empty", f"samples[{place}].metric: it is empty")
    if series is None:
        return Series(device, UNREGISTERED, (metric,), collection=caller.collection)
    if metric in series.metrics:
        return series  # bound by this same post, under another spelling of the id
    if len(series.metrics) >= limits.APOLLO_METRICS_MAX:
        most = limits.APOLLO_METRICS_MAX
        raise Refused("metrics-too-many", f"samples[{place}].metric: a timeseries has at most {most} metrics")
    return msgspec.structs.replace(series, metrics=(*series.metrics, metric))
