"""The type `histogram` of KairosDB Extensions (before: KairosDB Histograms): how many samples fell into each bin, and
what was known beside. Read as by its HistogramDataPointV2Factory, spelled as by its HistogramDataPointV2Impl."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from headrace.model.values import INT64_MAX
from headrace.protocols.kairosdb.types.doubles import double_text

HISTOGRAM: Final = "histogram"
"""Its name, and that of its group."""

_PRECISION_DEFAULT = 7
_MANTISSA_BITS = 52
_PLAIN = (1e-3, 1e7)
"""Where Java spells a positive double as Python does."""


class _Histogram(msgspec.Struct):
    """What a writer sends. Fields beyond these are dropped, as there.

    bins: lower end, as a text -> samples.   precision: bits of the mantissa by which the sender told bins apart.
    """

    bins: dict[str, int | float]
    min: float
    max: float
    mean: float
    sum: float
    precision: Annotated[int, msgspec.Meta(ge=0, le=_MANTISSA_BITS)] = _PRECISION_DEFAULT


# Not strict: a number may be quoted, as Gson reads one.
_SENT = msgspec.json.Decoder(_Histogram, strict=False)
_DOUBLES = msgspec.json.Decoder(list[float])


def histogram_text(text: bytes) -> str:
    """The JSON in which the histogram that a JSON text means is stored and answered.

    Bins ascend; every number is the one that was sent, in Java's spelling. Raises ValueError with the reason for the
    sender.
    """
    try:
        sent = _SENT.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"is no histogram: {error}") from None
    known = (sent.min, sent.max, sent.mean, sent.sum)
    if not all(map(math.isfinite, known)):
        raise ValueError("must have finite numbers as its min, max, mean and sum")
    least, most, mean, total = map(double_text, known)
    return (
        f'{{"bins":{{{_bins_text(sent.bins)}}},"min":{least},"max":{most},"mean":{mean},"sum":{total},'
        f'"precision":{sent.precision}}}'
    )


def _bins_text(bins: Mapping[str, int | float]) -> str:
    if not all(0 <= count <= INT64_MAX and count == int(count) for count in bins.values()):
        raise ValueError(f"must have bins that each hold a whole number of samples, 0 … {INT64_MAX}")
    try:
        # All names at once; one with a comma within makes a list of another length.
        ends = _DOUBLES.decode(f"[{','.join(bins)}]")
        pairs = sorted(
            zip(ends, map(int, bins.values()), strict=True), key=lambda pair: (pair[0], math.copysign(1, pair[0]))
        )
    except (msgspec.DecodeError, ValueError):
        raise ValueError("must have bins that are named by finite numbers") from None
    # Two spellings of one number are one bin, and the later counts, as there.
    by_name = {bin_name(end): count for end, count in pairs}
    return ",".join([f'"{name}":{count}' for name, count in by_name.items()])


def bin_name(end: float) -> str:
    """As Java's Double.toString, with the `.0` of an integral number."""
    least, most = _PLAIN
    if least <= end < most:
        return repr(end)
    name = double_text(end)
    return name if "." in name else f"{name}.0"
