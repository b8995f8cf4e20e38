"""KairosDB's store of texts by service, service key and key, for its web pages and plugins; kept as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote

import msgspec
from starlette.types import Receive, Scope

from headrace import limits
from headrace.errors import Refused
from headrace.protocols.kairosdb import faults
from headrace.protocols.kairosdb.faults import Answer
from headrace.query.pool import QueryPool
from headrace.store import Document, DocumentChange
from headrace.transport.http.body import read_body

KIND: Final = "kairosdb-metadata"
"""Of the documents; their keys are the three names with NULs between."""


class KeepsMetadata(Protocol):
    """What metadata needs of a store (store.Store)."""

    async def commit(self, changes: Sequence[DocumentChange]) -> int:
        """See store.Store."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        """See store.Store."""
        ...


class Metadata:
    """All of /api/v1/metadata/."""

    def __init__(self, store: KeepsMetadata, pool: QueryPool) -> None:
        self._store = store
        self._pool = pool

    async def get(self, scope: Scope, _receive: Receive) -> Answer:
        """A text, or the names below a service or below one of its keys."""
        names = _names(scope)
        if len(names) == 3:
            found = self._store.document(KIND, "\0".join(names))
            if found is None:
                return faults.errors(404, ["Key not found"])
            return faults.json_answer(found)  # whatever the text is, KairosDB calls it JSON
        parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        prefix = parameters.get("startsWith", [""])[-1]
        first, end = "\0".join(names) + "\0", "\0".join(names) + "\1"
        below = await self._pool.look_up(lambda: self._store.document_keys(KIND, first, end))
        # Of equal names the first: dict.fromkeys keeps the order.
        keys = dict.fromkeys(key.split("\0")[len(names)] for key in below)
        return faults.json_answer(msgspec.json.encode({"results": [key for key in keys if key.startswith(prefix)]}))

    async def post(self, scope: Scope, receive: Receive) -> Answer:
        """Keep a text."""
        names = _names(scope)
        if len(names) < 3:
            return faults.method_not_allowed("GET")
        if _is_internal(names):
            return _unauthorized()
        body = await read_body(scope, receive, limits.KAIROSDB_METADATA_BYTES_MAX)
        await self._store.commit([Document(KIND, "\0".join(names), body)])
        return faults.done()

    async def delete(self, scope: Scope, _receive: Receive) -> Answer:
        """Forget a text, if it is there."""
        names = _names(scope)
        if len(names) < 3:
            return faults.method_not_allowed("GET")
        if _is_internal(names):
            return _unauthorized()
        await self._store.commit([Document(KIND, "\0".join(names), None)])
        return faults.done()


def path_below(scope: Scope) -> str:
    """What follows /api/v1/metadata/ or its like, as it was sent: a name in it may hold slashes, escaped."""
    path: str = scope["raw_path"].decode("latin-1")
    return "/".join(path.split("/")[4:]).removesuffix("/")


def _names(scope: Scope) -> list[str]:
    """Service, service key, key: one to three of them. Raises Refused (rule "metadata-names")."""
    names = [unquote(name) for name in path_below(scope).split("/")]
    if len(names) > 3 or any(not name or "\0" in name for name in names):
        raise Refused("metadata-names", "metadata has a service, a service key and a key")
    if sum(map(len, names)) > limits.KAIROSDB_NAME_BYTES_MAX:
        raise Refused("name-too-long", f"names are longer than {limits.KAIROSDB_NAME_BYTES_MAX} characters")
    return names


def _is_internal(names: list[str]) -> bool:
    """KairosDB keeps services of this name to itself (MetadataResource)."""
    return names[0].startswith("_")


def _unauthorized() -> Answer:
    return faults.errors(401, ["Attempt to write to an internal service"])
