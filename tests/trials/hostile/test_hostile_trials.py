"""Short forms of what scripts/torture does to a server from outside: requests, connections, overload."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import crowds
import mutated_requests
import overload_trial
import pytest
import right_requests
from mutating import mutated

REQUESTS = 100
OF_ONE_SERVER = (*right_requests.HTTP, "opentsdb-telnet")


@pytest.mark.parametrize("dialects", [OF_ONE_SERVER, ("kairosdb-telnet",)], ids=["all", "telnet of KairosDB"])
def test_no_mutated_request_is_a_fault_of_ours(dialects: Sequence[str], tmp_path: Path) -> None:
    outcome = mutated_requests.trial(tmp_path, dialects, REQUESTS, seed=7, alone_s=0.5)
    assert not outcome.wrong, outcome.wrong
    assert outcome.answers.total() == REQUESTS * len(dialects)


def test_many_mutations_differ_from_what_was_right_and_from_each_other() -> None:
    right = right_requests.opentsdb()
    made = {mutated(right[0], Random(number)) for number in range(200)}
    assert len(made - set(right)) > 150


def test_slow_and_idle_connections_hurt_nobody(tmp_path: Path) -> None:
    outcome = crowds.trial(tmp_path, senders=100, readers=50, idle=500, seconds=2)
    assert not outcome.wrong, outcome.wrong
    assert outcome.answers["200"] > 0
    assert not outcome.ended["slow senders"]


def test_what_is_accepted_under_overload_is_stored(tmp_path: Path) -> None:
    outcome = overload_trial.trial(tmp_path, seconds=1.5, senders=50, unfinished=3)
    assert not outcome.wrong, outcome.wrong
    assert outcome.statuses["204"] > 0
    assert outcome.statuses["503"] > 0
    assert outcome.stored_points == outcome.accepted_points > 0
