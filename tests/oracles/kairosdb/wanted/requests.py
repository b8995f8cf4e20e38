"""Requests that are wrong or odd: what is refused, taken, stored of them, and in which words."""

from __future__ import annotations

import re
from typing import Any

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference, Wanted
from oracles.comparing.sorts import Case
from oracles.kairosdb import judging
from oracles.kairosdb.left import LATIN
from oracles.kairosdb.wanted.mistakes import is_about, is_broken_text, mistake_of
from oracles.kairosdb.wanted.points import HAVE_POINTS, all_of, is_less, values_of
from oracles.kairosdb.wanted.told import has_whole, kind, said_of, whole_of

FAILS_ON = (
    *("validate null", "JsonNull", "JSON Array", "Object: null", "value may not be empty."),
    "FilterOperation.filterData",  # a filter without filter_op; `equal` is the documented default
)

REFUSALS = (
    *(
        "percentile must be between 0 and 1",
        "must be greater than or equal to 1",
        "must be a string",
        "must be a number",
    ),
    *(".tags must be a JSON object", ".threshold", "ttl must be a number", "must be in ascending order"),
    *(".bins may not be", "is too large", "m_size may not be zero", "save_as cannot store", "metricName may not"),
)


SYNTAX = ("JSON is malformed", "Input data was truncated", "Invalid json", "Invalid start of json")
"""What our refusals of texts that are no JSON begin with."""

NO_OBJECT = re.compile(r"metric\[[1-9]\d*\] must be an object\.")
"""What is said of pieces behind a break, which are read on."""

EMPTY = "query json must not be null or empty"


def _is_about_mistake(case: Case, found: Difference) -> bool:
    """Whether all that we say of a refusal is about what is wrong with the request: its place or, of a text that is no
    JSON, that; or what KairosDB says of it, behind a place."""
    real, ours = map(_errors, said_of(found))
    if is_broken_text(case):
        is_empty = not case.said["text"].strip()
        return bool(ours) and all(
            error.startswith(SYNTAX)
            or (is_empty and error == EMPTY)
            or _is_said(error, real)
            or (ours[0].startswith(SYNTAX) and NO_OBJECT.fullmatch(error) is not None)
            for error in ours
        )
    mistake = mistake_of(case)
    return bool(ours) and mistake is not None and all(is_about(error, mistake) for error in ours)


def _is_said(error: str, real: list[str]) -> bool:
    """Whether KairosDB says the same without the place: that something is no number."""
    words = [one.removeprefix("java.lang.NumberFormatException: ") for one in real if "For input string: " in one]
    return any(error.endswith((f" {one}", " must be a number of milliseconds.")) for one in words)


def _errors(said: Any) -> list[str]:
    return judging.errors(said) if isinstance(said, Answer) else list(said)


def _statuses(found: Difference) -> tuple[int, int]:
    real, ours = said_of(found)
    return real.status, ours.status


def _is_fault(case: Case, found: Difference) -> bool:
    return kind(found) == "status" and _statuses(found) == (500, 400) and _is_about_mistake(case, found)


def _is_in_our_words(case: Case, found: Difference) -> bool:
    return kind(found) == "words" and (_is_of_java(found) or _is_named(found)) and _is_about_mistake(case, found)


def _is_of_java(found: Difference) -> bool:
    real, ours = said_of(found)
    return all(one.startswith(("java.", "com.google.", "Use JsonReader")) for one in real) or all(
        one.startswith(SYNTAX) for one in ours
    )


def _is_named(found: Difference) -> bool:
    """Whether both say the same of two places, one inside the other."""
    real, ours = said_of(found)
    pairs = [(one.partition(" "), other.partition(" ")) for one, other in zip(real, ours, strict=False)]
    return len(real) == len(ours) and all(one[2] == other[2] and other[0].startswith(one[0]) for one, other in pairs)


def _is_zone(case: Case, found: Difference) -> bool:
    """Whether both refuse the zone that is the mistake, and only the lists of the others differ."""
    mistake = mistake_of(case)
    if kind(found) != "words" or mistake is None or mistake.path[-1:] != ("time_zone",):
        return False
    real, ours = ([one.partition(" must be one of [")[0] for one in said] for said in said_of(found))
    return bool(real == ours and all("is not a valid time zone," in one for one in ours))


def _is_refused_here(case: Case, found: Difference) -> bool:
    if case.sort.name == "broken write" and '"ttl": -' in case.said["text"] and found.kind.startswith("left "):
        return kind(found) in ("members", "sample_size") and not values_of(found)[1]
    return (
        kind(found) == "status"
        and _statuses(found) in ((200, 400), (204, 400))
        and any(word in found.words.partition(" | ")[2] for word in REFUSALS)
        and _is_about_mistake(case, found)
    )


def _is_taken_here(case: Case, found: Difference) -> bool:
    """What counts as left out, or an odd text, is the mistake, and KairosDB says that it fails on it."""
    mistake = mistake_of(case)
    if kind(found) != "status" or _statuses(found)[1] not in (200, 204) or mistake is None:
        return False
    is_tag = "group_by" in mistake.path and "tags" in mistake.path
    is_left_out = mistake.is_nothing or mistake.value in ("", [None])
    return is_tag or (is_left_out and any(word in found.words for word in FAILS_ON))


def _is_oddly_spelled(case: Case, found: Difference) -> bool:
    real, _, ours = found.words.partition(" | ")
    if kind(found) != "status" or not is_broken_text(case):
        return False
    taken = any(word in real for word in ("Use JsonReader", "Expected a long but was STRING", "NumberFormat"))
    refused = any(word in ours for word in ("JSON is malformed", "Invalid json in", "Input data was truncated"))
    return (taken and ours in ("200", "204")) or (refused and real in ("200", "204"))


def _is_good_beside_bad(case: Case, found: Difference) -> bool:
    if case.sort.name != "broken write" or not found.kind.startswith("left ") or not has_whole(found):
        return False
    if case.said["path"] == "datapoints/delete" or kind(found) not in ("members", *HAVE_POINTS):
        return False
    if judging.question_of(case.said["text"]) == {} and is_less(found):
        return True  # of an object that breaks off KairosDB keeps what stands before
    here = all_of(whole_of(found)[1])
    are_sent = all(str(time_ms) in case.said["text"] and str(value) in case.said["text"] for time_ms, value in here)
    return is_less(found, ours=False) and are_sent and len({time_ms for time_ms, _ in here}) == len(here)


EXTENSIONS = {
    *("merge", "movingWindow", "apdex", "percent_remaining"),
    *("havg", "hcount", "hdev", "hfilter", "hmax", "hmin", "hpercentile", "hsum"),
}
"""The aggregators of the plugin KairosDB Extensions."""


def _without_extensions(shape: Any) -> Any:
    if isinstance(shape, list | tuple):
        return type(shape)(
            _without_extensions(one) for one in shape if not isinstance(one, str) or one not in EXTENSIONS
        )
    return shape


def _is_list_of_one(case: Case, found: Difference) -> bool:
    mistake = mistake_of(case)
    if case.sort.name != "broken write" or mistake is None:
        return False
    if not isinstance(mistake.value, list) or len(mistake.value) != 1 or mistake.value == [None]:
        return False
    if kind(found) in ("status", "words"):
        return _is_about_mistake(case, found)
    return kind(found) in ("members", *HAVE_POINTS) and is_less(found)


ENTRIES: list[Wanted[Case]] = [
    Wanted(
        "names of tags",
        "tagnames and tagvalues, which went with 1.3, answer as in 1.2: old clients ask",
        lambda case, found: found.words.startswith("404 |") and "tag" in str(case.said["asked"]),
    ),
    Wanted(
        "aggregators of a plugin",
        "the aggregators of KairosDB Extensions are there without a plugin, and among the features",
        lambda case, found: found.kind == "shape" and _without_extensions(found.ours) == found.real,
    ),
    Wanted(
        "refused here",
        "what makes no sense is refused by name: lengths of 0 and beyond all time, falling bins, names of odd types",
        _is_refused_here,
    ),
    Wanted(
        "taken here",
        "null counts as left out, a number as its text, an empty text as one; KairosDB fails on them",
        _is_taken_here,
    ),
    Wanted(
        "lists of one in writes",
        "a value, a time or a type in a list is refused; KairosDB takes what is in a list of one",
        _is_list_of_one,
    ),
    Wanted(
        "good beside bad",
        "what is good beside something bad is stored; KairosDB ends at the first fault",
        _is_good_beside_bad,
        in_short_run=True,
    ),
    Wanted(
        "odder than lenient",
        "comments and odd numbers are taken everywhere, quotes within bare words nowhere",
        _is_oddly_spelled,
    ),
    Wanted(
        "words of Java",
        "what Gson and Java say of a request is said in our words, with the place in it",
        _is_in_our_words,
        in_short_run=True,
    ),
    Wanted(
        "list of zones",
        "a refused time zone is told the zones of our tzdata",
        _is_zone,
    ),
    Wanted(
        "no fault of the server",
        "what is wrong with a request is 400; KairosDB has 500 for much of it",
        _is_fault,
        in_short_run=True,
    ),
    Wanted(
        LATIN,
        "lines are UTF-8; KairosDB takes their bytes for latin-1",
        lambda case, found: found.kind == "reading" and found.words == LATIN,
    ),
]
