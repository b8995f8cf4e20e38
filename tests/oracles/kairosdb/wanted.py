"""The differences from KairosDB 1.3.0 that are known and stay, each with its reason."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from oracles.comparing.differences import Difference, Table, Wanted
from oracles.comparing.sorts import Case, Said
from oracles.kairosdb import judging
from oracles.kairosdb.having import HAVE_POINTS, first_difference_ms, is_less, values_of
from oracles.kairosdb.judging import Number, Seen
from oracles.kairosdb.servers import UNIT_MS

POINTS = ("times", "values", "spelling")

LARGE = 2**31 - 1

LONGEST_MS = {**UNIT_MS, "months": 31 * UNIT_MS["days"], "years": 366 * UNIT_MS["days"]}

FAILS_ON = (
    *("validate null", "JsonNull", "JSON Array", "Object: null", "value may not be empty."),
    "FilterOperation.filterData",  # a filter without filter_op; `equal` is the documented default
)

REFUSALS = (
    *("percentile must be between 0 and 1", "must be greater than or equal to 1", "must be a string"),
    *(".tags must be a JSON object", ".threshold", "ttl must be a number", "must be in ascending order"),
    *(".bins may not be", "m_size may not be zero", "save_as cannot store", "metricName may not"),
)


def table() -> Table[Case]:
    """In the order in which they are tried."""
    return Table[Case](
        [
            Wanted("alias", "the branch echoes an alias, the release ignores it: kept", _is_alias, in_short_run=True),
            Wanted(
                "order of tags",
                "sorted here; where values are grouped KairosDB has them in the order of its hashes",
                _is_order_of_tags,
                in_short_run=True,
            ),
            Wanted(
                "regex",
                "regex: in a tag's value is documented, KairosDB's H2 store takes it for a name",
                lambda case, found: "regex:" in str(case.said.get("steps") or _metric(found)),
            ),
            Wanted("type of a count", "the number of texts is a number; KairosDB says text", _is_count_of_texts),
            Wanted("limit of mixed types", "a limit counts a series once; KairosDB each type of value", _is_limit),
            Wanted(
                "descending aggregators",
                "ranges go forward in time in either order; descending, KairosDB puts all in one range",
                lambda case, found: (
                    str(_metric(found).get("order")).lower() == "desc"
                    and bool(_chain(found))
                    and _kind(found) in (*POINTS, "status")
                ),
            ),
            Wanted(
                "threshold in quotes",
                "a number in quotes is a number; KairosDB drops all numbers then",
                _is_quoted_threshold,
            ),
            Wanted(
                "great value groups",
                "numbers beyond 32 bits have groups of their own; KairosDB cuts them off",
                lambda case, found: (
                    _kind(found) in ("results", "order of results", *POINTS)
                    and _groups_by(found, "value")
                    and _is_large(case)
                ),
            ),
            Wanted(
                "exact lines",
                "least_squares is exact; KairosDB's is some digits off, and more where points are dense",
                lambda case, found: (
                    _kind(found) in ("values", "spelling")
                    and "least_squares" in _names(case, found)
                    and _are_close(found, 1e-2, max(1e-2, 2e-5 * _greatest(case)))
                ),
            ),
            Wanted(
                "sums of great numbers",
                "integers are added up exactly; KairosDB's doubles lose what is small beside the greatest",
                lambda case, found: (
                    _kind(found) in ("values", "spelling")
                    and bool(_names(case, found) & {"avg", "sum"})
                    and _greatest(case) > 2**53
                    and _are_close(found, 0, 1e-9 * _greatest(case))
                ),
            ),
            Wanted(
                "lines through one time",
                "least_squares of points at one time is flat; KairosDB answers 500 for its NaN",
                lambda case, found: (
                    _kind(found) in ("status", "words")
                    and "NaN or Infinity" in found.words
                    and "least_squares" in str(_metric(found) if case.sort.name == "query" else case.said)
                ),
            ),
            Wanted(
                "before the anchor",
                "points before the moment from which ranges are counted lie in ranges too; KairosDB counts towards it",
                _is_before_the_anchor,
            ),
            Wanted(
                "trimmed gaps",
                "each group is trimmed by its own points; KairosDB's second group begins with the query",
                lambda case, found: (
                    _kind(found) in ("times", "values")
                    and any(one["name"] == "gaps" and one.get("trim") is True for one in _chain(found))
                ),
            ),
            Wanted(
                "months in turns",
                "group_by time of several months counts them by the calendar",
                lambda case, found: any(_is_of_several_months(one) for one in _groupers(found)),
            ),
            Wanted(
                "deviation of great numbers",
                "dev is exact also of numbers that are great beside their deviation",
                lambda case, found: _kind(found) in ("values", "spelling") and "dev" in _names(case, found),
            ),
            Wanted(
                "texts at one time",
                "texts of one millisecond are in the order of the alphabet; KairosDB's come as the series do",
                _is_order_of_texts,
            ),
            Wanted(
                "unsaved",
                "save_as without any tag is refused, and a question that fails saves nothing; KairosDB saves",
                _is_unsaved,
            ),
            Wanted(
                "two kinds at one time",
                "of a series and a millisecond the last write counts; KairosDB keeps one of each type of value",
                _is_lost_kind,
            ),
            Wanted(
                "groups saved in turn",
                "groups are saved one after the other; before a further step KairosDB saves the first point of each",
                lambda case, found: _is_of_saved(found) and _kind(found) == "values" and _is_saved_in_turn(case),
            ),
            Wanted(
                "minus zero",
                "-0.0 is 0 to a filter, as to JSON's readers; to Java it is less",
                lambda case, found: (
                    (
                        _kind(found) in POINTS
                        and any(one["name"] == "filter" and one.get("threshold") == 0 for one in _chain(found))
                    )
                    or _saves_filtered(case, found, 0)
                ),
            ),
            Wanted(
                "lines in UTF-8",
                "lines are UTF-8; KairosDB takes their bytes for latin-1",
                lambda case, found: case.sort.name == "telnet" and "é" in str(case.said["lines"]),
            ),
            Wanted(
                "names of tags",
                "tagnames and tagvalues, which went with 1.3, answer as in 1.2: old clients ask",
                lambda case, found: found.words.startswith("404 |") and "tag" in str(case.said["asked"]),
            ),
            Wanted(
                "great integers",
                "an integer beyond 32 or 64 bits is refused or as great as it is; KairosDB wraps it",
                lambda case, found: "99999999999" in str(case.said.get("text")),
            ),
            Wanted(
                "refused here",
                "what makes no sense is refused by name: lengths of 0, falling bins, thresholds and names of odd types",
                _is_refused_here,
            ),
            Wanted(
                "taken here",
                "null counts as left out, a number as its text, an empty text as one; KairosDB fails on them",
                lambda case, found: (
                    _kind(found) == "status"
                    and found.words.endswith(("| 200", "| 204"))
                    and (any(word in found.words for word in FAILS_ON) or _groups_by(found, "tag"))
                ),
            ),
            Wanted(
                "lists of one in writes",
                "a value, a time or a type in a list is refused; KairosDB takes what is in a list of one",
                lambda case, found: (
                    case.sort.name == "broken write" and any(one in case.said["text"] for one in ("[1]", '["x"]'))
                ),
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
                lambda case, found: _kind(found) == "status" and _is_oddly_spelled(found),
            ),
            Wanted(
                "words of Java",
                "what Gson and Java say of a request is said in our words, with the place in it",
                lambda case, found: _kind(found) == "words" and (_is_of_java(found) or _is_named(found)),
                in_short_run=True,
            ),
            Wanted(
                "list of zones",
                "a refused time zone is told the zones of our tzdata",
                lambda case, found: (
                    _kind(found) == "words" and "is not a valid time zone, must be one of [" in found.words
                ),
            ),
            Wanted(
                "no fault of the server",
                "what is wrong with a request is 400; KairosDB has 500 for much of it",
                lambda case, found: (
                    _kind(found) == "status" and found.words.startswith("500") and "| 400" in found.words
                ),
                in_short_run=True,
            ),
            Wanted(
                "shortest digits",
                "doubles are spelled by the fewest digits that mean them; Java 17 sometimes has one more",
                _is_shortest,
            ),
        ]
    )


def _kind(found: Difference) -> str:
    """Whether it is in an answer or in what is left by a change."""
    return found.kind.removeprefix("left ")


def _is_of_java(found: Difference) -> bool:
    real, ours = _said(found)
    is_broken = any(one.startswith(("JSON is malformed", "Input data was truncated", "Invalid ")) for one in ours)
    return is_broken or all(one.startswith(("java.", "com.google.", "Use JsonReader")) for one in real)


def _is_named(found: Difference) -> bool:
    """Whether both say the same of two places, one inside the other."""
    real, ours = _said(found)
    pairs = [(one.partition(" "), other.partition(" ")) for one, other in zip(real, ours, strict=False)]
    return len(real) == len(ours) and all(one[2] == other[2] and other[0].startswith(one[0]) for one, other in pairs)


def _metric(found: Difference) -> Said:
    """The metric as it was asked for, or the whole question; nothing of what is none."""
    return found.real.metric if isinstance(found.real, Seen) and isinstance(found.real.metric, dict) else {}


def _named(said: Any) -> list[Said]:
    """The objects with names in a list; of what is none, none."""
    objects = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return [one for one in objects if isinstance(one.get("name"), str)]


def _metrics(found: Difference) -> list[Said]:
    """That it may be about."""
    metric = _metric(found)
    return _named(metric["metrics"]) if "metrics" in metric else [metric]


def _chain(found: Difference) -> list[Said]:
    return [one for metric in _metrics(found) for one in _named(metric.get("aggregators"))]


def _names(case: Case, found: Difference) -> set[str]:
    """Of the aggregators that the points have passed."""
    saved = [one for metric in _saved_metrics(case) for one in metric.get("aggregators", ()) if _is_of_saved(found)]
    return {one["name"] for one in (*_chain(found), *saved)}


def _groupers(found: Difference) -> list[Said]:
    return [one for metric in _metrics(found) for one in _named(metric.get("group_by"))]


def _said(found: Difference) -> tuple[Any, Any]:
    """What was answered there and here, as far as it differs."""
    real, ours = ((one.said if isinstance(one, Seen) else one) for one in (found.real, found.ours))
    return real, ours


def _type(result: Any) -> str:
    return str(result["group_by"][-1]["type"]) if isinstance(result, dict) and "group_by" in result else ""


def _groups_by(found: Difference, *names: str) -> bool:
    return any(one["name"] in names for one in _groupers(found))


def _values(case: Case) -> Iterator[Any]:
    for one in case.said.get("series", ()):
        for said in (*one.get("points", ()), *one.get("again", ())):
            yield said[1]


def _is_large(case: Case) -> bool:
    return any(isinstance(one, int | float) and abs(one) > LARGE for one in _values(case))


def _saves_filtered(case: Case, found: Difference, *thresholds: Any) -> bool:
    """Whether it is about what was saved, and that had passed a filter with one of the thresholds."""
    chains = [metric["aggregators"] for metric in _saved_metrics(case)]
    filters = [
        one for chain in chains for one in chain if one["name"] == "filter" and one.get("threshold") in thresholds
    ]
    return bool(filters) and (_is_of_saved(found) or _kind(found) == "names")


def _is_of_saved(found: Difference) -> bool:
    return str(_metric(found).get("name")).endswith(".saved")


def _saved_metrics(case: Case) -> list[Said]:
    """Those of the questions that save."""
    return [metric for step in case.said.get("steps", ()) if "save" in step for metric in step["save"]["metrics"]]


def _saves(case: Case) -> list[Said]:
    chains = [metric.get("aggregators", ()) for metric in _saved_metrics(case)]
    return [one for chain in chains for one in chain if one["name"] == "save_as"]


def _is_unsaved(case: Case, found: Difference) -> bool:
    if not _saves(case):
        return False
    if "at least 1 tag is needed" in found.words:
        return any("tags" not in one and one.get("add_saved_from") is False for one in _saves(case))
    real, ours = _said(found)
    if _kind(found) == "names":
        return bool([name for name in real if not name.endswith(".saved")] == ours)
    if not _is_of_saved(found):
        return False
    if _kind(found) == "tags":
        return all(set(values) <= set(real["tags"].get(name, ())) for name, values in ours["tags"].items())
    return _kind(found) in ("members", "sample_size") and not values_of(found)[1]


def _is_refused_here(case: Case, found: Difference) -> bool:
    real, _, ours = found.words.partition(" | ")
    if case.sort.name == "broken write" and '"ttl": -' in case.said["text"] and found.kind.startswith("left "):
        return _kind(found) in ("members", "sample_size") and not values_of(found)[1]
    return (
        _kind(found) == "status"
        and ours.startswith("400")
        and real in ("200", "204")
        and any(word in ours for word in REFUSALS)
    )


def _is_saved_in_turn(case: Case) -> bool:
    """Whether groups of one name are saved before a further step."""
    splits = ("time", "value", "bin")
    by_points = [
        metric["aggregators"]
        for metric in _saved_metrics(case)
        if any(one["name"] in splits for one in metric.get("group_by", ()))
    ]
    return any(chain[-1]["name"] != "save_as" for chain in by_points)


def _is_lost_kind(case: Case, found: Difference) -> bool:
    """Of what was saved, or of lines, whose values are of several types at one time."""
    if case.sort.name == "telnet":
        words = [line.replace('"', "").split() for line in case.said["lines"]]
        times = [line[2] for line in words if len(line) > 3]
        may_be = len(times) > len(set(times))
    else:
        may_be = _is_of_saved(found) and bool(_saves(case))
    relative = 1e-2 if "least_squares" in _names(case, found) else 0
    return may_be and _kind(found) in HAVE_POINTS and is_less(found, relative=relative)


def _is_oddly_spelled(found: Difference) -> bool:
    real, _, ours = found.words.partition(" | ")
    taken = any(word in real for word in ("Use JsonReader", "Expected a long but was STRING", "NumberFormat"))
    refused = any(word in ours for word in ("JSON is malformed", "Invalid json in", "Input data was truncated"))
    return (taken and ours in ("200", "204")) or (refused and real in ("200", "204"))


def _is_good_beside_bad(case: Case, found: Difference) -> bool:
    if case.sort.name != "broken write" or not found.kind.startswith("left "):
        return False
    if case.said["path"] == "datapoints/delete" or _kind(found) not in ("members", *HAVE_POINTS):
        return False
    if judging.question_of(case.said["text"]) == {} and is_less(found):
        return True  # of an object that breaks off KairosDB keeps what stands before
    return is_less(found, ours=False)


def _is_of_several_months(grouper: Said) -> bool:
    size = grouper.get("range_size")
    if grouper["name"] != "time" or not isinstance(size, dict):
        return False
    return str(size.get("unit")).lower() == "months" and str(size.get("value")).partition(".")[0] != "1"


def _is_alias(case: Case, found: Difference) -> bool:
    if _kind(found) != "members":
        return False
    real, ours = _said(found)
    return "alias" in (_metric(found) or ours) and list(real) == [name for name in ours if name != "alias"]


def _is_order_of_tags(case: Case, found: Difference) -> bool:
    if _kind(found) not in ("tags", "order of tags"):
        return False
    if _metric(found) and not _groups_by(found, "time", "value", "bin"):
        return False
    real, ours = (one["tags"] for one in _said(found))
    return bool({name: sorted(values) for name, values in real.items()} == ours)


def _is_count_of_texts(case: Case, found: Difference) -> bool:
    if _kind(found) not in ("type", *POINTS) or "count" not in _names(case, found):
        return False
    real, ours = map(_type, _said(found))
    return (real, ours) == ("text", "number")


def _is_limit(case: Case, found: Difference) -> bool:
    kinds: dict[Any, set[type]] = defaultdict(set)
    for one in case.said.get("series", ()):
        name = one.get("metric"), str(one.get("tags"))
        kinds[name] |= {type(said[1]) for said in (*one.get("points", ()), *one.get("again", ()))}
    is_mixed = any(len(types) > 1 for types in kinds.values())
    return (
        is_mixed
        and _metric(found).get("limit") not in (None, 0)
        and _kind(found) in ("sample_size", "results", "tags", *POINTS)
    )


def _greatest(case: Case) -> float:
    """Of all that was written, without its sign."""
    return float(max((abs(one) for one in _values(case) if isinstance(one, int | float)), default=0))


def _are_close(found: Difference, relative: float, absolute: float) -> bool:
    real, ours = _said(found)
    pairs = zip(real["values"], ours["values"], strict=True)
    numbers = [(one[1], other[1]) for one, other in pairs if isinstance(one[1], Number)]
    return all(
        isinstance(other, Number) and math.isclose(one.value, other.value, rel_tol=relative, abs_tol=absolute)
        for one, other in numbers
    )


def _is_quoted_threshold(case: Case, found: Difference) -> bool:
    """Where KairosDB has dropped all, our points may still have one time, which rate refuses."""
    if '"threshold": +' in str(case.said.get("text")):
        return True
    filters = [one for one in _chain(found) if one["name"] == "filter" and one.get("threshold") in ("5", "+1")]
    is_refused = _kind(found) == "status" and found.words.startswith("200 | 500 The ") and "same time" in found.words
    return (bool(filters) and (_kind(found) in POINTS or is_refused)) or _saves_filtered(case, found, "5", "+1")


def _of_ranges(chain: list[Said]) -> list[Said]:
    return [one for one in chain if "sampling" in one and one["name"] not in ("rate", "sampler")]


def _is_moved(of_ranges: list[Said]) -> bool:
    """Whether points may lie before the question for all but the first."""
    return any(str(one.get("align_start_time")).lower() == "true" for one in of_ranges[:-1])


def _is_before_the_anchor(case: Case, found: Difference) -> bool:
    """A start_time may lie after points, and the start of the query after the ranges of an earlier aggregator: the
    answers part before the first two ranges from there on are over."""
    if _is_of_saved(found):
        chains = [metric["aggregators"] for metric in _saved_metrics(case)]
        return _kind(found) in ("sample_size", *POINTS) and any(_is_moved(_of_ranges(chain)) for chain in chains)
    of_ranges = _of_ranges(_chain(found))
    starts = [one["start_time"] for one in of_ranges if "start_time" in one]
    if not starts and not _is_moved(of_ranges):
        return False
    if _kind(found) == "status":
        return "same time stamp" in found.words
    if case.sort.name != "query" or _kind(found) not in POINTS:
        return False
    samplings = [one["sampling"] for one in of_ranges]
    longest = max(int(float(one["value"])) * LONGEST_MS[one["unit"].lower()] for one in samplings)
    start = max([float(case.said["question"].get("start_absolute", math.inf)), *starts])
    return first_difference_ms(found) < float(start + 2 * longest)


def _is_order_of_texts(case: Case, found: Difference) -> bool:
    return _kind(found) in POINTS and "text" in map(_type, _said(found))


def _is_shortest(case: Case, found: Difference) -> bool:
    if _kind(found) != "spelling":
        return False
    real, ours = _said(found)
    pairs = zip(real["values"], ours["values"], strict=True)
    unlike = [(one[1], other[1]) for one, other in pairs if one[1] != other[1] and one[1].value == other[1].value]
    return all(_digits(other) <= _digits(one) for one, other in unlike)


def _digits(number: Number) -> int:
    return sum(letter.isdigit() for letter in number.partition("E")[0])
