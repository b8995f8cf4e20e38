"""What must be true of the files: none too many, none too few, and readable from outside by pyarrow alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hunt_model import RETENTION_MS, Contents, Seen, Value

from headrace.model.arrivals import NO_ARRIVAL, OFFSET_BITS
from headrace.model.points import NEVER, Kind
from headrace.model.series import SeriesName, series_name

GRAVE = ("damage", "fault of ours")
"""Words that no log line may say: nothing is ever damaged in a hunt behind the store's back, but in copies."""


def check_log(entries: Sequence[Mapping[str, Any]], is_noisy: bool = False) -> None:
    """is_noisy: a power cut has left garbage in the journal, which may be named."""
    for entry in entries:
        grave = entry.get("exc_info") or any(word in entry["event"] for word in GRAVE)
        may_be = is_noisy and str(entry.get("file", "")).endswith(".journal") and not entry.get("exc_info")
        assert not grave or may_be, f"logged: {entry}"


def current_of(data: Path) -> dict[str, Any]:
    current: dict[str, Any] = json.loads((data / "segments" / "current.json").read_bytes())
    return current


def gone_for_good(entries: Sequence[Mapping[str, Any]]) -> set[str]:
    """What was dropped and is no longer kept, by name, as the log says it."""
    return {entry["file"] for entry in entries if entry["event"] == "what was dropped is gone for good"}


def check_tidy(data: Path, gone: Collection[str], is_noisy: bool = False) -> None:
    """After an opening: the segments folder holds what current.json lists and nothing else; nothing is set aside.
    gone: of what is listed as dropped, this may be missing.   is_noisy: see check_log."""
    current = current_of(data)
    assert not current["damaged"], f"set aside, though nothing was damaged: {current['damaged']}"
    files = [entry["file"] for part in ("segments", "series") for entry in current[part]]
    assert len(set(files)) == len(files), f"a file is listed twice: {files}"
    listed = {*files, "current.json", "empty-points.parquet", "empty-series.parquet"}
    if current.get("deletes"):
        listed.add(current["deletes"])
    dropped = {f"dropped/{entry['file']}" for entry in current["dropped"]}
    unlinked = {f"dropped/{file}" for file in gone}
    segments = data / "segments"
    there = {str(path.relative_to(segments)) for path in segments.rglob("*") if path.is_file()}
    too_many, missing = there - listed - dropped, (listed | (dropped - unlinked)) - there
    assert not too_many | missing, f"in segments/ {sorted(too_many)} too many, {sorted(missing)} missing"
    suffixes = (".journal", ".damaged") if is_noisy else (".journal",)
    strange = [path.name for path in (data / "journal").iterdir() if not path.name.endswith(suffixes)]
    assert not strange, f"in journal/ {strange}"


def check_journal_is_cut(data: Path) -> None:
    """After a seal: of the journal's files only the last may hold nothing but what is sealed."""
    sealed_through = current_of(data)["sealed_through"]
    firsts = sorted(int(path.stem) for path in (data / "journal").glob("*.journal"))
    spent = [first for first, following in pairwise(firsts) if following <= sealed_through + 1]
    assert not spent, f"journal files {spent} are sealed through {sealed_through} and still there"


def open_below(folder: Path) -> list[str]:
    """The files below `folder` that this process holds open."""
    found = []
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        try:
            target = descriptor.readlink()
        except FileNotFoundError:  # that of the listing itself
            continue
        if folder in target.parents:
            found.append(str(target.relative_to(folder)))
    return sorted(found)


def outside_view(data: Path, now_ms: int) -> Contents:
    """The points of the segments as docs/format/segments.md tells a stranger to read them."""
    folder = data / "segments"
    current = current_of(data)
    names: dict[int, SeriesName] = {}
    for entry in current["series"]:
        rows = pq.read_table(folder / entry["file"]).to_pylist()
        assert len(rows) == entry["series"]
        names |= {row["series"]: series_name(row["metric"], dict(row["tags"])) for row in rows}
    deletes = pq.read_table(folder / current["deletes"]).to_pylist() if current["deletes"] else []
    winners: dict[tuple[int, int], tuple[Value, int, int]] = {}
    for entry in sorted(current["segments"], key=lambda entry: entry["max_sequence"]):
        table = pq.read_table(folder / entry["file"])
        assert table.num_rows == entry["rows"] > 0
        assert (folder / entry["file"]).stat().st_size == entry["bytes"]
        rows_of = list(zip(table["series"].to_pylist(), _int64(table["time"]), strict=True))
        assert len(set(rows_of)) == len(rows_of), f"{entry['file']} holds a series and time twice"
        times = [time for _, time in rows_of]
        assert (min(times), max(times)) == (entry["min_time"], entry["max_time"])
        through = max(entry.get("deletes_through", 0), entry["max_sequence"])
        later = [delete for delete in deletes if delete["sequence"] > through]
        columns = _values(table), _int64(table["expires"]), _arrivals(table)
        for row, value, expires, arrival in zip(rows_of, *columns, strict=True):
            if not any(row[0] == delete["series"] and delete["start"] <= row[1] <= delete["end"] for delete in later):
                winners[row] = (value, NEVER if expires is None else expires, arrival)
    found: Contents = {}
    for (series, time), (value, expires, arrival) in sorted(winners.items()):
        name = names[series]
        if expires > now_ms and time >= now_ms - RETENTION_MS.get(name.metric, 2**63):
            found.setdefault(name, []).append(Seen(time, value, arrival))
    return found


def _arrivals(table: pa.Table) -> list[int]:
    came = zip(_int64(table["ingested"]), table["utc_offset"].to_pylist(), strict=True)
    return [NO_ARRIVAL if at is None else (at << OFFSET_BITS) + 2048 + offset for at, offset in came]


def _int64(column: pa.ChunkedArray) -> list[int]:
    numbers: list[int] = column.cast(pa.int64()).to_pylist()
    return numbers


def _values(table: pa.Table) -> list[Value]:
    bits = table["double"].combine_chunks().fill_null(0.0).to_numpy().view(np.int64).tolist()
    doubles = zip(table["double"].is_valid().to_pylist(), bits, strict=True)
    columns = [
        [Value(Kind.DOUBLE, payload) if valid else None for valid, payload in doubles],
        [None if number is None else Value(Kind.INT64, number) for number in table["int64"].to_pylist()],
        [None if flag is None else Value(Kind.BOOL, int(flag)) for flag in table["bool"].to_pylist()],
        [None if text is None else Value(Kind.TEXT, text.encode()) for text in table["text"].to_pylist()],
        [None if one is None else _custom(one) for one in table["custom"].to_pylist()],
    ]
    values = []
    for row in zip(*columns, strict=True):
        [value] = [value for value in row if value is not None]
        values.append(value)
    return values


def _custom(fields: dict[str, str]) -> Value:
    return Value(Kind.CUSTOM, f"{fields['type']}\0{fields['json']}".encode())
