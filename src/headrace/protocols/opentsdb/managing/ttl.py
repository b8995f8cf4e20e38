"""Alibaba's /api/ttl: how long points are kept, read and changed while the server runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import orjson
from starlette.types import Scope

from headrace import limits
from headrace.config import RETENTION_DEFAULT, Settings
from headrace.errors import Refused
from headrace.model.time import SECOND_MS
from headrace.protocols.opentsdb.integers import Whole, whole_member
from headrace.protocols.opentsdb.reading.wire import decode_json
from headrace.protocols.opentsdb.reply import Parameters, Reply
from headrace.settings.quantities import parse_duration_ms
from headrace.store import RETENTION_DOCUMENT, Document, DocumentChange
from headrace.transport.guarding.guard import note
from headrace.transport.loop_or_thread import LoopOrThread

FOR_EVER_S: Final = 2**31 - 1
"""Integer.MAX_VALUE, 68 years: what Alibaba answers when nothing was ever set, and the most that may be."""


class TimeToLive(msgspec.Struct):
    """aliyun-tsdb-java-sdk: TTLValue, TTLResult. val: seconds."""

    val: Whole | None = None


_TIME_TO_LIVE = msgspec.json.Decoder(TimeToLive, strict=False, dec_hook=whole_member)


class KeepsTimeToLive(Protocol):
    """What the time to live needs of a store (store.Store)."""

    async def commit(self, changes: Sequence[DocumentChange]) -> int:
        """See store.Store."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...


class TimeToLiveService:
    """One for the whole database. Metrics for which the operator's setting has a pattern keep to that."""

    def __init__(self, store: KeepsTimeToLive, settings: Settings) -> None:
        self._store = store
        self._bodies = LoopOrThread(limits.QUESTION_ON_LOOP_BYTES_MAX)
        self._setting_ms = parse_duration_ms(settings.retention.get(RETENTION_DEFAULT, "0"))

    async def ttl(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """GET says it; POST with a value sets it, effective when answered; POST without a body is a GET."""
        if scope["method"] == "POST" and body.strip():
            seconds = (await self._bodies.run(len(body), lambda: decode_json(_TIME_TO_LIVE, body))).val
            if seconds is None or not 1 <= seconds <= FOR_EVER_S:
                raise Refused("ttl", f"'val' must be a number of seconds from 1 to {FOR_EVER_S}")
            kept_ms = 0 if seconds == FOR_EVER_S else seconds * SECOND_MS
            note(scope, kept_ms=kept_ms)
            await self._store.commit([Document(*RETENTION_DOCUMENT, b"%d" % kept_ms)])
        await reply.whole(orjson.dumps({"val": self._seconds()}))

    def _seconds(self) -> int:
        document = self._store.document(*RETENTION_DOCUMENT)
        kept_ms = self._setting_ms if document is None else int(document)
        return min(kept_ms // SECOND_MS, FOR_EVER_S) if kept_ms else FOR_EVER_S
