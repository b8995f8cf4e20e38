"""The JSON of a metric object of /api/v1/datapoints, by the type: what it holds, and how its members are read.

bodies.py finds the metric objects of a body, metric.py judges one of them; both build on this and not on each other.
Texts are kept raw until they are read: `1` and `1.0` differ as values, `1.50` as a tag stays `1.50`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headrace.model.series import SeriesName, series_name
from headrace.model.spelling import Spelling

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
_STRING_JSON = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_MEMBER = re.compile(
    rb'(%b)[ \t\r\n]*+:[ \t\r\n]*+(?:%b|[^",]*+)|%b' % (_STRING_JSON, _STRING_JSON, _STRING_JSON), re.DOTALL
)
"""A member of an object whose value is no object, or a text that is none: in an array. Such a one is passed over whole,
as its escaped quotes would each begin one anew."""
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


def repeated_tag(text: bytes) -> str | None:
    """The first name that stands twice among the tags of a JSON object, which hold no objects; None when there is
    none."""
    if text.count(b",") < len(tags_of(text)):
        return None  # as many members as names, at most
    seen = set()
    for found in _MEMBER.finditer(text, 1):
        if found[1] is None:
            continue
        name = _STRING.decode(found[1])
        if name in seen:
            return name
        seen.add(name)
    return None


def elements_of(array: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The elements of a JSON array."""
    return _ELEMENTS.decode(array)


def read_name(spelling: Spelling) -> SeriesName:
    """The name that the JSON of a good name and of good tags means."""
    metric, tags = spelling
    texts = {key: text_of(raw) or "" for key, raw in tags_of(tags).items()}
    return series_name(text_of(msgspec.Raw(metric)) or "", texts)
