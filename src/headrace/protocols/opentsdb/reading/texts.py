"""Texts of JSON as Java's reader takes them: a number, true or false is the text that it is spelled as."""

from __future__ import annotations

Scalar = str | int | float | bool | None
"""What a member that is a text may be."""


def text_of(said: Scalar) -> str | None:
    """The text; None for null."""
    if isinstance(said, bool):
        return "true" if said else "false"
    return None if said is None else str(said)


def texts_of(said: dict[str, Scalar]) -> dict[str, str | None]:
    """Of an object of them."""
    return {name: text_of(value) for name, value in said.items()}
