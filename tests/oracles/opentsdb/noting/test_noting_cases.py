"""What the cases of notes are judged by: ranges by each server's law, and entries that excuse nothing else."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from oracles.comparing.differences import Difference, Table
from oracles.opentsdb.noting import moments, notes
from oracles.opentsdb.noting.notes import Notes, Told
from oracles.opentsdb.noting.wanted import NOTING
from oracles.opentsdb.servers import Servers
from oracles.opentsdb.sorts import Case

HOUR = 1200002400
GET_META = {"method": "GET", "path": "/api/uid/tsmeta", "asked": [["tsuid", "{tsuid}"]]}


def told(status: int, said: Any, step: dict[str, Any]) -> Told:
    return Told(status, {}, json.dumps(said).encode(), step)


def explanation(kind: str, real: Told, ours: Told) -> str | None:
    case = Case(Notes(Servers.__new__(Servers)), {"steps": []})
    return Table(NOTING).explanation(case, Difference(kind, "", real, ours))


def test_cases_come_again() -> None:
    sort = Notes(Servers.__new__(Servers))
    assert list(sort.some(Random(5))) == list(sort.some(Random(5)))


@pytest.mark.parametrize(
    ("start", "end", "real", "ours"),
    [
        (0, 3599, "abc", "abc"),
        (0, 15, "abc", "ab"),
        (11, 100, "bc", "c"),
        (0, 5, "ab", ""),
    ],
)
def test_ranges_by_both_laws(start: int, end: int, real: str, ours: str) -> None:
    held = [
        {"description": "a", "startTime": HOUR + 10, "endTime": 0},
        {"description": "b", "startTime": (HOUR + 10) * 1000 + 500, "endTime": 0},
        {"description": "c", "startTime": HOUR + 20, "endTime": HOUR + 10},
    ]
    span = (HOUR + start) * 1000, (HOUR + end) * 1000
    assert "".join(one["description"] for one in moments.in_range_of_opentsdb(held, *span)) == real
    assert "".join(one["description"] for one in moments.in_range(held, *span)) == ours


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1200002400", 1200002400000),
        ("1200002400.250", 1200002400250),
        ("1200002400250ms", 1200002400250),
        (1200002400250, 1200002400250),
        ("x", None),
        (None, None),
    ],
)
def test_times(text: object, ms: int | None) -> None:
    assert moments.ms_of(text) == ms


def test_what_is_cut_in_a_url_is_asked_in_a_body() -> None:
    asked = [["start_time", "{10}500"], ["end_time", "{20}000"], ["notes", "n"], ["method_override", "post"]]
    step = {"method": "GET", "path": "/api/annotation", "asked": asked}
    said = {"startTime": "{10}500", "endTime": "{20}", "notes": "n"}
    assert notes.in_a_body(step) == {"method": "POST", "path": "/api/annotation", "body": said}


def test_meta_data_that_is_gone() -> None:
    gone = {"error": {"code": 404, "message": "Could not find Timeseries meta data"}}
    shown = told(200, {}, GET_META)
    assert explanation("gone", told(404, gone, GET_META), shown) == "meta data of a series"
    assert explanation("gone", told(404, {}, GET_META), shown) is None
    assert explanation("gone", told(200, {}, GET_META), shown) is None
    assert explanation("status", told(404, gone, GET_META), shown) is None


def test_a_list_of_no_series() -> None:
    refused = {"error": {"code": 400, "message": "No such name for 'tsuids': 'x'"}}
    for tsuid, name in (("x", "a list of no series"), ("{tsuid}", None)):
        step = {"method": "GET", "path": "/api/annotations", "asked": [["tsuid", tsuid]]}
        assert explanation("status", told(200, [], step), told(400, refused, step)) == name
    one = {"method": "GET", "path": "/api/annotation", "asked": [["tsuid", "x"]]}
    assert explanation("status", told(200, [], one), told(400, refused, one)) is None


@pytest.mark.parametrize("kind", ["body", "status", "words"])
def test_other_differences_are_not_excused(kind: str) -> None:
    assert explanation(kind, told(200, {"a": 1}, GET_META), told(200, {"a": 2}, GET_META)) is None


def test_all_sorts_of_steps_are_made() -> None:
    made = [step for case in Notes(Servers.__new__(Servers)).some(Random(1)) for step in case["steps"]]
    made += [maker(Random(seed)) for seed in range(300) for maker in (*notes.ABOUT_MOMENTS, *notes.ABOUT_NAMES)]
    assert {notes.verb_of(step) for step in made} == {"GET", "POST", "PUT", "DELETE"}
    assert {"/api/annotation/bulk", "/api/uid/uidmeta", "/api/uid/tsmeta", *notes.LISTS} < {one["path"] for one in made}
