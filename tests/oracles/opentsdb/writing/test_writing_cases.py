"""What the cases of writing are judged by: the places of telnet's answers, and that no entry excuses too much."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference, Table
from oracles.opentsdb.servers import Servers
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.writing import elements, puts, talking
from oracles.opentsdb.writing.lines import Line, Lines
from oracles.opentsdb.writing.put_answers import Named, named, shape, whole_refusal
from oracles.opentsdb.writing.puts import Puts
from oracles.opentsdb.writing.stored import Points
from oracles.opentsdb.writing.told import Told
from oracles.opentsdb.writing.wanted import WRITING

AT = 1365465600000
HOST = '{"host": "a"}'


def explanation(difference: Difference, **said: Any) -> str | None:
    return Table(WRITING).explanation(Case(Puts(_nobody()), {"flags": "", **said}), difference)


def _nobody() -> Servers:
    return Servers.__new__(Servers)


def _element(**changed: str) -> dict[str, str]:
    return {"metric": '"P.a"', "timestamp": "1365465600", "value": "1", "tags": '{"host":"a"}', **changed}


def _stored(element: dict[str, str], real: Points, ours: Points, words: str = "") -> Difference:
    refusal = Named(None, words) if words else None
    return Difference("stored", "", Told(element, real, refusal), Told(element, ours))


@pytest.mark.parametrize(
    ("value", "ours", "name"),
    [
        ('"up"', "up", "texts"),
        ('"up"', "down", None),
        ("true", True, "texts"),
        ("true", 1, None),
        ('"1 "', 1, "odd numbers"),
        ('"1 "', "1 ", None),
        ("007", 7, "odd numbers"),
        ("007", 8, None),
        ("1", 1, None),
    ],
)
def test_a_value_that_headrace_alone_stored(value: str, ours: Any, name: str | None) -> None:
    found = _stored(_element(value=value), [], [(HOST, AT, ours)], "Unable to parse value to a number")
    assert explanation(found) == name
    assert explanation(_stored(_element(value=value), [(HOST, AT, 5)], [(HOST, AT, ours)])) is None


@pytest.mark.parametrize(
    ("time", "real", "ours", "name"),
    [
        ("100", [(HOST, 100_000, 1)], [], "too early"),
        ("1365465600", [(HOST, AT, 1)], [], None),
        ("9999999999", [(HOST, 9999999999, 1)], [(HOST, 9999999999000, 1)], "ten digits"),
        ("9999999999", [(HOST, 9999999999, 1)], [(HOST, 9999999999, 2)], None),
        ("9999999999999", [(HOST, 1410065407999, 1)], [(HOST, 9999999999999, 1)], "beyond 32 bits"),
        ("9999999999999", [(HOST, 1410065407999, 1)], [], None),
    ],
)
def test_times_that_mean_something_else(time: str, real: Points, ours: Points, name: str | None) -> None:
    assert explanation(_stored(_element(timestamp=time), real, ours)) == name


def test_names_and_tags_of_alibaba() -> None:
    refused = 'Invalid metric name ("P.a#b"): illegal character: '
    ours: Points = [(HOST, AT, 1)]
    assert explanation(_stored(_element(metric='"P.a#b"'), [], ours, f"{refused}#")) == "more characters"
    assert explanation(_stored(_element(metric='"P.a#b"'), [], ours, f"{refused}!")) is None
    tags = {f"k{number}": "v" for number in range(9)}
    many: Points = [(json.dumps(tags), AT, 1)]
    assert explanation(_stored(_element(tags=json.dumps(tags)), [], many, "Too many tags: 9 max")) == "more tags"
    assert explanation(_stored(_element(tags=json.dumps(tags)), [], ours, "Too many tags: 9 max")) is None


def _said(line: str, real: list[str], ours: list[str]) -> Difference:
    return Difference("said", "", Line(0, line, [], real), Line(0, line, [], ours))


@pytest.mark.parametrize(
    ("line", "real", "ours", "name"),
    [
        ("", ["unknown command: .  Try `help'."], [], "blank lines"),
        ("foo", ["unknown command: foo.  Try `help'."], [], None),
        ("version", ["net.opentsdb.tools a", "Built on b"], ["net.opentsdb.tools c", "Built on d"], "version"),
        ("version", ["net.opentsdb.tools a", "Built on b"], ["net.opentsdb.tools c"], None),
        ("stats", ["tsd.a.b 1795904735 1 host=vm"], ["headrace.a 1795904735 2.5 host=vm"], "stats"),
        ("stats", ["tsd.a.b 1795904735 1 host=vm"], ["headrace.a 2.5"], None),
        ("put P.a x 1 a=b", ["put: illegal argument: x"], ["put: illegal argument: y"], None),
        ("put P.a 1 é a=b", ["Invalid character 'Ã' in Ã©"], ["Invalid character 'é' in é"], "UTF-8 in lines"),
        ("put P.a 1 é a=b", ["Invalid character 'Ã' in Ã©"], ["Overflow in é"], None),
    ],
)
def test_answers_to_a_line(line: str, real: list[str], ours: list[str], name: str | None) -> None:
    assert explanation(_said(line, real, ours), lines=[line]) == name


def test_each_answer_has_the_line_that_it_is_about() -> None:
    unknown = "unknown command: {}.  Try `help'.\n"
    came = unknown.format("zz0") + "put: bad\n" + unknown.format("zz1") + unknown.format("zz2") + "a\nb\n"
    assert talking.by_mark(came, 3) == [["put: bad"], [], ["a", "b"]]
    assert talking.reply_of("put: bad (line 17, metric a (b))") == talking.Reply("put: bad", 17, "a (b)")
    assert talking.reply_of("unknown (line 2)") == talking.Reply("unknown", 2, None)
    assert talking.reply_of("unknown") == talking.Reply("unknown")
    assert talking.pieces_of(b"abcd", [0.5, 0.5, 0]) == [b"ab", b"cd"]


def test_what_an_answer_says() -> None:
    details = Answer(400, {}, b'f({"success":0,"failed":1,"errors":[{"datapoint":{"value":"1"},"error":"x"}]})')
    assert named(details) == [Named({"value": "1"}, "x")]
    assert shape(details).callback
    assert whole_refusal(details) is None
    assert (
        whole_refusal(Answer(400, {}, b'{"error":{"message":"Missing request content"}}')) == "Missing request content"
    )
    assert whole_refusal(Answer(400, {}, b'{"error":{"message":"One or more data points had errors"}}')) is None
    assert shape(Answer(204, {}, b"")) != shape(Answer(200, {}, b""))


@pytest.mark.parametrize("some", [Puts(_nobody()).some, Lines(_nobody()).some])
def test_a_case_is_json_and_its_seed_decides_it(some: Callable[[Random], Any]) -> None:
    cases = [list(some(Random(seed))) for seed in (1, 1, 2)]
    assert cases[0] == cases[1] == json.loads(json.dumps(cases[0]))
    assert cases[0] != cases[2]


def test_good_points_are_json() -> None:
    for element in (puts.GOOD, puts.BAD, elements.good(Random(1))):
        json.loads(elements.spelled(element, "t1x0.", "t1xs.", 7))
    assert elements.metric_of({"metric": "¤"}, "", "", 7) == "7"
