"""The differences in what people note that are known and stay."""

from __future__ import annotations

from oracles.comparing.differences import Difference, Wanted
from oracles.opentsdb.noting.notes import Told
from oracles.opentsdb.sorts import Case


def _gone(case: Case, found: Difference) -> bool:
    """Asked for at once after it was deleted; what is said of it from then on is compared whole."""
    real, ours = found.real, found.ours
    if found.kind != "gone" or not isinstance(real, Told) or not isinstance(ours, Told):
        return False
    return real.status == 404 and b"Could not find Timeseries meta data" in real.body and ours.status == 200


def _cut(case: Case, found: Difference) -> bool:
    """Asked in a body, OpenTSDB answers what headrace does, or that is a difference of its own."""
    return found.kind == "cut"


def _empty_list(case: Case, found: Difference) -> bool:
    """Nothing else differs."""
    return found.kind == "empty list"


def _span(case: Case, found: Difference) -> bool:
    """What each shows is computed by its law."""
    return found.kind == "span"


def _series_of_a_list(case: Case, found: Difference) -> bool:
    real, ours = found.real, found.ours
    if found.kind != "status" or not isinstance(real, Told) or not isinstance(ours, Told):
        return False
    is_list = (ours.step["method"], ours.step["path"]) == ("GET", "/api/annotations")
    refused = ours.status == 400 and b"No such name for 'tsuids'" in ours.body
    return is_list and real.status == 200 and refused and ["tsuid", "x"] in ours.step["asked"]


NOTING: list[Wanted[Case]] = [
    Wanted(
        "meta data of a series",
        "a series has meta data as long as it has points; in OpenTSDB it is gone for good once it is deleted",
        _gone,
    ),
    Wanted(
        "milliseconds in a URL",
        "what was noted in milliseconds can be read by URL, too; OpenTSDB cuts the time to seconds",
        _cut,
    ),
    Wanted(
        "annotations of a range",
        "those that begin in it, of a series where one is named; OpenTSDB lists global ones to the end of the hour, "
        "compares seconds with milliseconds, and finds none without an end",
        _span,
    ),
    Wanted(
        "no annotation in the range",
        "then a question's answer does not speak of any; OpenTSDB says [] where the hour has one",
        _empty_list,
    ),
    Wanted("a list of no series", "a tsuid that no series has is no list of all", _series_of_a_list),
]
