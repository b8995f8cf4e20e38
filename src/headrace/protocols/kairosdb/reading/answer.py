"""The answer to a question as JSON bytes, in pieces: no piece holds the interpreter for more than about a
millisecond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from headrace.errors import Refused
from headrace.kernels.answering.kairosdb_json import POINT_BYTES_MAX, weave_pairs
from headrace.limits import ANSWER_PIECE_VALUES
from headrace.model.points import Kind, Values
from headrace.model.series import SeriesName
from headrace.protocols.kairosdb.reading.wire import MetricQuery
from headrace.query.chain.engine import Result
from headrace.query.chain.rows import GAP, Rows
from headrace.query.conditions import text_of


class Shown(NamedTuple):
    """One result as it is answered. head: its members before `values`."""

    head: dict[str, Any]
    rows: Rows


class Answered(NamedTuple):
    """The answer to one element of `metrics`. sample_size: None where it is not said."""

    sample_size: int | None
    results: list[Shown]


def shown(asked: MetricQuery, result: Result, names: Sequence[SeriesName]) -> Shown:
    """A result with what stands before its values: how it is grouped by value, tag and type, in that order. One of no
    series (query.chain.engine.nothing) is not grouped. Raises Refused (rule "not-finite") when JSON cannot say one of
    its values."""
    kinds, bits = result.rows.values.kinds, result.rows.values.bits
    if not (np.isfinite(bits.view(np.float64)) | (kinds != Kind.DOUBLE)).all():
        raise Refused("not-finite", "JSON does not allow non-finite numbers.")
    head: dict[str, Any] = {"name": asked.name}
    if asked.alias is not None:
        head["alias"] = asked.alias
    if len(result.series):
        head["group_by"] = _group_by(asked, result)
    if not asked.exclude_tags:
        head["tags"] = tags_of(names)
    return Shown(head, result.rows)


def _group_by(asked: MetricQuery, result: Result) -> list[dict[str, Any]]:
    echoed = [echo(number) for echo, number in zip(asked.grouping.echoes, result.numbers, strict=True)]
    keys = asked.query.tag_keys
    if keys is not None:
        group = dict(zip(keys, result.tag_values, strict=True))
        echoed.append({"name": "tag", "tags": list(keys), "group": group})
    return [*echoed, {"name": "type", "type": result.type}]


def tags_of(names: Sequence[SeriesName]) -> dict[str, list[str]]:
    """All tags of the series, names and values sorted."""
    found: dict[str, set[str]] = {}
    for name in names:
        for key, value in name.tags:
            found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in sorted(found.items())}


def pieces(answers: Sequence[Answered]) -> Iterator[bytes]:
    """The whole answer, piece by piece."""
    before = b'{"queries":['
    for answer in answers:
        size = b"" if answer.sample_size is None else b'"sample_size":%d,' % answer.sample_size
        yield before + b"{" + size + b'"results":['
        between = b""
        for result in answer.results:
            yield between + orjson.dumps(result.head)[:-1] + b',"values":['
            yield from _points(result.rows)
            yield b"]}"
            between = b","
        yield b"]}"
        before = b","
    yield b'{"queries":[]}' if not answers else b"]}"


def _points(rows: Rows) -> Iterator[bytes]:
    for first in range(0, len(rows), ANSWER_PIECE_VALUES):
        part = rows.taken(slice(first, first + ANSWER_PIECE_VALUES))
        kinds = part.values.kinds
        plain = bool(((kinds <= Kind.INT64) | (kinds == GAP)).all())
        yield (b"," if first else b"") + (_woven(part) if plain else _written(part))


def _woven(rows: Rows) -> bytes:
    kinds, bits = np.ascontiguousarray(rows.values.kinds), np.ascontiguousarray(rows.values.bits)
    doubles = orjson.dumps(bits[kinds == Kind.DOUBLE].view(np.float64), option=orjson.OPT_SERIALIZE_NUMPY)
    out = np.empty(len(rows) * POINT_BYTES_MAX, dtype=np.uint8)
    length = weave_pairs(np.ascontiguousarray(rows.times), kinds, bits, np.frombuffer(doubles, dtype=np.uint8), out)
    return out[:length].tobytes()


def _written(rows: Rows) -> bytes:
    """A text of any length must be escaped one by one; a custom value is its JSON."""
    values = rows.values
    return b",".join(b"[%d,%b]" % (time, _value(values, row)) for row, time in enumerate(rows.times.tolist()))


def _value(values: Values, row: int) -> bytes:
    if values.kinds[row] == GAP:
        return b"null"
    text = text_of(values, row)
    return text.partition("\0")[2].encode() if values.kinds[row] == Kind.CUSTOM else orjson.dumps(text)
