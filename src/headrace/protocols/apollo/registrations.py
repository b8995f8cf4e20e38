"""What is known of devices and their time series: documents of the store, and those that are in use in memory.

A time series is named for the other rooms when it is first registered, or written without ever being registered, and
that name stays: it decides where its samples lie.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

import msgspec

from headrace import limits
from headrace.errors import Refused
from headrace.model.points import Admitted
from headrace.model.series import Registry, SeriesName
from headrace.model.spelling import key_bytes
from headrace.protocols.apollo.access import Caller
from headrace.protocols.apollo.faults import series_unknown
from headrace.protocols.apollo.names import APOLLO_RULES, RAW, SeriesIds, in_words_of_the_pages, name_of
from headrace.protocols.apollo.wire import Point
from headrace.store import Document

SERIES: Final = "apollo.series"
"""Kind of the documents of time series; the key is the timeseriesId in lower case."""

DEVICE: Final = "apollo.device"
"""Kind of the documents of devices; the key is the device's id."""


class Device(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device that has registered points or sent samples. collection: of its first registration, "" for none."""

    collection: str = ""


class Series(msgspec.Struct, frozen=True, omit_defaults=True):
    """A time series.

    name: the metric under which the other rooms see it.   point: None when it was never registered.   type: of the
    point, as registered last.   metrics: of its samples so far.   collection: that it was put into.
    """

    device: str
    name: str
    metrics: tuple[str, ...]
    point: str | None = None
    type: str = ""
    collection: str = ""

    def named(self, series_id: str, metric: str) -> SeriesName:
        """The name of the store's series for one of its metrics."""
        return name_of(self.name, self.device, self.point, series_id, metric)


class Known(NamedTuple):
    """A time series with the keys (16 bytes) of the store's series, by metric."""

    series: Series
    keys: dict[str, bytes]


_SERIES = msgspec.json.Decoder(Series)
_DEVICE = msgspec.json.Decoder(Device)


class KeepsRegistrations(Protocol):
    """What registrations need of a store (store.Store)."""

    @property
    def table(self) -> Registry:
        """From keys to ordinals."""
        ...

    async def commit(self, changes: Sequence[Document], points: Admitted | None = None) -> int:
        """See store.Store."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...


class Registrations:
    """All devices and time series of a store. Looking is for any thread, changing for the event loop."""

    def __init__(self, store: KeepsRegistrations) -> None:
        self._store = store
        self._ids = SeriesIds(store.table.secret)
        self._known: dict[str, Known] = {}
        self._change = 0
        self._lock = threading.Lock()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._binding: dict[str, asyncio.Event] = {}

    def owner(self, device: str) -> str | None:
        """The collection of a device, "" for none; None when it has neither registered points nor sent samples."""
        body = self._store.document(DEVICE, device)
        return None if body is None else _DEVICE.decode(body).collection

    def check(self, device: str, caller: Caller) -> None:
        """Raises Refused (rule "device-access") when the device is in another collection than where the caller
        looks."""
        if caller.guarded:
            caller.check(self.owner(device))

    def series(self, series_id: str) -> Known | None:
        """The time series of a GUID in lower case, None where there is none."""
        known = self._known.get(series_id)
        if known is None:
            change = self._change
            known = self.fresh(series_id)
            if known is not None:
                self._remember(series_id, known, change)
        return known

    def fresh(self, series_id: str) -> Known | None:
        """As `series`, from the store alone: for a request that changes it."""
        body = self._store.document(SERIES, series_id)
        if body is None:
            return None
        series = _SERIES.decode(body)
        return Known(series, {metric: self.key(series, series_id, metric) for metric in series.metrics})

    def _remember(self, series_id: str, known: Known, change: int) -> None:
        """change: the last one when it was read. What another has changed meanwhile would stay old for ever."""
        with self._lock:
            if change == self._change:
                if len(self._known) >= limits.APOLLO_CACHED_SERIES_MAX:
                    self._known.clear()
                self._known[series_id] = known

    def of_device(self, device: str, series_id: str) -> Known:
        """As `series`. Raises Refused (rule "series-unknown") where there is none or another device's."""
        known = self.series(series_id.lower())
        if known is None or known.series.device != device:
            raise series_unknown(series_id)
        return known

    def key(self, series: Series, series_id: str, metric: str) -> bytes:
        """Of the store's series for one metric of a time series."""
        return key_bytes(self._store.table.key_of(series.named(series_id, metric)))

    @asynccontextmanager
    async def turn_of(self, device: str, binds: Sequence[str] = ()) -> AsyncIterator[None]:
        """Changes of a device's documents take turns. binds: GUIDs that may be bound to the device, each
        once; another device that would bind one of them at the same moment waits."""
        async with self._turns.setdefault(device, asyncio.Lock()):
            # All are taken in one step, or none: a request that waits holds none, so no other waits for it.
            while taken := [self._binding[series_id] for series_id in binds if series_id in self._binding]:
                await taken[0].wait()
            free = asyncio.Event()
            self._binding.update(dict.fromkeys(binds, free))
            try:
                yield
            finally:
                for series_id in binds:
                    del self._binding[series_id]
                free.set()

    async def commit(self, changes: Sequence[Document], points: Admitted | None = None) -> None:
        """Make changes durable, with points. Raises Unavailable, and then nothing has changed."""
        await self._store.commit(changes, points)
        with self._lock:
            self._change += 1
            for document in changes:
                if document.kind == SERIES:
                    self._known.pop(document.key, None)

    async def register(self, device: str, caller: Caller, points: Sequence[Point]) -> list[str]:
        """The timeseriesId of each point; durable on return.

        Raises Refused where a name is not legal or the device not the caller's, Unavailable; and then nothing of the
        request is registered.
        """
        async with self.turn_of(device):
            ids, changes = await asyncio.to_thread(self._registered, device, caller, points)
            if changes:
                await self.commit(changes)
        return ids

    def _registered(self, device: str, caller: Caller, points: Sequence[Point]) -> tuple[list[str], list[Document]]:
        """The ids, and what must change: nothing when a device that restarts registers what it was."""
        changes = self.device_changes(device, caller, registers=True)
        ids: list[str] = []
        changed: dict[str, Series] = {}
        for place, point in enumerate(points):
            series_id = self._ids.of(device, point.id)
            ids.append(series_id)
            known = self.fresh(series_id)
            series = changed.get(series_id) or (known and known.series)
            if series is None or series.type != point.point_type:
                fresh = Series(device, point.point_type, (RAW,), point.id, point.point_type, caller.collection)
                _check(fresh, series_id, place)
                changed[series_id] = msgspec.structs.replace(series, type=fresh.type) if series else fresh
        return ids, [series_document(series_id, series) for series_id, series in changed.items()] + changes

    def device_changes(self, device: str, caller: Caller, *, registers: bool) -> list[Document]:
        """The document of a device that has none yet, or no collection while the caller has one. Raises Refused (rule
        "device-access")."""
        owner = self.owner(device)
        caller.check(owner, adopts=registers)
        if owner is not None and (owner or not caller.collection or not registers):
            return []
        return [Document(DEVICE, device, msgspec.json.encode(Device(caller.collection)))]


def series_document(series_id: str, series: Series) -> Document:
    """As the store keeps it."""
    return Document(SERIES, series_id, msgspec.json.encode(series))


def _check(series: Series, series_id: str, place: int) -> None:
    if not series.point:
        raise Refused("point-empty", f"points[{place}].id: it is empty")
    if not series.type:
        raise Refused("type-empty", f"points[{place}].pointType: it is empty")
    try:
        APOLLO_RULES.check(series.named(series_id, RAW))
    except Refused as refused:
        raise in_words_of_the_pages(refused, f"points[{place}]") from None
