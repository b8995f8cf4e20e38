"""A short run beside the real KairosDB belongs to the suite; scripts/oracles runs as long as you like."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracles.comparing.asking import Answer
from oracles.comparing.campaign import met, run
from oracles.comparing.differences import Difference
from oracles.kairosdb import oracle, wanted
from oracles.kairosdb.judging import Number
from oracles.kairosdb.servers import get, may_be_asked, may_fail, post
from oracles.kairosdb.wanted.points import is_less

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


def result(*points: tuple[int, str]) -> dict[str, object]:
    return {"values": [[Number(time_ms), Number(value)] for time_ms, value in points]}


TWO_AT_ONCE = result((1, "5"), (1, "7.5"), (2, "3"))


@pytest.mark.parametrize(
    ("ours", "less"),
    [
        (result((1, "7.5"), (2, "3")), True),
        (result(), True),
        (TWO_AT_ONCE, False),
        (result((1, "7.5"), (2, "4")), False),
        (result((1, "7.5"), (3, "3")), False),
        (result((1, "5"), (1, "5")), False),
    ],
)
def test_fewer_points_are_excused_only_if_all_are_there(ours: dict[str, object], less: bool) -> None:
    found = Difference("left values", "", TWO_AT_ONCE, ours)
    assert is_less(found) is less
    assert not is_less(found, ours=False)


@pytest.mark.parametrize(
    ("path", "status", "words", "may"),
    [
        (
            "datapoints/query",
            500,
            "The rate aggregator cannot compute rate for data points with the same time stamp.",
            True,
        ),
        ("datapoints/query", 500, "JSON does not allow non-finite numbers.", True),
        ("datapoints/query", 500, "something else", False),
        ("datapoints/query", 503, "non-finite numbers", False),
        ("datapoints", 500, "non-finite numbers", False),
    ],
)
def test_headrace_may_fail_only_as_kairosdb_does(path: str, status: int, words: str, may: bool) -> None:
    assert may_fail(post(path, {}), Answer(status, {}, words.encode())) is may
