"""A short seeded run beside the real OpenTSDB: no difference without a reason, and the usual ones are met."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracles.comparing.campaign import run
from oracles.opentsdb import oracle

CASES = 600


@pytest.mark.real_server
@pytest.mark.timeout(300)
def test_headrace_answers_as_opentsdb_does(tmp_path: Path) -> None:
    if reason := oracle.missing():
        pytest.skip(reason)
    with oracle.running(tmp_path) as both:
        outcome = run(both, CASES, seed=8, short=True)
    assert outcome.is_clean, str(outcome)
