"""Both writes: registering points, and storing samples. An answered request is durable as a whole, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import numpy as np

from headrace import limits
from headrace.errors import Refused
from headrace.intake import Intake, PointCounts, StoresPoints, refused_whole
from headrace.metrics import Metrics
from headrace.model.arrivals import pack
from headrace.model.json_pieces import work_of
from headrace.model.points import Admitted, Points
from headrace.model.time import Clock, wall_clock
from headrace.protocols.apollo.access import Caller
from headrace.protocols.apollo.names import APOLLO_RULES, ROOM, in_words_of_the_pages
from headrace.protocols.apollo.registrations import SERIES, KeepsRegistrations, Registrations
from headrace.protocols.apollo.wire import points_of
from headrace.protocols.apollo.writing.binding import Bound, bind
from headrace.protocols.apollo.writing.decode import Decode, PostedSamples
from headrace.transport.loop_or_thread import LoopOrThread

"""The label of this room's metrics."""


class StoresSamples(KeepsRegistrations, StoresPoints, Protocol):
    """What writing needs of a store (store.Store)."""


class SamplesService:
    """Points and samples on their way into the store."""

    def __init__(
        self,
        store: StoresSamples,
        registrations: Registrations,
        metrics: Metrics,
        decode: Decode,
        clock: Clock = wall_clock,
    ) -> None:
        self._registrations = registrations
        self._decode = decode
        self._bodies = LoopOrThread(limits.APOLLO_LOOP_BODY_BYTES_MAX)
        self._clock = clock
        self._counts = PointCounts(metrics, ROOM)
        self._intake = Intake(store, APOLLO_RULES, self._counts)

    async def register(self, device: str, caller: Caller, body: bytes) -> dict[str, Any]:
        """`data` of the answer. Raises Refused, Unavailable; and then nothing is registered."""
        points = await self._bodies.run(work_of(body), lambda: points_of(body))
        if len(points) > limits.APOLLO_POINTS_MAX:
            raise Refused("too-many", f"{len(points)} points, at most {limits.APOLLO_POINTS_MAX} are taken at once")
        ids = await self._registrations.register(device, caller, points)
        relationships = [
            {"pointId": point.id, "pointType": point.point_type, "timeseriesId": series_id}
            for point, series_id in zip(points, ids, strict=True)
        ]
        return {"deviceId": device, "relationships": relationships}

    async def store(self, device: str, caller: Caller, body: bytes, sender: str = "") -> None:
        """Store the samples of a body. Raises Refused, Unavailable; and then none of them is stored."""
        try:
            samples, bound = await self._bodies.run(work_of(body), lambda: self._read(device, caller, body))
            if not bound.changes:
                await self._intake.append(self._admitted(samples, bound))
            else:
                binds = [change.key for change in bound.changes if change.kind == SERIES]
                async with self._registrations.turn_of(device, binds):
                    # Again: another request may have bound some of them meanwhile.
                    bound = await asyncio.to_thread(
                        lambda: bind(self._registrations, device, caller, samples, changing=True)
                    )
                    await self._registrations.commit(bound.changes, self._admitted(samples, bound))
                self._counts.add_accepted(len(samples))
        except Refused as refused:
            self._counts.add_refused(refused_whole(refused, sender))
            raise

    def _read(self, device: str, caller: Caller, body: bytes) -> tuple[PostedSamples, Bound]:
        self._registrations.check(device, caller)
        samples = self._decode(body)
        return samples, bind(self._registrations, device, caller, samples)

    def _admitted(self, samples: PostedSamples, bound: Bound) -> Admitted:
        """Raises Refused when the gate refuses any of them."""
        arrivals = pack(self._clock(), samples.offsets)
        places = np.arange(len(samples))
        points = Points(bound.keys, samples.times, samples.values, bound.names, places, arrivals=arrivals)
        admission = self._intake.admit(points)
        if admission.refused:
            place, refused, _ = admission.refused[0]
            raise in_words_of_the_pages(refused, f"samples[{place}]")
        return admission.admitted
