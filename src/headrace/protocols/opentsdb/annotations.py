"""Annotations: notes on a moment of one series, or of all (OpenTSDB: Annotation, AnnotationRpc). Kept as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec
import orjson
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.time import TimeRange
from headrace.protocols.opentsdb import times
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.read_reply import Parameters, Reply
from headrace.protocols.opentsdb.read_wire import decode_json
from headrace.protocols.opentsdb.tsuids import keys_of
from headrace.store import Document, DocumentChange

KIND: Final = "opentsdb.annotation"
METHODS: Final = ("GET", "POST", "PUT", "DELETE")

Stamp = int | str | None


class Annotation(msgspec.Struct, rename="camel"):
    """As it is sent, kept and answered; times as they were sent, in seconds or milliseconds. tsuid "": global."""

    start_time: Stamp = None
    tsuid: str | None = None
    end_time: Stamp = None
    description: str | None = None
    notes: str | None = None
    custom: dict[str, str] | None = None


_ANNOTATION = msgspec.json.Decoder(Annotation, strict=False)


class Keeps(Protocol):
    """What annotations need of a store (store.Store)."""

    async def commit(self, changes: Sequence[DocumentChange]) -> int:
        """See store.Store."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...

    def documents(self, kind: str, first: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """See store.Store."""
        ...


class Annotations:
    """Answers /api/annotation, and gives queries what lies in their range."""

    def __init__(self, store: Keeps) -> None:
        self._store = store

    async def annotation(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """GET shows one, POST changes what it names, PUT replaces all, DELETE removes."""
        method = scope["method"]
        said = decode_json(_ANNOTATION, body) if body else _of_parameters(parameters)
        key = key_of(said)
        found = self._store.document(KIND, key)
        if method in ("POST", "PUT"):
            kept = msgspec.json.decode(found, type=Annotation) if found and method == "POST" else Annotation()
            whole = msgspec.json.encode(_changed(kept, said))
            if whole == found:
                await reply.empty(304)
                return
            if len(whole) > limits.OPENTSDB_ANNOTATION_BYTES_MAX:
                raise Refused("body-too-large", f"an annotation may have {limits.OPENTSDB_ANNOTATION_BYTES_MAX} bytes")
            await self._store.commit([Document(KIND, key, whole)])
            await reply.whole(orjson.dumps(_shown(whole)))
        elif found is None:
            raise Refused("annotation-unknown", "Unable to locate annotation in storage")
        elif method == "DELETE":
            await self._store.commit([Document(KIND, key, None)])
            await reply.empty(204)
        else:
            await reply.whole(orjson.dumps(_shown(found)))

    def within(self, tsuids: Sequence[str], asked: TimeRange) -> list[dict[str, Any]]:
        """Those that begin within the range, as an answer shows them. For the global ones: the tsuid ""."""
        spans = [(_key(tsuid, asked.start_ms), _key(tsuid, asked.end_ms + 1)) for tsuid in tsuids]
        return [_shown(body) for span in spans for _, body in self._store.documents(KIND, *span)]

    def any_at_all(self) -> bool:
        """Whether there is any at all: most databases have none, and then no query needs to look."""
        return bool(self._store.documents(KIND, "", "\x7f", limit=1))


def key_of(said: Annotation) -> str:
    """The document's key: tsuid in upper case and moment. Raises Refused."""
    tsuid = (said.tsuid or "").upper()
    if tsuid:
        keys_of([tsuid])
    start = _stamp(said.start_time, "start")
    if not start:
        raise Refused("start-missing", "The start timestamp has not been set")
    return _key(tsuid, times.to_ms(start))


def _key(tsuid: str, time_ms: int) -> str:
    """Keys of one series rise with time."""
    return f"{tsuid}/{min(max(time_ms, 0), times.MILLISECONDS_MAX):013d}"


def _stamp(given: Stamp, what: str) -> int:
    text = str(given or 0)
    if not text.isascii() or not text.isdigit() or not (int(text) == 0 or times.is_legal(int(text))):
        raise Refused("time", f"Unable to convert the '{what}' time: {shown(text)}")
    return int(text)


def _changed(kept: Annotation, said: Annotation) -> Annotation:
    """What is said, and what is kept where nothing is said (OpenTSDB: Annotation.syncToStorage)."""
    return Annotation(
        start_time=_stamp(said.start_time, "start"),
        tsuid=(said.tsuid or "").upper(),
        end_time=_stamp(kept.end_time if said.end_time is None else said.end_time, "end"),
        description=(kept.description if said.description is None else said.description) or "",
        notes=(kept.notes if said.notes is None else said.notes) or "",
        custom=kept.custom if said.custom is None else said.custom,
    )


def _shown(body: bytes) -> dict[str, Any]:
    """A global one has no tsuid."""
    found: dict[str, Any] = orjson.loads(body)
    if not found["tsuid"]:
        del found["tsuid"]
    return found


def _of_parameters(given: Parameters) -> Annotation:
    """OpenTSDB: AnnotationRpc.parseQS."""
    start, tsuid, end, description, notes = (
        given[name][0] if name in given else None
        for name in ("start_time", "tsuid", "end_time", "description", "notes")
    )
    return Annotation(start, tsuid, end, description, notes)
