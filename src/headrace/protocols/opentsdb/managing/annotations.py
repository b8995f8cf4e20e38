"""Annotations: notes on a moment of one series, or of all (OpenTSDB: Annotation, AnnotationRpc). Kept as documents."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec
import orjson
from msgspec import UNSET, UnsetType
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.time import TimeRange
from headrace.protocols.opentsdb import times
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.texts import Scalar, text_of, texts_of
from headrace.protocols.opentsdb.reading.times import UTC, time_ms
from headrace.protocols.opentsdb.reading.wire import decode_json
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.protocols.opentsdb.tsuids import keys_of
from headrace.store import Document, DocumentChange, DocumentRange
from headrace.transport.guarding.guard import note
from headrace.transport.loop_or_thread import LoopOrThread

KIND: Final = "opentsdb.annotation"
METHODS: Final = ("GET", "POST", "PUT", "DELETE")
BULK_METHODS: Final = ("POST", "PUT", "DELETE")

Stamp = int | float | str | None


class Annotation(msgspec.Struct, rename="camel"):
    """As it is sent, kept and answered; times as they were sent, in seconds or milliseconds. tsuid "": global. What is
    sent as null is kept so, and is not what nobody has said."""

    start_time: Stamp = None
    tsuid: Scalar = None
    end_time: Stamp = None
    description: Scalar | UnsetType = UNSET
    notes: Scalar | UnsetType = UNSET
    custom: dict[str, Scalar] | None = None


class AnnotationRange(msgspec.Struct, rename="camel"):
    """Those to delete: of the series with these tsuids, and the global ones where the flag says so."""

    start_time: Stamp = None
    end_time: Stamp = None
    tsuids: list[str] | None = None
    global_: bool | None = msgspec.field(default=None, name="global")


_ANNOTATION = msgspec.json.Decoder(Annotation, strict=False)
_ANNOTATIONS = msgspec.json.Decoder(list[Annotation], strict=False)
_RANGE = msgspec.json.Decoder(AnnotationRange, strict=False)

_DIGITS = re.compile(r"[0-9]{1,19}")


class KeepsAnnotations(Protocol):
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

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        """See store.Store."""
        ...


class Annotations:
    """Answers /api/annotation, and gives queries what lies in their range."""

    def __init__(self, store: KeepsAnnotations) -> None:
        self._store = store
        self._bodies = LoopOrThread(limits.QUESTION_ON_LOOP_BYTES_MAX)
        self._changing = asyncio.Lock()  # held from reading what is kept until what becomes of it is durable

    async def annotation(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """GET shows one, POST changes what it names, PUT replaces all, DELETE removes. One that says nothing but which
        it is about is 304, and one that says again what is kept is 200 (OpenTSDB: Annotation.syncToStorage)."""
        method = scope["method"]
        if body:
            said = await self._bodies.run(len(body), lambda: decode_json(_ANNOTATION, body))
        else:
            said = _of_parameters(parameters)
        if method in ("POST", "PUT"):
            if not _says_something(said):
                await reply.empty(304)
                return
            await reply.whole(orjson.dumps(_shown(await self._write(said, replacing=method == "PUT"))))
            return
        key = _key_of(said)
        if method == "DELETE":
            async with self._changing:
                if self._store.document(KIND, key) is not None:
                    await self._store.commit([Document(KIND, key, None)])
            await reply.empty(204)
            return
        found = self._store.document(KIND, key)
        if found is None:
            raise Refused("annotation-unknown", "Unable to locate annotation in storage")
        await reply.whole(orjson.dumps(_shown(found)))

    async def _write(self, said: Annotation, replacing: bool) -> bytes:
        """Keep what is said, and what was kept before unless `replacing`. Returns the whole of it, durable."""
        key = _key_of(said)
        async with self._changing:
            found = self._store.document(KIND, key)
            whole = _written(said, None if replacing else found)
            if whole != found:
                await self._store.commit([Document(KIND, key, whole)])
        return whole

    async def bulk(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """POST and PUT of many, which are kept all or none and answered but for those that say nothing; DELETE of
        those that begin within a range (OpenTSDB: AnnotationRpc.executeBulk)."""
        if scope["method"] == "DELETE":
            await reply.whole(await self._delete_range(scope, parameters, body))
            return
        replacing = scope["method"] == "PUT"
        several = await self._bodies.run(len(body), lambda: _several(body))
        async with self._changing:
            changed, answer = await self._bodies.run(len(body), lambda: self._changes(several, replacing))
            if changed:
                await self._store.commit(changed)
        await reply.whole(answer)

    def _changes(self, several: Sequence[tuple[str, Annotation]], replacing: bool) -> tuple[list[Document], bytes]:
        """What a body in bulk changes, and what is answered when that is durable.   several: with their keys. Any
        thread. Raises Refused."""
        changed: dict[str, bytes] = {}
        told: dict[str, bytes] = {}
        for key, said in several:
            found = told.get(key) or self._store.document(KIND, key)
            told[key] = _written(said, None if replacing else found)
            if told[key] != found:
                changed[key] = told[key]
        answer = orjson.dumps([_shown(whole) for whole in told.values()])
        return [Document(KIND, key, whole) for key, whole in changed.items()], answer

    async def _delete_range(self, scope: Scope, parameters: Parameters, body: bytes) -> bytes:
        size = len(body) + len(parameters.get("tsuids", [""])[0])
        async with self._changing:
            spans, answer = await self._bodies.run(
                size, lambda: self._taken_away(decode_json(_RANGE, body) if body else _range_of(parameters))
            )
            note(scope, deleted_series=len(spans))
            if spans:
                await self._store.commit(spans)
        return answer

    def _taken_away(self, asked: AnnotationRange) -> tuple[list[DocumentRange], bytes]:
        """What a delete of a range changes, nothing where nothing lies in it, and what is answered. Any thread. Raises
        Refused."""
        if not asked.start_time:
            raise Refused("start-missing", "Missing the start time value")
        if not (asked.tsuids or asked.global_):
            raise Refused("tsuids-missing", "Missing the TSUIDs or global annotations flag")
        now_ms = time.time_ns() // 1_000_000
        start = time_ms(str(asked.start_time), now_ms, UTC)
        end = time_ms(str(asked.end_time), now_ms, UTC) if asked.end_time else now_ms
        if end < start:
            raise Refused("end", "The end timestamp cannot be less than the start timestamp")
        tsuids = [tsuid.upper() for tsuid in asked.tsuids or ()]
        keys_of(tsuids)
        series = dict.fromkeys(tsuids + [""] * bool(asked.global_))
        if len(series) > limits.COMMIT_RECORDS:
            raise Refused("body-too-large", f"one request may name {limits.COMMIT_RECORDS} series")
        spans = [DocumentRange(KIND, _key(tsuid, start), _key(tsuid, end + 1)) for tsuid in series]
        found = [(span, len(self._store.document_keys(*span))) for span in spans]
        total = sum(count for _, count in found)
        said = {"tsuids": asked.tsuids, "global": bool(asked.global_), "startTime": start, "endTime": end}
        return [span for span, count in found if count], orjson.dumps({**said, "totalDeleted": total})

    def within(self, tsuids: Sequence[str], asked: TimeRange) -> list[dict[str, Any]]:
        """Those that begin within the range, as an answer shows them. For the global ones: the tsuid ""."""
        spans = [(_key(tsuid, asked.start_ms), _key(tsuid, asked.end_ms + 1)) for tsuid in tsuids]
        return [_shown(body) for span in spans for _, body in self._store.documents(KIND, *span)]

    def pages(self, tsuids: Sequence[str], asked: TimeRange) -> Iterator[list[dict[str, Any]]]:
        """As `within`, a bounded number at a time; what changes in between may show."""
        for tsuid in tsuids:
            yield from self._pages(_key(tsuid, asked.start_ms), _key(tsuid, asked.end_ms + 1))

    def everything(self) -> Iterator[list[dict[str, Any]]]:
        """All annotations, a bounded number at a time, by series and time."""
        yield from self._pages("", "\x7f")

    def _pages(self, first: str, end: str) -> Iterator[list[dict[str, Any]]]:
        while page := self._store.documents(KIND, first, end, limits.OPENTSDB_ANNOTATIONS_PAGE):
            yield [_shown(body) for _, body in page]
            first = page[-1][0] + "\0"

    def any_at_all(self) -> bool:
        """Whether there is any at all: most databases have none, and then no query needs to look."""
        return bool(self._store.documents(KIND, "", "\x7f", limit=1))


def _several(body: bytes) -> list[tuple[str, Annotation]]:
    """Those of a body in bulk that say something, with their keys. Raises Refused."""
    several = decode_json(_ANNOTATIONS, body)
    if len(several) > limits.COMMIT_RECORDS:
        raise Refused("body-too-large", f"one request may bring {limits.COMMIT_RECORDS} annotations")
    return [(_key_of(said), said) for said in several if _says_something(said)]


def _key_of(said: Annotation) -> str:
    """The document's key: tsuid in upper case and moment. Raises Refused."""
    start_ms, _ = _start_ms(said), _stamp(said.end_time, "end")
    return _key(_tsuid(said), start_ms)


def _start_ms(said: Annotation) -> int:
    """The moment. Raises Refused."""
    start = _stamp(said.start_time, "start")
    if not start:
        raise Refused("start-missing", "The start timestamp has not been set")
    return times.to_ms(start)


def _tsuid(said: Annotation) -> str:
    """In upper case; "" for a global one. Raises Refused."""
    tsuid = (text_of(said.tsuid) or "").upper()
    if tsuid:
        keys_of([tsuid])
    return tsuid


def _key(tsuid: str, time_ms: int) -> str:
    """Of the document. Keys of one series rise with time."""
    return f"{tsuid}/{min(max(time_ms, 0), times.MILLISECONDS_MAX):013d}"


def _stamp(given: Stamp, what: str) -> int:
    text = str(int(given) if isinstance(given, float) else given or 0)
    if not _DIGITS.fullmatch(text) or not (int(text) == 0 or times.is_legal(int(text))):
        raise Refused("time", f"Unable to convert the '{what}' time: {shown(text)}")
    return int(text)


def _written(said: Annotation, found: bytes | None) -> bytes:
    """The document that `said` makes of the one that was found (None: of nothing). Raises Refused for one too large."""
    kept = msgspec.json.decode(found, type=Annotation) if found else Annotation()
    whole = msgspec.json.encode(_changed(kept, said))
    if len(whole) > limits.OPENTSDB_ANNOTATION_BYTES_MAX:
        raise Refused("body-too-large", f"an annotation may have {limits.OPENTSDB_ANNOTATION_BYTES_MAX} bytes")
    return whole


def _says_something(said: Annotation) -> bool:
    """Whether there is more than the series and the moment, which must be there. Raises Refused."""
    _start_ms(said)
    words = (said.description, said.notes)
    return bool(_stamp(said.end_time, "end")) or any(map(_is_said, words)) or said.custom is not None


def _changed(kept: Annotation, said: Annotation) -> Annotation:
    """What is said, and what is kept where nothing is said, as "" and 0 do (OpenTSDB: Annotation.syncToStorage)."""
    return Annotation(
        start_time=_stamp(said.start_time, "start"),
        tsuid=_tsuid(said),
        end_time=_stamp(said.end_time, "end") or _stamp(kept.end_time, "end"),
        description=_words(said.description, kept.description),
        notes=_words(said.notes, kept.notes),
        custom=kept.custom if said.custom is None else dict(texts_of(said.custom)),
    )


def _is_said(words: Scalar | UnsetType) -> bool:
    return words is not UNSET and words != ""


def _words(said: Scalar | UnsetType, kept: Scalar | UnsetType) -> str | None:
    words = said if _is_said(said) else kept
    return "" if isinstance(words, UnsetType) else text_of(words)


def _shown(body: bytes) -> dict[str, Any]:
    """A global one has the tsuid "", and there is no member that is null (OpenTSDB 2.4.1)."""
    found: dict[str, Any] = orjson.loads(body)
    return {name: value for name, value in found.items() if value is not None}


def _of_parameters(given: Parameters) -> Annotation:
    """OpenTSDB: AnnotationRpc.parseQS, which takes all spellings of a time. Raises Refused."""
    start, tsuid, end, description, notes = (
        given[name][0] if name in given else "" for name in ("start_time", "tsuid", "end_time", "description", "notes")
    )
    return Annotation(_moment(start), tsuid, _moment(end), description, notes)


def _moment(text: str) -> int:
    """In seconds, as OpenTSDB has it, but for what is finer; 0 for none. Raises Refused."""
    found_ms = time_ms(text, time.time_ns() // 1_000_000, UTC) if text else 0
    is_fine = found_ms % 1000 and found_ms > times.SECONDS_MAX
    return found_ms if is_fine else found_ms // 1000


def _range_of(given: Parameters) -> AnnotationRange:
    """OpenTSDB: AnnotationRpc.parseBulkDeleteQS."""
    start, end = (given.get(name, [None])[0] for name in ("start_time", "end_time"))
    if not start:
        raise Refused("start-missing", "Missing parameter <code>start_time</code>")
    tsuids = [tsuid.strip() for tsuid in given["tsuids"][0].split(",")] if "tsuids" in given else None
    return AnnotationRange(start, end, tsuids, "global" in given)
