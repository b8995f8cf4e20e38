"""A short run beside the real KairosDB belongs to the suite; scripts/oracles runs as long as you like."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracles.comparing.campaign import met, run
from oracles.kairosdb import oracle, wanted
from oracles.kairosdb.servers import get, may_be_asked, post

CASES, SEED = 300, 1


@pytest.mark.real_server
def test_headrace_answers_as_kairosdb_does(tmp_path: Path) -> None:
    if reason := oracle.missing():
        pytest.skip(reason)
    with oracle.running(tmp_path) as both:
        outcome = run(both, CASES, SEED, short=True)
        assert outcome.is_clean, f"{met(both.table)}\n{outcome}"


def test_every_wanted_difference_says_why() -> None:
    for entry in wanted.table().entries:
        assert len(entry.reason) > len(entry.name), entry.name


GAPS = {"name": "gaps", "sampling": {"value": 1, "unit": "minutes"}}


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ({"start_absolute": 0, "end_absolute": 600_000, "metrics": [{"aggregators": [GAPS]}]}, True),
        ({"start_absolute": 0, "metrics": [{"aggregators": [GAPS]}]}, False),
        ({"start_absolute": 0, "end_absolute": 10**12, "metrics": [{"aggregators": [GAPS]}]}, False),
        ({"start_absolute": 0, "end_absolute": 9, "metrics": [{"aggregators": [{"name": "gaps"}]}]}, False),
        ({"start_absolute": 0, "metrics": [{"name": "m"}]}, True),
        ("{'start_absolute': 0, 'metrics': [{'aggregators': [{'name': 'gaps'}]}]}", False),
    ],
)
def test_what_would_fill_the_disk_is_never_asked(question: object, asked: bool) -> None:
    """KairosDB writes gaps without an end until the disk is full, also after its client has left."""
    assert may_be_asked(post("datapoints/query", question)) is asked


def test_gaps_in_a_url_are_seen() -> None:
    assert not may_be_asked(get('datapoints/query?query={"metrics":[{"aggregators":[{"name":"gaps"}]}]}'))
