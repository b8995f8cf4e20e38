"""How what this room keeps is named as documents, so that every question is one range of keys.

A part of a key is a checked id or percent-encoded, so keys are ASCII, `/` stands only between parts, and no name can
leave its range. Of one form name at one entity:

datazone-form    …/id             the form as answers show it
datazone-item    …/inverted time/id   the form as lists show it, newest first
datazone-series  …/series key     nothing: these series hold its numbers
datazone-type    domain/type[/revision]   a form type that was posted; without a revision, the newest
datazone-token   period/operation/caller/token   what a request with that client token did
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from headrace.protocols.datazone.names import Entity
from headrace.protocols.datazone.times import TIME_US_MAX
from headrace.store import DocumentRange

FORM: Final = "datazone-form"
ITEM: Final = "datazone-item"
SERIES: Final = "datazone-series"
TYPE: Final = "datazone-type"
TOKEN: Final = "datazone-token"

END: Final = "~"
"""After every key: each begins with a domain's id."""

_AFTER_SLASH: Final = "0"
"""The character after the slash: no key below a prefix reaches it."""


def form_prefix(entity: Entity, form_name: str) -> str:
    """What the keys of all documents of a form name begin with. Every form name has its own; none begins another."""
    return f"{entity.domain}/{entity.type}/{entity.id}/{quoted(form_name)}/"


def type_key(domain: str, type_id: str, revision: str | None = None) -> str:
    """Of a form type in one revision, or of its newest."""
    newest = f"{domain}/{quoted(type_id)}"
    return newest if revision is None else f"{newest}/{quoted(revision)}"


def names_a_revision(type_document_key: str) -> bool:
    """Whether a key of a form type is that of one revision."""
    return type_document_key.count("/") == 2


def quoted(text: str) -> str:
    """Any text in ASCII without slashes; different texts differ."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def below(kind: str, prefix: str) -> DocumentRange:
    """All documents of a kind whose keys begin with `prefix`, which ends with a slash."""
    return DocumentRange(kind, prefix, prefix[:-1] + _AFTER_SLASH)


def item_key(prefix: str, time_us: int, form_id: str) -> str:
    """Later times sort first, then ids."""
    return f"{prefix}{_inverted(time_us)}/{form_id}"


def items_between(prefix: str, started_us: int, ended_us: int) -> DocumentRange:
    """The items of times from started_us to ended_us, both included; an empty range where there are none such."""
    first = f"{prefix}{_inverted(ended_us)}/"
    end = f"{prefix}{_inverted(started_us)}{_AFTER_SLASH}"
    return DocumentRange(ITEM, first, max(first, end))


def after(key: str) -> str:
    """Greater than `key` and not greater than the next one: keys of one kind and form name are of one length."""
    return key + "!"


def series_key(prefix: str, key: tuple[int, int]) -> str:
    """key: a series' two words (model.series.Key)."""
    return f"{prefix}{key[0]:016x}{key[1]:016x}"


def series_of(document_key: str) -> tuple[int, int]:
    """The series of a key that series_key made."""
    words = document_key.rpartition("/")[2]
    return int(words[:16], 16), int(words[16:], 16)


def _inverted(time_us: int) -> str:
    return f"{TIME_US_MAX - time_us:016x}"
