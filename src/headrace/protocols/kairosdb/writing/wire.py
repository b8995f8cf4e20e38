"""The JSON of /api/v1/datapoints: what a metric object is, and what a body is made of, whole or broken.

Where the JSON breaks off, the metric objects before the break count (KairosDB reads and stores them one by one).
Texts are kept raw until they are read: `1` and `1.0` differ as values, `1.50` as a tag stays `1.50`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from headrace.model.bare_words import quote_bare_words
from headrace.model.series import SeriesName, series_name
from headrace.model.spelling import Spelling
from headrace.protocols.kairosdb.faults import Failure

NO_CONTENT: Final = "Invalid json. No content due to end of input."
INVALID_START: Final = "Invalid start of json."

_ABSENT: Final = msgspec.Raw(b"")


class Metric(msgspec.Struct, gc=False):
    """One metric object as it was sent, or the part of it that matters; other fields are ignored."""

    name: msgspec.Raw = _ABSENT
    timestamp: msgspec.Raw = _ABSENT
    time: msgspec.Raw = _ABSENT
    value: msgspec.Raw = _ABSENT
    datapoints: msgspec.Raw = _ABSENT
    tags: msgspec.Raw = _ABSENT
    type: msgspec.Raw = _ABSENT
    ttl: msgspec.Raw = _ABSENT


_STRING = msgspec.json.Decoder(str)
_METRIC = msgspec.json.Decoder(Metric)
_METRICS = msgspec.json.Decoder(list[Metric])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_TAGS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def is_given(raw: msgspec.Raw) -> bool:
    """Whether a field is there and not null."""
    return bytes(raw) not in (b"", b"null")


def text_of(raw: msgspec.Raw) -> str | None:
    """A text field, a number or boolean as it is spelled; None for all else."""
    text = bytes(raw)
    if text.startswith(b'"'):
        return _STRING.decode(text)
    return text.decode() if is_given(raw) and text[0] not in b"{[" else None


def tags_of(text: bytes) -> dict[str, msgspec.Raw]:
    """The tags of a JSON object, in its order; of equal names the last."""
    return _TAGS.decode(text)


def read_name(spelling: Spelling) -> SeriesName:
    """The name that the JSON of a good name and of good tags means."""
    metric, tags = spelling
    texts = {key: text_of(raw) or "" for key, raw in tags_of(tags).items()}
    return series_name(text_of(msgspec.Raw(metric)) or "", texts)


def metrics_of(body: bytes) -> Iterator[Metric | Failure]:
    """The metric objects of a body, and a Failure (of any place) for each element that is none and for broken JSON."""
    stripped = body.strip(b" \t\r\n\0")
    if not stripped:
        yield Failure(0, "json", NO_CONTENT)
    elif stripped[0] not in b"{[":
        yield Failure(0, "json", INVALID_START)
    else:
        try:
            yield from _all_at_once(stripped)
        except (msgspec.DecodeError, RecursionError):
            quoted = quote_bare_words(stripped)
            try:
                yield from _all_at_once(quoted)
            except (msgspec.DecodeError, RecursionError) as error:
                yield from _one_by_one(quoted, error)


def _all_at_once(body: bytes) -> list[Metric]:
    return _METRICS.decode(body) if body.startswith(b"[") else [_METRIC.decode(body)]


def _one_by_one(body: bytes, error: Exception) -> Iterator[Metric | Failure]:
    if body.startswith(b"{"):
        yield Failure(0, "json", f"Invalid json. {error}")
        return
    if isinstance(error, msgspec.ValidationError):
        for place, element in enumerate(_ELEMENTS.decode(body)):
            if bytes(element).startswith(b"{"):
                yield _METRIC.decode(element)
            else:
                yield Failure(place, "json", f"metric[{place}] must be an object.")
        return
    place = 0
    end = 1
    for whole, end in _whole_elements(body):  # noqa: B007 - what follows the last is looked at
        try:
            yield _METRIC.decode(whole)
        except (msgspec.DecodeError, RecursionError) as fault:
            yield Failure(place, "json", f"Invalid json. {fault}")
            return
        place += 1
    yield Failure(place, "json", NO_CONTENT if body[end:].strip(b" \t\r\n,") == b"" else f"Invalid json. {error}")


_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def _whole_elements(body: bytes) -> Iterator[tuple[bytes, int]]:
    """(element, the byte after it) for each object of a broken array that is closed before the break."""
    depth = start = end = 0
    for token in _STRUCTURE.finditer(body):
        mark = token.group()
        if mark in (b"{", b"["):
            depth += 1
            if depth == 2:
                start = token.start()
                # Between two elements there is one comma, or else the break is here.
                if body[end:start].strip(b" \t\r\n") != (b"," if end else b"["):
                    return
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 1:
                end = token.end()
                yield body[start:end], end
            elif not depth:
                return
