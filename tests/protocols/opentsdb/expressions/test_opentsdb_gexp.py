"""/api/query/gexp: what can be read, and each function against a plain reckoning."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memorystore import MemoryStore
from real_room import RealRoom, answered, error, real_room

from headrace.errors import Refused
from headrace.limits import EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_PARTS_MAX
from headrace.model.points import Kind, Values
from headrace.model.query import Fill
from headrace.protocols.opentsdb.expressions.calls import Call, MetricQuery, call_of
from headrace.protocols.opentsdb.expressions.combining import combination
from headrace.protocols.opentsdb.expressions.functions import (
    absolute,
    alias,
    highest,
    highest_value,
    length_ms,
    moving_average,
    scale,
)
from headrace.protocols.opentsdb.expressions.gexp import FUNCTIONS, SHIFTS
from headrace.protocols.opentsdb.reading.answer import Element
from headrace.store import go_on
from headrace.store.query_memory import QueryAccount, QueryMemory

T = 1356998400


def element(points: dict[int, Any], metric: str = "m", **tags: str) -> Element:
    kinds = [Kind.INT64 if isinstance(value, int) else Kind.DOUBLE for value in points.values()]
    bits = [value if isinstance(value, int) else int(np.float64(value).view(np.int64)) for value in points.values()]
    values = Values(np.array(kinds, dtype=np.uint8), np.array(bits, dtype=np.int64))
    head = {"metric": metric, "tags": tags, "aggregateTags": []}
    return Element(head, np.array(list(points), dtype=np.int64), values, Fill.NONE)


def points_of(found: Element) -> dict[int, Any]:
    doubles = found.values.doubles()
    return {
        time: int(found.values.bits[row]) if found.values.kinds[row] == Kind.INT64 else float(doubles[row])
        for row, time in enumerate(found.times.tolist())
    }


def applied(transform: Any, *elements: Element) -> list[Element]:
    with MemoryStore().snapshot(go_on) as snapshot:
        return list(transform([[each] for each in elements], snapshot))


def test_calls_inside_each_other() -> None:
    read = call_of("scale(sum(sum:1m-avg:a{x=literal_or(p|q),y=*}{z=regexp(^a{2}$)}, max:rate{counter,,9}:b ), 10)")
    first = MetricQuery("sum:1m-avg:a{x=literal_or(p|q),y=*}{z=regexp(^a{2}$)}", 10)
    second = MetricQuery("max:rate{counter,,9}:b", 65)
    assert read == Call("scale", (Call("sum", (first, second), (), 6),), ("10",), 0)
    assert call_of(" alias ( sum:a , it's, 'a, b:c)' ) ").parameters == ("it's", "'a, b:c)'")


@pytest.mark.parametrize(
    ("text", "why", "character"),
    [
        ("", "it must be a function", 1),
        ("sum:a", "it must be a function", 1),
        ("scale(sum:a", "')' is missing", 12),
        ("scale(sum:a,)", "is missing", 13),
        ("scale(,sum:a)", "is missing", 7),
        ("scale(sum:a{x=y,2)", "'}' is missing", 19),
        ("scale(sum:a{x=(y},2)", "'}' is missing", 21),
        ("scale(sum:a},2)", "unexpected '}'", 12),
        ("scale(sum:a,2) x", "behind its end", 16),
        ("scale(2,sum:a)", "must stand before the parameters", 9),
        ("scale(2,absolute(sum:a))", "must stand before the parameters", 9),
        ("absolute(" * (EXPRESSION_DEPTH_MAX + 1) + "sum:a" + ")" * (EXPRESSION_DEPTH_MAX + 1), "nested deeper", 451),
    ],
)
def test_what_cannot_be_read(text: str, why: str, character: int) -> None:
    with pytest.raises(Refused) as refused:
        call_of(text)
    assert why in refused.value.detail
    assert (refused.value.rule, refused.value.at) == ("expression", f"exp, character {character}")


def test_hostile_texts_end_soon() -> None:
    for text in ("(" * EXPRESSION_CHARS_MAX, "a(" * 8000, "a({" * 5000, "'" * EXPRESSION_CHARS_MAX, "a('" * 5000):
        with pytest.raises(Refused):
            call_of(text)


@given(
    st.dictionaries(st.integers(0, 60), st.one_of(st.integers(-9, 9).map(float), st.just(math.nan)), min_size=1),
    st.integers(1, 8),
    st.booleans(),
)
def test_a_moving_average_as_the_loop_of_opentsdb(points: dict[int, float], window: int, by_time: bool) -> None:
    ordered = dict(sorted(points.items()))
    parameter = f"'{window}s'" if by_time else str(window)
    made = applied(moving_average([parameter], ""), element({t * 1000: v for t, v in ordered.items()}))
    wanted: list[float] = []
    seen: list[tuple[int, float]] = []
    for time, value in ordered.items():
        seen.insert(0, (time, value))
        total, count, full = 0.0, 0, False
        for then, passed in seen:
            if by_time and time - then >= window:
                full = True
                break
            if not math.isnan(passed):
                total, count = total + passed, count + 1
            if not by_time and count >= window:
                full = True
                break
        wanted.append(total / count if full and count else 0.0)
    np.testing.assert_allclose(list(points_of(made[0]).values()), wanted)


def test_scale_keeps_integers_that_fit() -> None:
    whole = element({0: 2**53 + 1, 1: 2.5, 2: -(2**62)})
    assert points_of(applied(scale(["3"], ""), whole)[0]) == {0: 3 * (2**53 + 1), 1: 7.5, 2: -3.0 * 2**62}
    assert points_of(applied(scale(["-1e-3"], ""), element({0: 4}))[0]) == {0: -0.004}
    assert points_of(applied(scale(["9223372036854775808"], ""), element({0: 0, 1: 1}))[0]) == {0: 0.0, 1: 2.0**63}


def test_absolute_of_what_has_no_counterpart() -> None:
    made = points_of(applied(absolute([], ""), element({0: -(2**63), 1: -3, 2: -2.5, 3: math.nan}))[0])
    assert (made[0], made[1], made[2], math.isnan(made[3])) == (2.0**63, 3, 2.5, True)
    assert isinstance(made[1], int)


def test_the_tags_of_an_alias() -> None:
    made = applied(alias(["@host", "@hostname @nosuch"], ""), element({0: 1}, host="a@hostname", hostname="b"))
    assert made[0].head == {"metric": "a@hostname,b @nosuch", "tags": {}, "aggregateTags": []}
    assert applied(alias(["@host"], ""), element({0: 1}))[0].head["metric"] == "@host"


def test_the_tags_of_an_alias_count_as_memory() -> None:
    """Eight thousand times four kilobytes, of each series."""
    with MemoryStore().snapshot(go_on) as snapshot:
        snapshot.memory = QueryAccount(QueryMemory(4_000_000))
        some = [[element({0: 1}, a="v" * 4096)]]
        [made] = alias(["@a" * 200], "")(some, snapshot)
        assert made.head["metric"] == "v" * 4096 * 200
        with pytest.raises(Refused, match=r"^the query needs more than 4 MB of memory"):
            alias(["@a" * 200], "")(some, snapshot)


def test_keys_that_look_like_others_of_an_alias() -> None:
    tags = {"a": "1", "a@a": "2", "@": "3"}
    made = applied(alias(["@a@a@a@b@@"], ""), element({0: 1}, **tags))
    assert made[0].head["metric"] == "21@b3"


def test_the_highest_without_nan() -> None:
    some = [element({0: float(n), 1: math.nan}, n) for n in ("3", "-1", "7", "7")]
    some.append(element({0: math.nan}, "none"))
    made = applied(highest(highest_value)(["4"], ""), *some)
    assert [each.head["metric"] for each in made] == ["7", "7", "3", "-1"]
    assert applied(highest(highest_value)(["9"], ""), *some)[-1].head["metric"] == "none"


def test_a_combination_at_times_of_its_own() -> None:
    left, right = element({0: 1, 5: 2}, "left", host="x"), element({5: 10.5, 6: math.nan}, "right", host="x")
    alone = element({7: 4}, "alone", host="y")
    made = applied(combination("-")([], ""), left, right, alone)
    assert [each.head["metric"] for each in made] == ["left", "alone"]
    assert [points_of(each) for each in made] == [{0: 1.0, 5: -8.5, 6: 0.0}, {7: -4.0}]


@pytest.mark.parametrize(
    ("text", "length"),
    [("'10min'", 600_000), ("'1d'", 86_400_000), ("'2 weeks'", 1_209_600_000), ("'3hr'", 10_800_000), ("'9s'", 9000)],
)
def test_lengths_of_time(text: str, length: int) -> None:
    assert length_ms(text, "") == length


@pytest.mark.parametrize("text", ["10min", "'0s'", "'1 fortnight'", "'-1s'", "''", "'s'", "'99999999999s'", "'1s"])
def test_no_lengths_of_time(text: str) -> None:
    with pytest.raises(Refused):
        length_ms(text, "")


async def ask(tsd: RealRoom, *expressions: str, more: str = "") -> Any:
    asked = "".join(f"&exp={quote(expression)}" for expression in expressions)
    return answered(await tsd.get(f"query/gexp?start={T}&end={T + 40}{asked}{more}"))


async def test_a_shift_reads_earlier_points(tsd: RealRoom) -> None:
    """All of the asked range is filled, also by a shift in a shift and behind a moving average."""
    await tsd.put(*[("m", T + 10 * n, n, {"host": "x"}) for n in range(-20, 5)])
    [back] = await ask(tsd, "timeShift(sum:m{host=*},'1min')")
    assert back["dps"] == {str(T + 10 * n): n - 6 for n in range(5)}
    [twice] = await ask(tsd, "shift(movingAverage(timeShift(sum:m,'1min'),2),'10sec')")
    assert twice["dps"] == {str(T): 0.0} | {str(T + 10 * n): n - 7.5 for n in range(1, 5)}
    [change] = await ask(tsd, "difference(sum:m,shift(sum:m,'10sec'))")
    assert set(change["dps"].values()) == {1.0}
    assert await ask(tsd, "shift(sum:m,'5000weeks')") == []


async def test_one_query_may_stand_in_several_places(tsd: RealRoom) -> None:
    await tsd.put(("m", T, 3, {"host": "x"}))
    answer = await ask(tsd, "multiply(sum:m,sum:m,sum:m)", "scale(sum:m,2)", more="&ms&arrays&show_tsuids&show_query")
    assert [each["dps"] for each in answer] == [[[T * 1000, 27.0]], [[T * 1000, 6]]]
    assert len(answer[0]["tsuids"]) == 1
    assert answer[0]["query"]["metric"] == "m"


async def test_queries_that_differ_in_options_alone(tsd: RealRoom) -> None:
    await tsd.put(("c", T, 90, {"host": "x"}), ("c", T + 10, 10, {"host": "x"}))
    [found] = await ask(tsd, "difference(sum:rate:c,sum:rate{counter,100}:c)")
    assert found["dps"] == {str(T + 10): -10.0}


async def test_the_unit_of_times_is_that_of_queries(tmp_path: Path) -> None:
    with real_room(tmp_path, opentsdb_times="as-written") as tsd:
        await tsd.put(("m", T * 1000 + 250, 1, {"host": "x"}), ("s", T, 2, {"host": "x"}))
        whole, parts, both, earlier = await ask(
            tsd, "scale(sum:s,2)", "scale(sum:m,2)", "sum(sum:s,sum:m)", "shift(sum:m,'1s')"
        )
    assert [list(each["dps"]) for each in (whole, parts)] == [[str(T)], [f"{T}250"]]
    assert [list(each["dps"]) for each in (both, earlier)] == [[f"{T}000", f"{T}250"], [f"{T + 1}250"]]


async def test_texts_are_passed_over(tsd: RealRoom) -> None:
    await tsd.put(("m", T, 1, {"host": "x"}), ("m", T + 1, "n/a", {"host": "x"}), ("text", T, "up", {"host": "x"}))
    [found] = await ask(tsd, "scale(none:m,2)")
    assert found["dps"] == {str(T): 2}
    reply = await tsd.get(f"query/gexp?start={T}&exp=scale(none:text,2)")
    assert error(reply) == (400, "the series hold text values: numbers cannot be computed from them")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("", "Missing parameter <code>exp</code>"),
        ("&exp=", "it must be a function"),
        ("&exp=scale(5)", "scale needs a query or a function to work on"),
        ("&exp=scale(sum:m,1e400)", "Unparseable scale factor value: 1e400"),
        ("&exp=scale(sum:m,nan)", "Unparseable scale factor value: nan"),
        ("&exp=scale(scale(sum:m,1e300),1e300)", "Got Infinity"),
        ("&exp=shift(sum:m)", "Need amount of timeshift"),
        ("&exp=highestMax(sum:m,-1)", "Unparseable top n value: -1"),
        ("&exp=nosuch(sum:m)", "Function nosuch has not been implemented; there are absolute, alias, diffSeries"),
        ("&exp=scale(sum,2)", "scale needs a query"),
        ("&exp=scale(nosuch:m,2)", "No such aggregation function: nosuch"),
        ("&exp=scale(sum:m{x},2)", "invalid tag: x"),
        ("&exp=sum(sum:m)", "Must have 2 to 26 series, got 1 instead"),
        (f"&exp=sum({','.join(['sum:m'] * 27)})", "Must have 2 to 26 series, got 27 instead"),
        ("&exp=scale(sum:m,2)" * (EXPRESSION_PARTS_MAX + 1), "more than 100 queries"),
        (f"&exp={'a' * 8000}&exp={'b' * 8400}", "Expressions of more than 16384 characters"),
        ("&exp=scale(sum:m%1Ff,2)", "No such name for 'metrics'"),
    ],
)
async def test_what_is_refused(tsd: RealRoom, asked: str, words: str) -> None:
    await tsd.put(("m", T, 1e300, {"host": "x"}))
    status, message = error(await tsd.get(f"query/gexp?start={T}{asked}"))
    assert status == 400
    assert words in message


async def test_who_may_ask(tsd: RealRoom) -> None:
    assert (await tsd.post("query/gexp", {})).status == 405
    await tsd.put(("m", T, 1, {"host": "x"}))
    reply = await tsd.get(f"query/gexp?start={T}&exp=scale(sum:m,2)&jsonp=f")
    assert reply.body.startswith(b"f([")
    assert json.loads(reply.body[2:-1])
    assert {*FUNCTIONS, *SHIFTS} >= {"absolute", "timeShift", "sumSeries"}
