"""A scanner, or an agent with an old certificate, comes again and again."""

from __future__ import annotations

import ssl
from collections import Counter

import pytest
from structlog.testing import capture_logs

from headrace import limits
from headrace.transport import Listener
from headrace.transport.tls.failures import FailedHandshakes, reason_of, words_of


def test_all_are_counted_and_some_told() -> None:
    counted: Counter[str] = Counter()
    now_ms = [0]

    def count(reason: str) -> None:
        counted[reason] += 1

    failed = FailedHandshakes(count, lambda: now_ms[0])
    listener = Listener("::1", 4242, None)
    with capture_logs() as told:
        for _ in range(100):
            failed.add(listener, "192.0.2.7", "timeout", "it did not end")
        assert len(told) == limits.TOLD_PER_MINUTE
        now_ms[0] += 60_000
        failed.add(listener, "192.0.2.7", "left", "he left")
    assert counted == {"timeout": 100, "left": 1}
    assert told[-1]["untold_before"] == 100 - limits.TOLD_PER_MINUTE
    assert (told[0]["listener"], told[0]["sender"], told[0]["reason"]) == ("[::1]:4242", "192.0.2.7", "timeout")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("HTTP_REQUEST", "no-tls"),
        ("UNSUPPORTED_PROTOCOL", "version"),
        ("TLSV1_ALERT_UNKNOWN_CA", "refused-by-client"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "refused-by-client"),
        ("SOMETHING_NEW", "other"),
        (None, "other"),
    ],
)
def test_reasons_are_a_few(word: str | None, reason: str) -> None:
    fault = ssl.SSLError(1, "what it was")
    fault.reason = word  # type: ignore[assignment]
    assert reason_of(fault) == reason
    assert words_of(fault) == (word or str(fault)).lower().replace("_", " ")
