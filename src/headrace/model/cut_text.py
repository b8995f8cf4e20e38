"""Texts of strangers, cut for what repeats them, so that an error stays smaller than what caused it."""

from __future__ import annotations


def cut(text: str, characters_max: int, ending: str = "") -> str:
    """`text` if it has at most `characters_max` characters, else so many of it and `ending`."""
    return text if len(text) <= characters_max else text[:characters_max] + ending
