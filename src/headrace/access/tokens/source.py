"""Principals that are known by tokens of `headrace token`: made, revoked and expired while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from headrace import limits
from headrace.access.attempts import Attempts
from headrace.access.sources import Found
from headrace.access.tokens.hashing import hash_of_nobody, is_right
from headrace.access.tokens.stored import StoredToken
from headrace.access.tokens.text import parts_of
from headrace.access.tokens.watched import WatchedFile
from headrace.errors import Corrupt, Refused, Unavailable
from headrace.model.time import Clock

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class TokenSource:
    """See access.sources.Source. On the event loop, but for `open`."""

    def __init__(self, path: Path, clock: Clock, when_there: Callable[[], None] = lambda: None) -> None:
        """path: of the file of tokens.   when_there: called, on a thread of ours, when there is one; raises
        Unavailable."""
        self._clock = clock
        self._file = WatchedFile(path, when_there)
        self._tokens: dict[str, StoredToken] = {}
        self._asks = False
        self._found: dict[str, Found] = {}
        """By id, what authorities were given."""
        self._noted: dict[str, int] = {}
        """By id, the last use that is written down."""
        self._attempts = Attempts(clock)
        self._looking: asyncio.Task[None] | None = None
        self._checks: dict[tuple[str, bytes], asyncio.Future[bool]] = {}
        self._reader = ThreadPoolExecutor(1, "headrace-tokens")
        self._checkers = ThreadPoolExecutor(limits.TOKEN_CHECKS_AT_ONCE, "headrace-argon2")
        self.trouble: str | None = None
        """A sentence, when the file cannot be read at present; what was read before holds meanwhile. Strangers see it,
        so the reason is in the log alone."""

    def open(self) -> None:
        """Read what is there, before anybody asks. Any thread. Raises Corrupt, Unavailable."""
        tokens = self._file.look()
        if tokens is not None:
            self._take(tokens)
            self._file.tell()

    @property
    def asks(self) -> bool:
        """Once there is a file, even one of which all tokens were revoked or have expired."""
        return self._asks

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        """In the block, changes of the file are noticed. After it nothing is open any more."""
        looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self._note_uses()
            await self._on_thread(self._file.close)
            self._reader.shutdown()
            self._checkers.shutdown(cancel_futures=True)

    async def find(self, scheme: bytes, secret: bytes, address: str) -> Found | None:
        """See Source. Refuses with other words what was revoked or has expired, where the secret is right."""
        given = parts_of(secret) if scheme == b"bearer" else None
        if given is None:
            return None
        token_id, text = given
        counted = token_id.encode() if token_id in self._tokens else b""
        if wait_s := self._attempts.waits_s(address, counted):
            raise Refused("credentials-slowed", f"too many wrong tokens came from {address}: wait {wait_s} s")
        if token_id not in self._tokens:
            await self._look()
            if self.trouble and token_id not in self._tokens:
                raise Unavailable("whether this token is known cannot be told at present")
            if not self._asks:
                return None  # nobody has ever made one
        is_known = await self._is_right(token_id, text)
        token = self._tokens.get(token_id)
        if token is None or not is_known:
            self._attempts.failed(address, counted)
            raise Refused("credentials-invalid", "the credentials are not known here")
        if not token.row.holds(self._clock()):
            self._attempts.failed(address, counted)
            ended = "was revoked" if token.row.revoked else "has expired"
            raise Refused("credentials-invalid", f"the token {token_id} {ended}")
        return self._found.setdefault(token_id, Found(token.principal, token.until_ms))

    async def _is_right(self, token_id: str, secret: bytes) -> bool:
        """Whoever comes with the same token meanwhile waits for the same check."""
        check = self._checks.get((token_id, secret))
        if check is None:
            if len(self._checks) >= limits.TOKEN_CHECKS_WAITING_MAX:
                raise Unavailable("too many tokens wait to be checked")
            token = self._tokens.get(token_id)
            check = asyncio.get_running_loop().run_in_executor(
                self._checkers, _is_right, token.row.hash if token else None, secret
            )
            self._checks[token_id, secret] = check
            check.add_done_callback(partial(self._checked, (token_id, secret)))
        return await asyncio.shield(check)

    def _checked(self, key: tuple[str, bytes], check: asyncio.Future[bool]) -> None:
        del self._checks[key]
        if not check.cancelled():
            check.exception()  # who waited has it, or nobody does any more

    async def _look(self) -> None:
        """On return the file has been looked at since the call."""
        if self._looking is not None:
            await asyncio.shield(self._looking)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_now())
        await asyncio.shield(self._looking)

    async def _look_now(self) -> None:
        try:
            tokens = await self._on_thread(self._file.look)
            if self.trouble is not None:
                log.info("tokens can be read again")
            self.trouble = None
            if tokens is not None:
                self._take(tokens)
                await self._on_thread(self._file.tell)
        except (Corrupt, Unavailable) as failure:
            if self.trouble is None:
                log.error("tokens cannot be read; those that are known go on to hold", reason=str(failure))
            self.trouble = f"{self._file.path.name} cannot be read: the log says why"
        finally:
            self._looking = None

    def _take(self, tokens: dict[str, StoredToken]) -> None:
        self._asks = True
        self._tokens = tokens
        for token_id, found in self._found.items():
            token = tokens.get(token_id)
            found.until_ms = 0 if token is None else token.until_ms
        # Those that have ended stay: when they were last used may not be written down yet.
        self._found = {token_id: found for token_id, found in self._found.items() if token_id in tokens}
        self._noted = {token_id: max(token.used, self._noted.get(token_id, 0)) for token_id, token in tokens.items()}

    async def _keep_looking(self) -> None:
        uses_in_s = limits.TOKEN_USES_S
        while True:
            await asyncio.sleep(limits.TOKENS_LOOK_S)
            await self._look()
            uses_in_s -= limits.TOKENS_LOOK_S
            if uses_in_s <= 0:
                uses_in_s = limits.TOKEN_USES_S
                await self._note_uses()

    async def _note_uses(self) -> None:
        """Write down which tokens were used since the last time. That it fails hurts no request."""
        used = {
            token_id: found.used_ms - found.used_ms % limits.TOKEN_USE_MS for token_id, found in self._found.items()
        }
        new = {token_id: at for token_id, at in used.items() if at > self._noted.get(token_id, 0)}
        if not new:
            return
        try:
            await self._on_thread(partial(self._file.note_used, new))
            self._noted |= new
        except (Corrupt, Unavailable) as failure:
            log.warning("when tokens were last used is not written down", reason=str(failure))

    async def _on_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)


def _is_right(kept: str | None, secret: bytes) -> bool:
    """kept: the hash; None where there is none, which takes as long."""
    return is_right(hash_of_nobody() if kept is None else kept, secret) and kept is not None
