"""A body of samples to columns: the reference decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.kernels.scanning.iso_times import PADDING, read_iso_column
from headrace.model.points import Values
from headrace.protocols.apollo.faults import shown
from headrace.protocols.apollo.times import Moment, read_moment
from headrace.protocols.apollo.wire import samples_of
from headrace.protocols.apollo.writing.values import values_column

Spelling = tuple[str, str]
"""A timeseriesId as it was sent, and a `metric`."""


class PostedSamples(NamedTuple):
    """n samples in the order of the request.

    spellings: each pair of timeseriesId and metric once.   codes: int64[n], which of them.   firsts: the place of the
    first sample of each.   times: int64[n] ms.   offsets: int64[n] minutes east of Greenwich, as posted.
    """

    spellings: list[Spelling]
    codes: NDArray[np.int64]
    firsts: list[int]
    times: NDArray[np.int64]
    offsets: NDArray[np.int64]
    values: Values

    def __len__(self) -> int:
        return len(self.codes)  # not the number of fields, as a tuple has it


Decode = Callable[[bytes], PostedSamples]
"""From a body to columns; raises Refused, naming the sample, and then nothing of the request is stored. Any thread."""


def decode(body: bytes) -> PostedSamples:
    """The decoder that decides what every body means (a Decode). Faster ones must equal it."""
    samples = samples_of(body)
    if len(samples) > limits.APOLLO_SAMPLES_MAX:
        raise too_many(len(samples))
    places: dict[Spelling, int] = {}
    codes = [places.setdefault((sample.series_id, sample.metric_name()), len(places)) for sample in samples]
    column = np.array(codes, dtype=np.int64)
    firsts = np.unique(column, return_index=True)[1].tolist()
    times, offsets = times_column([sample.timestamp for sample in samples])
    return PostedSamples(
        list(places), column, firsts, times, offsets, values_column([sample.val for sample in samples])
    )


def times_column(texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[n] ms and int64[n] minutes of offset. Raises Refused (rule "timestamp") naming the sample."""
    times, offsets = np.empty((2, len(texts)), dtype=np.int64)
    joined = "".join(texts)
    data = np.frombuffer(joined.encode() + bytes(PADDING), dtype=np.uint8)
    lengths = [len(text) if joined.isascii() else len(text.encode()) for text in texts]
    ends = np.cumsum(lengths, dtype=np.int64)
    row = 0
    while (row := int(read_iso_column(data, ends, row, times, offsets))) < len(texts):
        times[row], offsets[row] = _moment(texts[row], row)
        row += 1
    return times, offsets


def _moment(text: str, place: int) -> Moment:
    try:
        return read_moment(text)
    except ValueError as error:
        raise Refused("timestamp", f"samples[{place}].timestamp: {error}: {shown(text)}") from None


def too_many(count: int) -> Refused:
    """413."""
    return Refused("too-many", f"{count} samples, at most {limits.APOLLO_SAMPLES_MAX} are taken at once")
