"""Who is let in by a token that was made while the server ran, until when, and what that costs."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from principals_for_tests import TOKEN, bearer, principal, settings_of
from structlog.testing import capture_logs
from tokens_for_tests import Tokens

from headrace import limits
from headrace.access.authority import Authority
from headrace.access.principals import ANYBODY, of_settings
from headrace.access.tokens.hashing import is_right
from headrace.access.tokens.source import TokenSource
from headrace.errors import Corrupt, Refused, Unavailable

ADDRESS = "10.0.0.1"
MINUTE = 60_000


class Checks:
    """Counts how often a secret is checked."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.done = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        patched.setattr("headrace.access.tokens.source.is_right", self._counted)

    def _counted(self, kept: str, secret: bytes) -> bool:
        self.may_go_on.wait(10)
        self.done += 1
        return is_right(kept, secret)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    monkeypatch.setattr(limits, "TOKENS_LOOK_S", 0.01)
    return Checks(monkeypatch)


class House:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.tokens = Tokens(folder)
        self.source = TokenSource(self.tokens.path, self.tokens.clock)
        self.authority = Authority(of_settings(settings_of(**settings)), self.tokens.clock, [self.source])

    async def who(self, text: str, address: str = ADDRESS) -> str:
        return (await self.authority.of([bearer(text)], address)).name

    async def refusal(self, text: str, address: str = ADDRESS) -> tuple[str, str]:
        with pytest.raises(Refused) as refused:
            await self.authority.of([bearer(text)], address)
        assert text[-43:] not in refused.value.detail
        return refused.value.rule, refused.value.detail

    def is_known(self, text: str) -> bool:
        return self.authority.known([bearer(text)]) is not None


@asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    house.source.open()
    async with house.source.work():
        yield house


async def until(what: Any) -> None:
    for _ in range(500):
        if what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come true")


UNKNOWN = ("credentials-invalid", "the credentials are not known here")


async def test_a_token_is_checked_once_and_known_from_then_on(tmp_path: Path, checks: Checks) -> None:
    house = House(tmp_path)
    text = house.tokens.create()
    async with running(house):
        assert house.authority.asks
        assert not house.is_known(text)
        assert await house.who(text) == "tokens.ann"
        assert house.is_known(text)
        assert [await house.who(text, "10.0.0.2") for _ in range(3)] == ["tokens.ann"] * 3
        assert checks.done == 1
        assert await house.refusal("x" * 40) == UNKNOWN
        for wrong in (text[:-1] + ("a" if text[-1] != "a" else "b"), text.replace(text[9:21], "0" * 12)):
            assert await house.refusal(wrong) == UNKNOWN
        # Whether an id is known is not told by the time that it takes.
        assert checks.done == 3


async def test_with_no_file_nobody_is_asked_and_with_the_first_token_all_are(tmp_path: Path, checks: Checks) -> None:
    async with running(House(tmp_path)) as house:
        assert not house.authority.asks
        assert await house.authority.of([], ADDRESS) is ANYBODY
        text = house.tokens.create()
        await until(lambda: house.authority.asks)
        assert house.authority.known([]) is None
        assert await house.who(text) == "tokens.ann"
        house.tokens.revoke("ann")
        house.tokens.path.unlink()
        await until(lambda: house.source.trouble)
        assert house.authority.asks


async def test_where_none_was_ever_made_none_is_checked(tmp_path: Path, checks: Checks) -> None:
    async with running(House(tmp_path, principals={"agent": principal()})) as house:
        for _ in range(3 * limits.PASSWORDS_FAILED_MAX):
            assert await house.refusal(f"headrace_{'0' * 12}_{'x' * 43}") == UNKNOWN
        assert checks.done == 0
        assert await house.who(house.tokens.create()) == "tokens.ann"


async def test_a_token_works_as_soon_as_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TOKENS_LOOK_S", 3600.0)
    house = House(tmp_path, principals={"agent": principal()})
    async with running(house):
        assert (await house.authority.of([bearer(TOKEN)], "")).name == "agent"
        for name in ("ann", "bob"):
            assert await house.who(house.tokens.create(name)) == f"tokens.{name}"


async def test_revoked_and_expired_tokens_let_nobody_in(tmp_path: Path, checks: Checks) -> None:
    house = House(tmp_path)
    ann, bob = house.tokens.create("ann"), house.tokens.create("bob", MINUTE)
    async with running(house):
        assert [await house.who(ann), await house.who(bob)] == ["tokens.ann", "tokens.bob"]
        house.tokens.revoke("ann")
        await until(lambda: not house.is_known(ann))
        assert await house.refusal(ann) == ("credentials-invalid", f"the token {ann[9:21]} was revoked")
        assert house.is_known(bob)
        house.tokens.now_ms += MINUTE
        assert not house.is_known(bob)
        assert await house.refusal(bob) == ("credentials-invalid", f"the token {bob[9:21]} has expired")
        # Only who has the secret is told.
        wrong = ann[:-1] + ("a" if ann[-1] != "a" else "b")
        assert await house.refusal(wrong) == UNKNOWN


async def test_rotated_with_an_overlap_both_are_let_in_for_a_while(tmp_path: Path, checks: Checks) -> None:
    house = House(tmp_path)
    old = house.tokens.create()
    async with running(house):
        await house.who(old)
        new = house.tokens.rotate(overlap_ms=MINUTE)
        assert await house.who(new) == await house.who(old) == "tokens.ann"
        house.tokens.now_ms += MINUTE
        assert (await house.refusal(old))[1].endswith("has expired")
        assert await house.who(new) == "tokens.ann"
        newest = house.tokens.rotate()
        await until(lambda: not house.is_known(new))
        assert await house.who(newest) == "tokens.ann"


async def test_guesses_are_slowed_and_who_was_let_in_is_not(tmp_path: Path, checks: Checks) -> None:
    house = House(tmp_path)
    ann, bob = house.tokens.create("ann"), house.tokens.create("bob")
    wrong = ann[:-1] + ("a" if ann[-1] != "a" else "b")
    async with running(house):
        await house.who(ann)
        for _ in range(limits.PASSWORDS_FAILED_MAX):
            assert await house.refusal(wrong) == UNKNOWN
        done = checks.done
        rule, words = await house.refusal(wrong)
        assert (rule, words) == ("credentials-slowed", "too many wrong tokens came from 10.0.0.1: wait 60 s")
        assert checks.done == done
        assert await house.who(ann) == "tokens.ann"
        assert await house.who(bob) == "tokens.bob"
        assert await house.refusal(wrong, "10.0.0.2") == UNKNOWN
        house.tokens.now_ms += MINUTE
        assert await house.refusal(wrong) == UNKNOWN


async def test_many_unknown_ids_are_slowed_together(tmp_path: Path, checks: Checks) -> None:
    house = House(tmp_path)
    ann = house.tokens.create()
    async with running(house):
        for number in range(limits.PASSWORDS_FAILED_MAX):
            assert await house.refusal(f"headrace_{number:012d}_{'x' * 43}") == UNKNOWN
        assert (await house.refusal(f"headrace_{99:012d}_{'x' * 43}"))[0] == "credentials-slowed"
        assert checks.done == limits.PASSWORDS_FAILED_MAX
        assert await house.who(ann) == "tokens.ann"


async def test_many_that_come_at_once_wait_for_one_check(
    tmp_path: Path, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    text = house.tokens.create()
    async with running(house):
        checks.may_go_on.clear()
        many = [asyncio.create_task(house.who(text)) for _ in range(64)]
        gone = asyncio.create_task(house.who(text))
        await asyncio.sleep(0)
        gone.cancel()
        monkeypatch.setattr(limits, "TOKEN_CHECKS_WAITING_MAX", 1)
        with pytest.raises(Unavailable, match="too many tokens wait to be checked"):
            await house.who(house.tokens.create("bob"))
        checks.may_go_on.set()
        assert await asyncio.gather(*many) == ["tokens.ann"] * 64
        assert checks.done == 1
        assert await house.who(text) == "tokens.ann"


async def test_a_file_that_cannot_be_read_opens_nothing_and_locks_nobody_out(tmp_path: Path, checks: Checks) -> None:
    house = House(tmp_path)
    ann, bob = house.tokens.create("ann"), house.tokens.create("bob")
    sound = house.tokens.path.read_bytes()
    async with running(house):
        await house.who(ann)
        house.tokens.path.write_bytes(b"no database" * 1000)
        with capture_logs() as logged:
            await until(lambda: house.source.trouble)
            assert house.source.trouble == "access.sqlite cannot be read: the log says why"
            assert await house.who(ann) == await house.who(ann) == "tokens.ann"
            assert await house.who(bob) == "tokens.bob"
            with pytest.raises(Unavailable, match=r"^whether this token is known cannot be told at present$"):
                await house.who(f"headrace_{'0' * 12}_{'x' * 43}")
            house.tokens.path.unlink()
            house.tokens.path.write_bytes(sound)
            await until(lambda: not house.source.trouble)
        assert [line["log_level"] for line in logged] == ["error", "info"]
        assert await house.who(ann) == "tokens.ann"


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_one_that_cannot_be_read_at_the_start_ends_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "access.sqlite").write_bytes(content)
    with pytest.raises(Corrupt, match=r"access\.sqlite: "):
        House(tmp_path).source.open()


async def test_the_last_use_is_written_down_to_the_minute(
    tmp_path: Path, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TOKEN_USES_S", 0.05)
    house = House(tmp_path)
    ann, bob = house.tokens.create("ann"), house.tokens.create("bob")
    minute = house.tokens.now_ms - house.tokens.now_ms % MINUTE
    async with running(house):
        await house.who(ann)
        await until(lambda: house.tokens.content().used == {ann[9:21]: minute})
        house.tokens.now_ms = minute + MINUTE - 1
        assert house.is_known(ann)
        changed = house.tokens.path.stat().st_mtime_ns
        await asyncio.sleep(0.15)
        assert house.tokens.path.stat().st_mtime_ns == changed, "at most once a minute"
        house.tokens.now_ms = minute + MINUTE
        assert house.is_known(ann)
        await until(lambda: house.tokens.content().used == {ann[9:21]: minute + MINUTE})
        await house.who(bob)
        house.tokens.revoke("bob")
        await until(lambda: not house.is_known(bob))
    # What was not written down yet is at the stop.
    assert house.tokens.content().used == {ann[9:21]: minute + MINUTE, bob[9:21]: minute + MINUTE}


async def test_that_it_cannot_be_written_down_hurts_no_request(
    tmp_path: Path, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TOKEN_USES_S", 0.02)
    monkeypatch.setattr(limits, "TOKENS_BUSY_S", 0.01)
    house = House(tmp_path)
    text = house.tokens.create()
    async with running(house):
        monkeypatch.setattr(limits, "TOKENS_BUSY_S", 5.0)  # of who else reads it
        with capture_logs() as logged, closing(sqlite3.connect(house.tokens.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await house.who(text) == "tokens.ann"
            await until(lambda: "when tokens were last used is not written down" in [line["event"] for line in logged])
            assert await house.who(text) == "tokens.ann"
        await until(lambda: house.tokens.content().used)


async def test_no_secret_is_in_what_it_holds(tmp_path: Path, checks: Checks) -> None:
    house = House(tmp_path)
    text = house.tokens.create()
    async with running(house):
        await house.who(text)
        held = repr(vars(house.source)) + repr(vars(house.authority))
        assert text[-43:] not in held
