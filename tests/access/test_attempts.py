"""How long who guesses has to wait."""

from __future__ import annotations

import pytest

from headrace import limits
from headrace.access.attempts import Attempts

USER = b"user"


class At:
    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.attempts = Attempts(lambda: self.now_ms)

    def fail(self, address: str, times: int = limits.PASSWORDS_FAILED_MAX, user: bytes = USER) -> None:
        for _ in range(times):
            self.attempts.failed(address, user)


def test_until_the_minute_is_over() -> None:
    at = At()
    at.fail("10.0.0.1", limits.PASSWORDS_FAILED_MAX - 1)
    assert at.attempts.waits_s("10.0.0.1", USER) == 0
    at.now_ms += 20_500
    at.fail("10.0.0.1", 1)
    assert at.attempts.waits_s("10.0.0.1", USER) == 40
    assert at.attempts.waits_s("10.0.0.1", b"other") == at.attempts.waits_s("10.0.0.2", USER) == 0
    at.now_ms += 39_500
    assert at.attempts.waits_s("10.0.0.1", USER) == 0
    at.fail("10.0.0.1", 1)
    assert at.attempts.waits_s("10.0.0.1", USER) == 0


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    at = At()
    at.fail("10.0.0.1")
    at.now_ms -= 500_000
    assert at.attempts.waits_s("10.0.0.1", USER) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("", "10.0.0.1", False),
    ],
)
def test_networks(one: str, other: str, same: bool) -> None:
    at = At()
    at.fail(one)
    assert bool(at.attempts.waits_s(other, USER)) == same


def test_what_is_remembered_is_bounded() -> None:
    at = At()
    at.fail("10.0.0.1")
    for number in range(limits.PASSWORDS_FAILED_KEPT_MAX):
        at.attempts.failed("10.0.0.2", b"%d" % number)
    assert at.attempts.waits_s("10.0.0.1", USER) == 0
    assert len(at.attempts._failed) == limits.PASSWORDS_FAILED_KEPT_MAX
