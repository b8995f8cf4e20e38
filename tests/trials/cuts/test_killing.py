"""`kill -9` under mixed load through every room; scripts/torture kills does a thousand rounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from forked_server import Nursery
from killing import trial
from sending import Change, State, Wrong, judge


def test_killed_servers_lose_nothing_and_invent_nothing(tmp_path: Path, forks: Nursery) -> None:
    report = trial(tmp_path, forks, rounds=3, seed=1)
    assert report.rounds == 3
    assert report.kills >= 3
    assert report.told.acknowledged > 100, "the load did run"


@pytest.mark.parametrize(
    ("found", "says"),
    [({}, "lost 1"), ({"a": "1", "b": "2"}, "too many 1"), ({"a": "2"}, "other 1"), ({"a": "1", "c": "3"}, "in doubt")],
)
def test_what_is_not_as_it_must_be_is_named(found: State, says: str) -> None:
    pending = Change("two at once", {"a": "1", "c": "3", "d": "4"})
    judge("it", {"a": "1"}, {"a": "1"}, pending)
    judge("it", pending.after, {"a": "1"}, pending)
    with pytest.raises(Wrong, match=says):
        judge("it", found, {"a": "1"}, pending)
