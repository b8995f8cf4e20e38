"""Histograms of samples, made as the writers of KairosDB Extensions make them (its tests' HistogramUtils)."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from headrace.protocols.kairosdb.types.histogram import histogram_text
from headrace.protocols.kairosdb.types.histogram_columns import custom_values
from headrace.query.chain.rows import Rows


def cut(value: float, precision: int = 7) -> float:
    """The end of the bin of a value: all but `precision` bits of its mantissa are 0."""
    [bits] = struct.unpack("<q", struct.pack("<d", value))
    return float(struct.unpack("<d", struct.pack("<q", bits & -1 << (52 - precision)))[0])


def histogram(samples: Iterable[float], precision: int = 7) -> str:
    """As it is stored."""
    samples = list(samples)
    bins = Counter(repr(cut(sample, precision)) for sample in samples)
    total = sum(samples)
    return of_bins(bins, min(samples), max(samples), total, precision)


def of_bins(bins: Mapping[str, int], least: float, most: float, total: float, precision: int = 7) -> str:
    """As it is stored, of any bins."""
    count = sum(bins.values())
    known = {"min": least, "max": most, "mean": total / count if count else 0, "sum": total, "precision": precision}
    return f"histogram\0{histogram_text(json.dumps({'bins': bins, **known}).encode())}"


def rows_of(*series: Sequence[tuple[int, str]]) -> Rows:
    """Columns of series of (ms, stored value)."""
    points = [point for one in series for point in one]
    starts = np.cumsum([0, *map(len, series)]).astype(np.int64)
    values = custom_values([text.encode() for _, text in points])
    return Rows(starts, np.array([time for time, _ in points], dtype=np.int64), values)


def listed(rows: Rows) -> list[tuple[int, Any]]:
    """(ms, value) of each row: a number, or what a histogram's JSON says."""
    kinds = set(rows.values.kinds.tolist())
    if kinds <= {0, 1}:
        return list(zip(rows.times.tolist(), rows.doubles().tolist(), strict=True))
    texts = [rows.values.text(row) for row in range(len(rows))]
    return [(time, json.loads(text.partition("\0")[2])) for time, text in zip(rows.times.tolist(), texts, strict=True)]
