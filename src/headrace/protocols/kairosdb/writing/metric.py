"""One metric object: what is wrong with it, and its points. The order of checks and the words are those of KairosDB's
DataPointsParser.

A wrong name, tag, type, ttl or single value refuses the whole object; a wrong pair of `datapoints` only itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.model.json_pieces import Piece, pieces_of
from headrace.model.values import ValuesBuilder
from headrace.protocols.kairosdb.faults import Failure, Failures, shown
from headrace.protocols.kairosdb.types.registry import Types
from headrace.protocols.kairosdb.writing.values import (
    BadValue,
    check_not_empty,
    integer_of,
    plain_columns,
    time_of,
    unregistered,
    value_of,
)
from headrace.protocols.kairosdb.writing.wire import Metric, elements_of, is_given, repeated_tag, tags_of, text_of

_PAIRS = msgspec.json.Decoder(list[list[msgspec.Raw]])

Problem = tuple[str, str]
"""The broken rule's stable name, and the words for the sender."""


class MetricReader:
    """Reads one metric object; what it refuses goes to `failures`. place: its index in the body."""

    def __init__(self, place: int, metric: Metric, types: Types, failures: Failures) -> None:
        self.ttl_s = 0
        self._place = place
        self._metric = metric
        self._types = types
        self._failures = failures
        self._about = f"metric[{place}]"
        self._name = ""
        self._type = text_of(metric.type)
        self._stamp = metric.time if is_given(metric.time) else metric.timestamp

    def is_sound(self) -> bool:
        """Whether its points may be read. If not, every reason is among the failures."""
        problems = [*self._problems_of_name(), *self._problems_of_single(), *self._problems_of_tags()]
        problems += self._problems_of_rest()
        for number, (rule, words) in enumerate(problems):
            # Its points are counted once, for the first reason.
            self._failures.add(Failure(self._place, rule, words, self._name), 0 if number else self._points())
        return not problems

    def read(self, values: ValuesBuilder) -> NDArray[np.int64]:
        """Append the values of its good points. Returns their times, int64[n] ms."""
        singles = []
        if is_given(self._stamp):
            try:
                time_ms = time_of(self._stamp, cut=False)
                values.add(value_of(self._metric.value, self._type, self._types))
                singles.append(time_ms)
            except BadValue as bad:
                self._refuse(bad, "")
        return np.concatenate([np.array(singles, dtype=np.int64), self._read_pairs(values)])

    def _problems_of_name(self) -> Iterator[Problem]:
        name = text_of(self._metric.name)
        if not is_given(self._metric.name):
            yield "name-null", f"{self._about}.name may not be null."
        elif name is None:
            yield "name-kind", f"{self._about}.name must be a string."
        elif not name:
            yield "name-empty", f"{self._about}.name may not be empty."
        else:
            self._name = shown(name)
            self._about = f"{self._about}(name={self._name})"

    def _problems_of_single(self) -> Iterator[Problem]:
        value = self._metric.value
        if not is_given(self._stamp):
            if is_given(value):
                yield "timestamp-null", f"{self._about}.timestamp may not be null."
        elif not bytes(value):
            yield "value-null", f"{self._about}.value may not be null."
        else:
            try:
                check_not_empty(value, self._type)
            except BadValue as bad:
                yield bad.rule, self._about + bad.words

    def _problems_of_tags(self) -> Iterator[Problem]:
        text = bytes(self._metric.tags)
        if not is_given(self._metric.tags) or (text[0] in b"[{" and not text[1:-1].strip(b" \t\r\n")):
            yield "tags-missing", f"{self._about}.tags count must be greater than or equal to 1."
        elif not text.startswith(b"{"):
            yield "tags-kind", f"{self._about}.tags must be an object."
        else:
            if (twice := repeated_tag(text)) is not None:
                # KairosDB refuses the whole body, in the words behind the place.
                yield "tag-duplicate", f"{self._about}.tags has a duplicate key: {shown(twice)}"
            for number, (key, raw) in enumerate(tags_of(text).items()):
                if not key:
                    yield "tag-name-empty", f"{self._about}.tag[{number}].name may not be empty."
                elif not is_given(raw):
                    yield "tag-value-null", f"{self._about}.tag[{shown(key)}].value may not be null."
                elif bytes(raw) == b'""':
                    yield "tag-value-empty", f"{self._about}.tag[{shown(key)}].value may not be empty."
                elif bytes(raw)[0] in b"{[":
                    yield "tag-value-kind", f"{self._about}.tag[{shown(key)}].value must be a string."

    def _problems_of_rest(self) -> Iterator[Problem]:
        metric = self._metric
        if is_given(metric.type) and self._type is None:
            yield "type-kind", f"{self._about}.type must be a string."
        elif self._type is not None and self._type not in self._types:
            yield "type-unknown", unregistered(self._type)
        ttl_s = integer_of(metric.ttl, limits.KAIROSDB_TTL_S_MAX) if is_given(metric.ttl) else 0
        if ttl_s is None:
            yield "ttl-invalid", f"{self._about}.ttl must be a number of seconds from 0 to {limits.KAIROSDB_TTL_S_MAX}."
        self.ttl_s = ttl_s or 0
        if is_given(metric.datapoints) and not bytes(metric.datapoints).startswith(b"["):
            yield "datapoints-kind", f"{self._about}.datapoints must be an array."

    def _points(self) -> int:
        """How many points an unsound metric object would have brought, at least 1."""
        datapoints = bytes(self._metric.datapoints)
        pairs = sum(piece.elements for piece in _pieces(datapoints)) if datapoints.startswith(b"[") else 0
        return max(1, pairs + is_given(self._stamp))

    def _read_pairs(self, values: ValuesBuilder) -> NDArray[np.int64]:
        """Piece by piece: never are all of them objects at once."""
        kept = [np.empty(0, dtype=np.int64)]
        if is_given(self._metric.datapoints):
            datapoints = bytes(self._metric.datapoints)
            for piece in _pieces(datapoints):
                pairs = _pairs(b"[%b]" % datapoints[piece.start : piece.end])
                kept.append(self._read_some(pairs, piece.first, values))
        return np.concatenate(kept)

    def _read_some(self, pairs: list[list[msgspec.Raw]], first: int, values: ValuesBuilder) -> NDArray[np.int64]:
        """first: the place of the first of these pairs among all."""
        columns = plain_columns(pairs) if self._type is None else None
        if columns is not None:
            values.extend(columns[1])
            return columns[0]
        kept = []
        for number, pair in enumerate(pairs, first):
            try:
                kept.append(self._read_pair(pair, values))
            except BadValue as bad:
                self._refuse(bad, f".datapoints[{number}]")
        return np.array(kept, dtype=np.int64)

    def _read_pair(self, pair: list[msgspec.Raw], values: ValuesBuilder) -> int:
        """Append the value and return the time in ms. Raises BadValue."""
        if not pair:
            raise BadValue("timestamp-null", ".timestamp cannot be null or empty.")
        if len(pair) == 1:
            raise BadValue("value-null", ".value cannot be null or empty.")
        if not is_given(pair[0]):
            raise BadValue("timestamp-null", ".timestamp may not be null.")
        time_ms = time_of(pair[0], cut=True)
        kind = self._type
        if len(pair) > 2 and is_given(pair[2]):
            kind = text_of(pair[2])
            if kind is None:
                raise BadValue("type-kind", ".type must be a string.")
        check_not_empty(pair[1], kind)
        values.add(value_of(pair[1], kind, self._types))
        return time_ms

    def _refuse(self, bad: BadValue, where: str) -> None:
        if bad.rule == "type-unknown":
            words = bad.words
        elif bad.rule == "value-type":
            words = self._about + bad.words
        else:
            words = self._about + where + bad.words
        self._failures.add(Failure(self._place, bad.rule, words, self._name))


def _pieces(datapoints: bytes) -> list[Piece]:
    return pieces_of(datapoints, limits.KAIROSDB_PAIRS_MAX)


def _pairs(array: bytes) -> list[list[msgspec.Raw]]:
    try:
        return _PAIRS.decode(array)
    except msgspec.ValidationError:
        # Some element is no array. The others may be good.
        return [_pair(element) for element in elements_of(array)]


def _pair(element: msgspec.Raw) -> list[msgspec.Raw]:
    """The elements of an array; of anything else none, and so it is refused as an empty pair is."""
    return elements_of(element) if bytes(element).startswith(b"[") else []
