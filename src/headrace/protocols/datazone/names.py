"""What this dialect asks of the names of series, and how the numbers of a form are named for the other rooms."""

from __future__ import annotations

from typing import Final, NamedTuple

from headrace import limits
from headrace.gate import RuleSet
from headrace.model.series import SeriesName, series_name

ROOM: Final = "datazone"
"""The label of this room's metrics."""

DATAZONE_RULES: Final = RuleSet(
    name=ROOM,
    bit=3,
    illegal_character=None,
    tags_min=5,
    tags_max=5,
    name_bytes_max=limits.DATAZONE_NAME_BYTES_MAX,
)
"""What the gate asks of the names of this room: names of forms and keys of JSON are any characters at all."""


class Entity(NamedTuple):
    """What forms are posted to. `type` is ASSET or LISTING."""

    domain: str
    type: str
    id: str


def name_of(entity: Entity, form_name: str, type_id: str, path: str) -> SeriesName:
    """The series of the number at `path` in the content of forms of this name.

    The tag `form` tells form `a` with path `b.c` from form `a.b` with path `c`: each belongs to one form alone, so that
    deleting a form takes its series as a whole.
    """
    tags = {"domain": entity.domain, "entityType": entity.type, "entity": entity.id, "type": type_id, "form": form_name}
    return series_name(f"{form_name}.{path}", tags)
