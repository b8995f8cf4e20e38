"""What a request does to the server, as each route declares it."""

from __future__ import annotations

from typing import Final, Literal

Deed = Literal["open", "read", "write", "delete", "admin"]
"""open: nobody is asked who they are.   admin: retention, backups, what others ask."""

CHANGING: Final[frozenset[Deed]] = frozenset(("write", "delete", "admin"))
"""Deeds that no page of another origin does, and no listener that is read-only lets through."""

READING_METHODS: Final = ("GET", "HEAD", "OPTIONS")
"""HTTP methods that change nothing by themselves."""


def deed_of_method(method: str) -> Deed:
    """Where nothing but the method says it."""
    if method in READING_METHODS:
        return "read"
    return "delete" if method == "DELETE" else "write"
