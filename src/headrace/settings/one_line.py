"""Settings with a structure, in one line: read as JSON from a flag or variable, shown as TOML."""

from __future__ import annotations

import json

from pydantic import BaseModel, BeforeValidator


def from_json(value: object, example: str) -> object:
    """A setting in one line is JSON; anything but text is as it was. Raises ValueError, which says the example."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(f"write it as JSON, such as {example}") from None


def in_json(example: str) -> BeforeValidator:
    """Of a setting whose flag and variable are JSON."""
    return BeforeValidator(lambda value: from_json(value, example))


def to_toml(value: object) -> str:
    """A setting's value as TOML spells it."""
    if isinstance(value, BaseModel):
        value = {name: item for name, item in value if item is not None}
    if isinstance(value, tuple | list):
        return f"[{', '.join(to_toml(item) for item in value)}]"
    if isinstance(value, dict):
        items = ", ".join(f"{to_toml(key)} = {to_toml(item)}" for key, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)
