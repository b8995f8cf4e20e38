"""What OpenTSDB calls meta data: of a name (UIDMeta) and of a series (TSMeta). People's own words are documents; the
rest the catalog knows. When a name or series was first seen and how many points it has is not kept: 0."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from headrace import limits
from headrace.errors import Refused
from headrace.model.series import Registry, SeriesName
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.integers import Whole
from headrace.protocols.opentsdb.reading.texts import Scalar, text_of, texts_of
from headrace.protocols.opentsdb.tsuids import uid_of
from headrace.store import Document, DocumentChange

UID_KIND: Final = "opentsdb.uidmeta"
SERIES_KIND: Final = "opentsdb.tsmeta"

ROLES: Final = {"metric": "metrics", "metrics": "metrics", "tagk": "tagk", "tagv": "tagv"}
"""How a request names the role of a name -> how a store does."""

KINDS: Final = {"metrics": "metric", "tagk": "tagk", "tagv": "tagv"}
"""The other way."""


TAG_ROLES: Final = ("tagk", "tagv")


class UidMeta(msgspec.Struct, rename="camel"):
    """As it is sent (OpenTSDB: UIDMeta)."""

    uid: str | None = None
    type: str | None = None
    display_name: Scalar | UnsetType = UNSET
    description: Scalar | UnsetType = UNSET
    notes: Scalar | UnsetType = UNSET
    custom: dict[str, Scalar] | None = None


class SeriesMeta(msgspec.Struct, rename="camel"):
    """As it is sent (OpenTSDB: TSMeta)."""

    tsuid: str | None = None
    display_name: Scalar | UnsetType = UNSET
    description: Scalar | UnsetType = UNSET
    notes: Scalar | UnsetType = UNSET
    custom: dict[str, Scalar] | None = None
    units: Scalar | UnsetType = UNSET
    data_type: Scalar | UnsetType = UNSET
    retention: Whole | None = None
    max: float | str | UnsetType | None = UNSET
    min: float | str | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Raises ValueError for what Java's Integer or Double cannot be."""
        if self.retention is not None and not -(2**31) <= self.retention < 2**31:
            raise ValueError("expected an integer of 32 bits")
        self.max, self.min = _number_of(self.max), _number_of(self.min)


class KeepsMetas(Protocol):
    """What is needed of a store (store.Store)."""

    @property
    def table(self) -> Registry:
        """See store.Store."""
        ...

    async def commit(self, changes: Sequence[DocumentChange]) -> int:
        """See store.Store."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...

    def documents(self, kind: str, first: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """See store.Store."""
        ...


class Metas:
    """The words that people keep about names and series."""

    def __init__(self, store: KeepsMetas) -> None:
        self._store = store
        self._changing = asyncio.Lock()  # held from reading what is kept until what becomes of it is durable

    async def write(self, kind: str, key: str, said: UidMeta | SeriesMeta, replacing: bool) -> None:
        """Keep what is said, beside what was said before unless `replacing`. Durable on return. Raises Refused (rule
        "body-too-large")."""
        words = said_words(said)
        async with self._changing:
            whole = orjson.dumps(words if replacing else {**words_of(self._store, kind, key), **words})
            if len(whole) > limits.OPENTSDB_ANNOTATION_BYTES_MAX:
                raise Refused("body-too-large", f"meta data may have {limits.OPENTSDB_ANNOTATION_BYTES_MAX} bytes")
            await self._store.commit([Document(kind, key, whole)])

    async def forget(self, kind: str, key: str) -> None:
        """Take away what people said; the name or series stays."""
        async with self._changing:
            if self._store.document(kind, key) is not None:
                await self._store.commit([Document(kind, key, None)])


class Shown:
    """How names and series are shown in one answer: each name is looked up once, and words only where there are any."""

    def __init__(self, store: KeepsMetas) -> None:
        self._store = store
        self._has_words = {kind: bool(store.documents(kind, "", "\x7f", 1)) for kind in (UID_KIND, SERIES_KIND)}
        self._names: dict[tuple[str, str], dict[str, Any]] = {}

    def of_name(self, role: str, name: str) -> dict[str, Any]:
        """As OpenTSDB shows a UIDMeta. role: "metrics", "tagk" or "tagv"."""
        found = self._names.get((role, name))
        if found is None:
            found = self._names[role, name] = self._of_name(role, name)
        return found

    def _of_name(self, role: str, name: str) -> dict[str, Any]:
        uid = uid_of(self._store.table, KINDS[role], name)
        words = self._words(UID_KIND, uid_key(role, uid))
        return {
            "uid": uid,
            "type": KINDS[role].upper(),
            "name": name,
            "description": words.get("description", ""),
            "notes": words.get("notes", ""),
            "created": 0,
            "custom": words.get("custom"),
            "displayName": words.get("displayName", ""),
        }

    def of_series(self, tsuid: str, name: SeriesName) -> dict[str, Any]:
        """As OpenTSDB shows a TSMeta; tag keys and values in turn."""
        words = self._words(SERIES_KIND, tsuid)
        shown = {
            "tsuid": tsuid,
            "metric": self.of_name("metrics", name.metric),
            "tags": [
                self.of_name(role, part) for pair in name.tags for role, part in zip(TAG_ROLES, pair, strict=True)
            ],
            "description": words.get("description", ""),
            "notes": words.get("notes", ""),
            "created": 0,
            "units": words.get("units", ""),
            "retention": words.get("retention", 0),
            "max": "NaN" if words.get("max") is None else words["max"],
            "min": "NaN" if words.get("min") is None else words["min"],
            "displayName": words.get("displayName", ""),
            "dataType": words.get("dataType", ""),
            "lastReceived": 0,
            "totalDatapoints": 0,
        }
        whole = {**shown, "custom": words.get("custom")}
        return {name: value for name, value in whole.items() if value is not None}

    def _words(self, kind: str, key: str) -> dict[str, Any]:
        return words_of(self._store, kind, key) if self._has_words[kind] else {}


def written(metas: Iterable[dict[str, Any]]) -> list[bytes]:
    """Each as JSON. Raises Refused (rule "query-work") when people have said too much about them."""
    found: list[bytes] = []
    size = 0
    for one in metas:
        found.append(orjson.dumps(one))
        size += len(found[-1])
        if size > limits.OPENTSDB_METAS_BYTES_MAX:
            raise Refused("query-work", f"more than {limits.OPENTSDB_METAS_BYTES_MAX} bytes of meta data: ask for less")
    return found


def words_of(store: KeepsMetas, kind: str, key: str) -> dict[str, Any]:
    """What people said, by name of the member."""
    found = store.document(kind, key)
    words: dict[str, Any] = orjson.loads(found) if found else {}
    return words


def uid_key(role: str, uid: str) -> str:
    """Of the document about a name."""
    return f"{KINDS[role]}/{uid}"


def said_words(said: UidMeta | SeriesMeta) -> dict[str, Any]:
    """What of it changes something, by name of the member: "" and 0 do not, and null is kept as such, but for `custom`
    (OpenTSDB: the setters of UIDMeta and TSMeta). Of `max` and `min` NaN is kept as null, and null is 0."""
    words: dict[str, Any] = {}
    for name, encoded in zip(said.__struct_fields__, said.__struct_encode_fields__, strict=True):
        value = getattr(said, name)
        if name in ("uid", "type", "tsuid") or value is UNSET or value == "":
            continue
        if name == "custom":
            words |= {encoded: texts_of(value)} if value is not None else {}
        elif name in ("max", "min"):
            words |= {encoded: None if math.isnan(value) else value} if not math.isinf(value) else {}
        elif name == "retention":
            words |= {encoded: int(value)} if value else {}
        else:
            words[encoded] = text_of(value)
    return words


def _number_of(said: float | str | UnsetType | None) -> float | UnsetType:
    """As Jackson reads a double. Raises ValueError."""
    if isinstance(said, str) and ("_" in said or not said.isascii()):
        raise ValueError(f"expected a number, got {shown(said)}")
    return said if isinstance(said, UnsetType) else float(said or 0)
