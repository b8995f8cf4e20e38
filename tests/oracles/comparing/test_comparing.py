"""The table and the loop judge as they say: against a pair of servers that are functions."""

from __future__ import annotations

import http.server
import itertools
import socket
import threading
from collections.abc import Iterator
from random import Random

import pytest

from oracles.comparing.asking import NO_ANSWER, SILENT_MAX, Answer, Peer, Request, Watched
from oracles.comparing.campaign import run
from oracles.comparing.differences import FAILED, Difference, Table, Wanted
from oracles.comparing.sorts import Case, MixedSorts, Said


class Adding:
    """The real server adds one to a number; ours does as `ours` says."""

    def __init__(self, ours: dict[int, int], *entries: Wanted[int]) -> None:
        self.table = Table(entries)
        self._ours = ours

    def cases(self, random: Random) -> Iterator[int]:
        return itertools.count()

    def kind(self, case: int) -> str:
        return "even" if case % 2 == 0 else "odd"

    def differences(self, case: int) -> list[Difference]:
        real, ours = case + 1, self._ours.get(case, case + 1)
        return [] if real == ours else [Difference("sum", f"{real} | {ours}", real, ours)]

    def minimised(self, case: int, difference: Difference) -> str:
        return f"case {case}: {difference}"


SEVEN = Wanted[int]("seven", "seven is lucky", lambda case, found: found.ours == 7, in_short_run=True)
EIGHT = Wanted[int]("eight", "eight is rare", lambda case, found: found.ours == 8)


def test_servers_that_agree_are_clean() -> None:
    outcome = run(Adding({}), 10, seed=1)
    assert outcome.is_clean
    assert outcome.cases == {"even": 5, "odd": 5}


def test_a_difference_that_no_entry_explains_fails_and_is_shown() -> None:
    outcome = run(Adding({3: 7, 5: 9}, SEVEN), 10, seed=1)
    assert not outcome.is_clean
    assert outcome.differing == 2
    assert outcome.unexplained == {"odd sum": 1}
    assert outcome.shown == ["case 5: sum: 6 | 9"]


def test_an_entry_that_is_not_met_fails() -> None:
    outcome = run(Adding({}, SEVEN, EIGHT), 10, seed=1)
    assert outcome.never_met == ["seven", "eight"]
    assert not outcome.is_clean


def test_the_short_run_expects_only_what_is_often_met() -> None:
    assert run(Adding({3: 7}, SEVEN, EIGHT), 10, seed=1, short=True).is_clean
    assert run(Adding({}, SEVEN, EIGHT), 10, seed=1, short=True).never_met == ["seven"]


def test_entries_count_the_cases_that_met_them() -> None:
    oracle = Adding({3: 7, 4: 7}, SEVEN)
    assert run(oracle, 10, seed=1).is_clean
    assert oracle.table.met["seven"] == 2


class Flickering(Adding):
    """Differs once in each case of `ours`, and not when it is asked again."""

    def differences(self, case: int) -> list[Difference]:
        found = super().differences(case)
        self._ours.pop(case, None)
        return found


def test_what_differs_once_is_shown_and_fails_when_it_is_often() -> None:
    seldom = run(Flickering({3: 9}), 1000, seed=1)
    assert seldom.is_clean
    assert seldom.shown == ["once: odd sum: 4 | 9"]
    often = run(Flickering({3: 9, 4: 9}), 1000, seed=1)
    assert not often.is_clean
    assert "2 differed once, and not when they were asked again, which is too many" in str(often)


ANYTHING = Wanted[Case]("anything", "excuses whatever is found", lambda case, found: True)


class Headrace(http.server.BaseHTTPRequestHandler):
    """/500 and /501 are answered so; /gone never is."""

    def do_GET(self) -> None:
        if self.path == "/gone":
            self.close_connection = True
            return
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def headrace() -> Iterator[int]:
    """Its port."""
    with http.server.HTTPServer(("127.0.0.1", 0), Headrace) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class Asking:
    """A sort that sees no differences."""

    name = "asking"

    def __init__(self, ours: Watched) -> None:
        self._ours = ours

    def some(self, random: Random) -> Iterator[Said]:
        return iter([{"path": "/200"}, {"path": "/500"}, {"path": "/501"}, {"path": "/gone"}])

    def differences(self, said: Said) -> list[Difference]:
        self._ours.ask(Request("GET", said["path"]))
        return []

    def shown(self, said: Said) -> str:
        return str(said)


def test_what_headrace_fails_at_no_entry_excuses(headrace: int) -> None:
    def documented(request: Request, answer: Answer) -> bool:
        return request.path == "/501" and answer.status == 501

    watched = Watched(headrace, documented)
    outcome = run(MixedSorts(Table([ANYTHING]), [(Asking(watched), 1)], Case, watched), 4, seed=1, short=True)
    assert outcome.unexplained == {f"asking {FAILED}": 2}
    assert ["/500" in shown or "/gone" in shown for shown in outcome.shown] == [True, True]
    watched.close()


def test_a_server_that_answers_no_more_ends_the_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = Peer(silent.getsockname()[1], answers_within_s=0.01)
        answers = [peer.ask(Request("GET", "/")).status for _ in range(SILENT_MAX - 1)]
        assert answers == [NO_ANSWER] * (SILENT_MAX - 1)
        with pytest.raises(ConnectionError, match="answers no more"):
            peer.ask(Request("GET", "/"))
    peer.close()


def test_an_answer_between_two_silences_counts(headrace: int) -> None:
    peer = Peer(headrace)
    for _ in range(2 * SILENT_MAX):
        assert peer.ask(Request("GET", "/gone")).status == NO_ANSWER
    assert peer.ask(Request("GET", "/200")).status == 200
    peer.close()


def test_a_run_tells_how_far_it_is() -> None:
    told: list[str] = []
    run(Adding({}), 2001, seed=1, tell=told.append)
    assert [words.split(" in ")[0] for words in told] == ["1000 cases", "2000 cases"]
