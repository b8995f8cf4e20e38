"""What a request does to the server, as each route declares it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Deed = Literal["open", "read", "write", "delete", "admin"]
"""open: nobody is asked who they are.   admin: retention, backups, what others ask."""

CHANGING: Final[frozenset[Deed]] = frozenset(("write", "delete", "admin"))
"""Deeds that no page of another origin does, and no listener that is read-only lets through."""

Deeds = Mapping[str, Deed | Mapping[str, Deed]]
"""What requests do, by path below a room's root: one deed, or one for each method. A path that ends with a slash holds
for its first part and all below it, where that is not named."""

READING_METHODS: Final = ("GET", "HEAD", "OPTIONS")
"""HTTP methods that change nothing by themselves."""


def declared(deeds: Deeds, path: str, method: str) -> Deed:
    """What a room's table says of a request, else what the method says. path: as in the table."""
    found = deeds.get(path) or deeds.get(path.partition("/")[0] + "/") or {}
    if isinstance(found, str):
        return found
    return found.get("GET" if method == "HEAD" else method) or deed_of_method(method)


def deed_of_method(method: str) -> Deed:
    """Where nothing but the method says it."""
    if method in READING_METHODS:
        return "read"
    return "delete" if method == "DELETE" else "write"
