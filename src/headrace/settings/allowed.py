"""What may be written for a setting, in words: for the table of docs/operations.md and --help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Takes:
    """In the metadata of a setting's type: what is allowed, with its unit. Bounds are added."""

    words: str


WHOLE_NUMBER: Final = "whole number"


def allowed(field: FieldInfo) -> str:
    """Type with unit, and the choices or bounds. Raises ValueError for a setting of whose type nobody says it."""
    if field.annotation is bool:
        return "`true`, `false`"
    if choices := [choice for choice in get_args(field.annotation) if isinstance(choice, str)]:
        return ", ".join(f"`{choice}`" for choice in choices)
    said = next((one.words for one in field.metadata if isinstance(one, Takes)), None)
    if said is None and field.annotation is int:
        said = WHOLE_NUMBER
    if said is None:
        raise ValueError(f"nobody says what may be written for {field.description}")
    return ", ".join([said, *_bounds(field)])


def _bounds(field: FieldInfo) -> list[str]:
    words = {"ge": "{} or more", "gt": "more than {}", "le": "at most {}"}
    kinds = [(bound, kind) for bound in field.metadata for kind in words if hasattr(bound, kind)]
    return [words[kind].format(getattr(bound, kind)) for bound, kind in kinds]
