"""Requests denied for who sent them: all are counted, the log has the first ones of a minute."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import LogCapture

from headrace import limits
from headrace.metrics import Metrics
from headrace.model.time import MINUTE_MS
from headrace.transport.guarding.denials import Denials

SCOPE = {"method": "GET", "path": "/a\nb", "raw_path": b"/a%0Ab\x9b", "client": ("192.0.2.7", 4711)}


def test_each_is_counted_and_the_first_of_a_minute_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = LogCapture()
    logger = structlog.wrap_logger(None, processors=[told], wrapper_class=structlog.BoundLogger)
    monkeypatch.setattr("headrace.transport.guarding.denials.log", logger)
    metrics, now_ms = Metrics(), 90 * MINUTE_MS
    denials = Denials(metrics.requests_denied, "datazone", lambda: now_ms)
    for _ in range(limits.TOLD_PER_MINUTE + 5):
        denials.add(SCOPE, "caller-unknown", access_key_id="AKID")
    assert len(told.entries) == limits.TOLD_PER_MINUTE
    assert told.entries[0] == {
        "log_level": "info",
        "event": "request denied",
        "room": "datazone",
        "reason": "caller-unknown",
        "method": "GET",
        "path": "/a%0Ab\\x9b",
        "client": "192.0.2.7",
        "access_key_id": "AKID",
        "untold_before": 0,
    }
    now_ms += MINUTE_MS
    denials.add({**SCOPE, "client": None}, "signature-missing")
    assert (told.entries[-1]["untold_before"], told.entries[-1]["client"]) == (5, "")
    counted = metrics.render().decode()
    assert 'headrace_requests_denied_total{reason="caller-unknown",room="datazone"} 15.0' in counted
    assert 'headrace_requests_denied_total{reason="signature-missing",room="datazone"} 1.0' in counted
