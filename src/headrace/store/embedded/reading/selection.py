"""One select over all sources: each gives its rows, the kernels find the winners.

Sources come in rising order of version, and so do the rows of one series and time: docs/decisions/versions.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.storing.merge import drop_expired, is_rising, keep_winners
from headrace.kernels.storing.rows import gather
from headrace.model.points import NEVER, Values, take_optional
from headrace.store import Check, Columns, go_on
from headrace.store.embedded.recent.deletes import NO_DELETES, Deletes, take_rows
from headrace.store.embedded.recent.recent import RecentView
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.query_memory import Hold, uncounted
from headrace.store.rows import Collector, Placed, Rows, Wanted

MERGED_ROW_BYTES = 4 + 8 + 1 + 8 + 8
"""order, times, kinds, bits, arrivals: what finding the winners takes beside the rows themselves."""


def select(
    segments: Sequence[Segment],
    generations: Sequence[RecentView],
    wanted: Wanted,
    start_ms: int,
    end_ms: int,
    now_ms: int,
    points_max: int,
    check: Check = go_on,
    deletes: Deletes = NO_DELETES,
    oldest_ms: NDArray[np.int64] | None = None,
    hold: Hold = uncounted,
) -> Columns:
    """The points of the wanted series with start_ms <= time <= end_ms: winner first, then expiry, then value.

    segments, generations: in rising order of version, every segment older than any generation it was not sealed from.
    check: called after each row group.   deletes: those that are pending.
    oldest_ms: int64 per wanted series, its points before that time are hidden; None when none is.
    hold: counts the bytes that are held on the way.
    Raises Refused (rule "query-points") when more than points_max rows match,
    overwritten and expired ones included; Corrupt or Unavailable as Segment.read does; what `hold` raises.
    """
    collected = Collector(points_max, hold)
    is_cut = oldest_ms is not None and len(wanted) > 0 and int(oldest_ms.max()) > start_ms
    if oldest_ms is not None and len(wanted):
        start_ms = max(start_ms, int(oldest_ms.min()))
        if int(oldest_ms.max()) <= start_ms:
            oldest_ms = None
    touching = deletes.touching(wanted, start_ms, end_ms)
    for segment in segments:
        for rows in segment.read(wanted, start_ms, end_ms):
            kept = rows if touching is None else touching.keep_of_segment(segment.meta.deletes_applied, rows)
            collected.add(_kept(kept, wanted, oldest_ms))
            check()
    for generation in generations:
        rows = generation.select(wanted, start_ms, end_ms, points_max, touching)
        collected.add(_kept(rows, wanted, oldest_ms))
    found = _winners(collected.take_placed(wanted), wanted, now_ms, hold)
    return replace(found, first_expiry_ms=min(now_ms, found.first_expiry_ms)) if is_cut else found


def _kept(rows: Rows, wanted: Wanted, oldest_ms: NDArray[np.int64] | None) -> Rows:
    if oldest_ms is None:
        return rows
    places = wanted.places[rows.series - np.uint32(wanted.lowest)]
    return take_rows(rows, np.flatnonzero(rows.times >= oldest_ms[places]).astype(np.uint32))


def _winners(rows: Placed, wanted: Wanted, now_ms: int, hold: Hold) -> Columns:
    """The winners among `rows` that live on after now_ms.

    Of two rows with the same series and time the later one in `rows` wins, whatever its kind.
    """
    if rows.expires is None and is_rising(rows.starts, rows.times):
        return _columns(rows.times, rows.values, rows.arrivals, rows.starts, wanted, NEVER)
    hold(MERGED_ROW_BYTES * len(rows))
    order = np.arange(len(rows), dtype=np.uint32)
    starts = rows.starts.copy()
    scratch = np.empty(int(np.diff(starts).max(initial=0)), dtype=np.uint32)
    kept = keep_winners(order, starts, rows.times, scratch)
    if rows.expires is not None:
        kept = drop_expired(order, starts, rows.expires, now_ms)
    order = order[:kept]
    times = np.empty(kept, dtype=np.int64)
    kinds = np.empty(kept, dtype=np.uint8)
    bits = np.empty(kept, dtype=np.int64)
    gather(order, rows.times, rows.values.kinds, rows.values.bits, times, kinds, bits)
    arrivals = take_optional(rows.arrivals, order)
    first_expiry_ms = NEVER if rows.expires is None else int(rows.expires[order].min(initial=NEVER))
    return _columns(times, Values(kinds, bits, rows.values.heap), arrivals, starts, wanted, first_expiry_ms)


def _columns(
    times: NDArray[np.int64],
    values: Values,
    arrivals: NDArray[np.int64] | None,
    starts: NDArray[np.int64],
    wanted: Wanted,
    first_expiry_ms: int,
) -> Columns:
    """Leaves out the series without a point."""
    present = np.flatnonzero(np.diff(starts))
    bounds = np.append(starts[present], starts[-1])
    return Columns(wanted.ordinals[present], bounds, times, values, arrivals, first_expiry_ms)
