"""Plain bodies of samples by a kernel; everything else by the reference decoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.scanning import apollo_json as kernel
from headrace.kernels.scanning.columns import SPAN_COLUMNS
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.plain_json import PADDING
from headrace.model.points import Kind, Values
from headrace.protocols.apollo.writing.decode import Decode, PostedSamples, too_many

assert kernel.BOOL == Kind.BOOL, "kernels import nothing of ours, so this number stands in both"

_ZEROS = bytes(PADDING)


def scan(body: bytes, secret: NDArray[np.uint64]) -> PostedSamples | None:
    """The samples of a plain body, or None when the reference decoder must look at it. Any thread.

    secret: uint64[8], the database's own (model.series.SeriesTable.secret). What is returned is exactly what the
    reference decoder returns; of a body of too many samples it raises the same Refused.
    """
    most = len(body) // kernel.SAMPLE_BYTES_MIN + 1
    slots = np.full(1 << (2 * most).bit_length(), -1, dtype=np.int64)
    hashes = np.empty((most, 2), dtype=np.uint64)
    spans = np.empty(most * SPAN_COLUMNS, dtype=np.int64)
    # Pages of these that no sample reaches are never touched and cost nothing.
    firsts, codes, times, offsets, bits = np.empty((5, most), dtype=np.int64)
    kinds = np.empty(most, dtype=np.uint8)
    data = np.frombuffer(body + _ZEROS, dtype=np.uint8)
    columns = (slots, hashes, spans, firsts, codes, times, offsets, kinds, bits)
    count, pairs = map(int, kernel.scan(data, len(body), secret, *columns))
    if count == NOT_PLAIN:
        return None
    if count > limits.APOLLO_SAMPLES_MAX:
        raise too_many(count)
    places = spans[: pairs * SPAN_COLUMNS].reshape(-1, SPAN_COLUMNS).tolist()
    try:
        spellings = [(body[a + 1 : b - 1].decode(), body[c + 1 : d - 1].decode()) for a, b, c, d in places]
    except UnicodeDecodeError:
        return None
    values = Values(kinds[:count], bits[:count])
    return PostedSamples(spellings, codes[:count], firsts[:pairs].tolist(), times[:count], offsets[:count], values)


class ScanningDecoder:
    """A decode.Decode that scans what is plain and asks `reference` for the rest."""

    def __init__(self, reference: Decode, secret: NDArray[np.uint64]) -> None:
        self._reference = reference
        self._secret = secret

    def __call__(self, body: bytes) -> PostedSamples:
        """The body as columns."""
        samples = scan(body, self._secret)
        return self._reference(body) if samples is None else samples
