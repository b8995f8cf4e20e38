"""One metric object: what is wrong with it, and its points. The order of checks and the words are those of KairosDB's
DataPointsParser.

A wrong name, tag, type, ttl or single value refuses the whole object; a wrong pair of `datapoints` only itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.model.json_pieces import Piece, pieces_of
from headrace.model.points import Values
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

_NULL = msgspec.Raw(b"null")
_ABSENT = msgspec.Raw(b"")
_EMPTY = msgspec.Raw(b'""')
_NOTHING = (_ABSENT, _NULL)
_NO_TAGS = (*_NOTHING, msgspec.Raw(b"{}"), msgspec.Raw(b"[]"))
_NONE = np.empty(0, dtype=np.int64)
_PAIRS = msgspec.json.Decoder(list[list[msgspec.Raw]])

Problem = tuple[str, str]
"""The broken rule's stable name, and the words for the sender."""


def plainly_wrong(metric: Metric) -> str | None:
    """The rule that a metric object of one point breaks first, as far as a look at its bytes tells; None for all that
    MetricReader must read. For those of which a million may come, and which nobody words."""
    if metric.datapoints != _ABSENT or metric.type != _ABSENT:
        return None
    if metric.name in _NOTHING:
        return "name-null"
    if metric.name == _EMPTY:
        return "name-empty"
    if bytes(metric.name).startswith((b"[", b"{")) or bytes(metric.value).startswith(b"["):
        return None
    if metric.time in _NOTHING and metric.timestamp in _NOTHING:
        if metric.value not in _NOTHING:
            return "timestamp-null"
    elif metric.value == _ABSENT:
        return "value-null"
    elif metric.value in (_NULL, _EMPTY):
        return "value-empty"
    return "tags-missing" if metric.tags in _NO_TAGS else None


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
        """Whether its points may be read. If not, every reason is among the failures, and the first where no more are
        worded."""
        found = itertools.chain(
            self._problems_of_name(), self._problems_of_single(), self._problems_of_tags(), self._problems_of_rest()
        )
        problems = list(itertools.islice(found, 1 if self._failures.is_full else None))
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
        if not is_given(self._metric.datapoints):
            return np.array(singles, dtype=np.int64) if singles else _NONE
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
        kept = [_NONE]
        datapoints = bytes(self._metric.datapoints)
        for piece in _pieces(datapoints):
            pairs = _pairs(b"[%b]" % datapoints[piece.start : piece.end])
            columns = self._plain(pairs)
            if columns is not None:
                values.extend(columns[1])
                kept.append(columns[0])
                continue
            for at in range(0, len(pairs), limits.KAIROSDB_ERRORS_MAX):
                some = pairs[at : at + limits.KAIROSDB_ERRORS_MAX]
                kept.append(self._read_some(some, piece.first + at, values))
        return np.concatenate(kept)

    def _plain(self, pairs: list[list[msgspec.Raw]]) -> tuple[NDArray[np.int64], Values] | None:
        return plain_columns(pairs) if self._type is None else None

    def _read_some(self, pairs: list[list[msgspec.Raw]], first: int, values: ValuesBuilder) -> NDArray[np.int64]:
        """first: the place of the first of these pairs among all."""
        if self._failures.is_full:
            pairs = self._without_empty(pairs)
        columns = self._plain(pairs)
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

    def _without_empty(self, pairs: list[list[msgspec.Raw]]) -> list[list[msgspec.Raw]]:
        """Those of two elements and more, of which the value is not null; the others are counted. Their places are for
        words that are not made any more."""
        whole = [pair for pair in pairs if len(pair) > 1]
        valued = [pair for pair in whole if pair[1] != _NULL]
        times = sum(map(len, pairs)) - sum(map(len, whole))  # a short pair has a time, or nothing
        for rule, count in (
            ("timestamp-null", len(pairs) - len(whole) - times),
            ("value-null", times),
            ("value-empty", len(whole) - len(valued)),
        ):
            if count:
                self._failures.count(rule, count, count)
        return valued

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
