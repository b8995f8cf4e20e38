"""The public keys of one issuer: fetched beside the event loop, kept, fetched again when they are old or one is
missing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import structlog
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from headrace import limits
from headrace.access.jwt.fetching import NotFetched, fetch, read_file
from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.model.few_per_minute import FewPerMinute
from headrace.model.time import wall_clock
from headrace.settings.jwks import Key, keys_of
from headrace.settings.jwt_issuers import Algorithm, JwtIssuerSetting

log = structlog.get_logger(__name__)

_NEVER: Final = float("-inf")


class Keys:
    """On the event loop; each fetch has a thread of its own, of which there is one at a time, and which ends with the
    process."""

    def __init__(
        self, name: str, setting: JwtIssuerSetting, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """clock: in seconds, never set back."""
        self._name = name
        self._where = setting.jwks
        self._clock = clock
        file = setting.file
        self._read = partial(fetch, setting.jwks) if file is None else partial(read_file, file)
        self._is_file = file is not None
        self._fresh_s = limits.JWKS_FILE_FRESH_S if file else limits.JWKS_FRESH_S
        self._again_s = limits.JWKS_FILE_FRESH_S if file else limits.JWKS_AGAIN_S
        self._document: bytes | None = None
        self._keys: tuple[Key, ...] = ()
        self._fetched_s = self._rests_since_s = _NEVER
        self._failed = False
        self._flight: asyncio.Future[None] | None = None
        self._fetches = {result: metrics.jwks_fetches.labels(name, result) for result in ("ok", "failed")}
        self._known = metrics.jwks_keys.labels(name)
        self._few = FewPerMinute(wall_clock, limits.JWKS_TOLD_PER_MINUTE)

    def begin(self) -> asyncio.Future[None] | None:
        """Fetch, unless it was done a moment ago. Returns what ends with the fetch that is under way; None for none."""
        if self._flight is None and self._clock() - self._rests_since_s >= self._again_s:
            loop = asyncio.get_running_loop()
            self._rests_since_s = self._clock()
            threading.Thread(target=self._fly, args=(loop,), name=f"headrace-jwks-{self._name}", daemon=True).start()
            self._flight = loop.create_future()  # now that there is a thread that ends it
        return self._flight

    async def fitting(self, algorithm: Algorithm, key_id: str | None) -> Sequence[Key]:
        """The keys that a token may be signed with that says so in its header, at most limits.JWT_KEYS_TRIED_MAX. Waits
        for a fetch where it must. Raises Unavailable when the keys could not be fetched, so that nobody knows."""
        has_waited = await self._get_fresh()
        found = self._fitting(algorithm, key_id)
        if not found and not has_waited and await self.are_newer():
            found = self._fitting(algorithm, key_id)
        if not found and (self._failed or not self._keys):
            words = f'the keys of the issuer "{self._name}" could not be fetched, so its tokens can not be checked'
            raise Unavailable(words, int(limits.JWKS_AGAIN_S))
        return found

    async def are_newer(self) -> bool:
        """Fetch again, as `begin`, and wait: whether there are other keys now."""
        before = self._document
        await self._landed_at_last()
        return self._document != before

    async def _get_fresh(self) -> bool:
        """Whether it has waited for a fetch."""
        age_s = self._clock() - self._fetched_s
        if age_s < self._fresh_s:
            return False
        must_wait = self._is_file or not self._keys or (age_s >= 2 * self._fresh_s and not self._failed)
        if must_wait:
            return await self._landed_at_last()
        self.begin()
        return False

    async def _landed_at_last(self) -> bool:
        """False when there is no fetch to wait for."""
        flight = self.begin()
        if flight is not None:
            # Longer than a fetch takes, unless the system looks up a name for longer. Whoever gives up does not end it.
            await asyncio.wait((flight,), timeout=limits.JWKS_TIMEOUT_S + 1)
            self._failed |= flight is self._flight
        return flight is not None

    def _fitting(self, algorithm: Algorithm, key_id: str | None) -> Sequence[Key]:
        # A key without an id is for tokens of any.
        found = [key for key in self._keys if key_id is None or key.kid in (None, key_id)]
        return [key for key in found if _fits(key, algorithm)][: limits.JWT_KEYS_TRIED_MAX]

    def _fly(self, loop: asyncio.AbstractEventLoop) -> None:
        outcome: tuple[bytes, tuple[Key, ...]] | NotFetched = NotFetched("failed to be read by a fault of ours")
        try:
            document = self._read()
            outcome = document, self._keys if document == self._document else keys_of(document)
        except NotFetched as fault:
            outcome = fault
        except ValueError as fault:
            outcome = NotFetched(f"come in a document that {fault}")
        finally:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(self._land, outcome)

    def _land(self, outcome: tuple[bytes, tuple[Key, ...]] | NotFetched) -> None:
        self._failed = isinstance(outcome, NotFetched)
        self._fetches["failed" if self._failed else "ok"].inc()
        if isinstance(outcome, NotFetched):
            self._rests_since_s = self._clock()  # where each takes all of its time, requests would do nothing but wait
            self._tell_of_failure(outcome)
        else:
            document, keys = outcome
            if document != self._document:
                log.info("keys of an issuer", issuer=self._name, jwks=self._where, keys=len(keys))
            self._document, self._keys, self._fetched_s = document, keys, self._clock()
            self._known.set(len(keys))
        if self._flight is not None:
            self._flight.set_result(None)
            self._flight = None

    def _tell_of_failure(self, fault: NotFetched) -> None:
        untold = self._few.tell()
        if untold is not None:
            log.warning(
                "keys of an issuer not fetched",
                issuer=self._name,
                jwks=self._where,
                reason=f"the keys {fault}",
                kept=len(self._keys),
                untold_before=untold,
            )


def _fits(key: Key, algorithm: Algorithm) -> bool:
    """Whether the key is of the kind, the curve and the use that the algorithm needs."""
    try:
        JWSRegistry.algorithms[algorithm].check_key(key)
    except JoseError:
        return False
    return True
