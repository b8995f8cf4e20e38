"""Section 1.6 of the facts beyond the golden dialogues."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from room_fixture import MemoryStore, OpenTSDB, Stored
from structlog.testing import capture_logs

from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.protocols.opentsdb.telling import stats
from headrace.protocols.opentsdb.telling.stats import Stat, server_stats

PUT = "put m 1364410924 1 k=v\n"


async def test_version_is_two_lines() -> None:
    assert re.fullmatch(
        r"net\.opentsdb\.tools 2\S+ built at revision \S+ \(\S+\)\nBuilt on .+ by .+\n",
        await OpenTSDB().lines("version\n"),
    )


async def test_version_answers_after_the_lines_before_it_are_stored() -> None:
    # tcollector takes any answer to its `version` for a sign of life, ours also says that its points are durable.
    tsdb = OpenTSDB(MemoryStore(fault=Unavailable("disk full")))
    with pytest.raises(Unavailable):
        await tsdb.lines(PUT + "version\n")
    tsdb.store.fault = None
    assert (await tsdb.lines(PUT + "version\n")).startswith("net.opentsdb.tools")
    assert len(tsdb.store.stored()) == 1


async def test_a_block_is_one_append() -> None:
    tsdb = OpenTSDB()
    await tsdb.lines(PUT * 500 + "version\n" + PUT * 500)
    assert [len(batch) for batch in tsdb.store.batches] == [1000]


async def test_a_block_fed_again_after_unavailable_counts_once() -> None:
    tsdb = OpenTSDB(MemoryStore(fault=Unavailable("queue full")))
    block = PUT + "put m 0 1 k=v\n"
    with pytest.raises(Unavailable):
        await tsdb.lines(block)
    tsdb.store.fault = None
    assert await tsdb.lines(block) == "put: illegal argument: invalid timestamp: 0 (line 2, metric m)\n"
    rendered = tsdb.metrics.render().decode()
    assert 'headrace_points_accepted_total{room="opentsdb"} 1.0' in rendered
    assert 'headrace_points_refused_total{reason="timestamp-invalid",room="opentsdb"} 1.0' in rendered


async def test_exit_closes_and_nothing_else_does() -> None:
    session = OpenTSDB().session()
    assert not (await session.feed(b"foo\n" + PUT.encode(), 1)).close
    assert (await session.feed(b"exit\n", 3)).close


async def test_stats_are_gathered_once_for_all_who_ask_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def counted(metrics: Metrics) -> list[Stat]:
        asked.append(metrics)
        return server_stats(metrics)

    monkeypatch.setattr(stats, "server_stats", counted)
    monkeypatch.setattr(stats, "STATS_KEPT_S", 60)
    tsdb = OpenTSDB()
    answer = await tsdb.lines("stats\n" * 50)
    assert answer == answer[: len(answer) // 50] * 50
    assert await tsdb.lines("stats\n") == answer[: len(answer) // 50]
    assert len(asked) == 1


async def test_stats_are_points_of_the_server() -> None:
    tsdb = OpenTSDB()
    answer = await tsdb.lines(PUT + "stats\n")
    assert re.search(r"^headrace\.points\.accepted\.total \d+ 1 room=opentsdb host=\S+$", answer, re.MULTILINE)


async def test_dropcaches_drops_the_cache_of_names() -> None:
    tsdb = OpenTSDB()
    assert await tsdb.lines(PUT + "dropcaches\n" + PUT) == "Caches dropped.\n"
    assert len(tsdb.store.stored()) == 2


async def test_empty_lines_say_nothing() -> None:
    assert await OpenTSDB().lines("\n\r\n" + PUT + "\n") == ""


async def test_a_line_that_is_too_long_is_answered() -> None:
    tsdb = OpenTSDB()
    reply = tsdb.session().line_too_long(7)
    assert reply.data == b"line too long: at most 16384 bytes are allowed (line 7)\n"
    assert not reply.close
    assert 'headrace_points_refused_total{reason="line-too-long",room="opentsdb"} 1.0' in tsdb.metrics.render().decode()


async def test_blanks_before_a_line_are_nothing() -> None:
    tsdb = OpenTSDB()
    assert (await tsdb.lines(f" {PUT}  \t{PUT} \n version\n")).startswith("net.opentsdb.tools")
    assert len(tsdb.store.stored()) == 2
    assert await tsdb.lines(" put m x 1 k=v\n") == "put: invalid value: Invalid character 'x' in x (line 1, metric m)\n"


async def test_the_log_has_metric_reason_line_and_sender() -> None:
    tsdb = OpenTSDB()
    with capture_logs() as logged:
        said = await tsdb.lines(f"{PUT}put a 1 x k=v\nfoo\n{PUT}put b 1364410924 1 k=v!\nput\n", first_line=11)
    told = [entry for entry in logged if entry["event"] == "point refused"]
    assert [(entry["where"], entry["metric"], entry["reason"]) for entry in told] == [
        ("line 12", "a", "value-number"),
        ("line 13", "", "command-unknown"),
        ("line 15", "b", "tag-value-character"),
        ("line 16", "", "arguments"),
    ]
    assert {(entry["room"], entry["sender"]) for entry in told} == {("opentsdb", "192.0.2.7")}
    assert said == (
        "put: invalid value: Invalid character 'x' in x (line 12, metric a)\n"
        "unknown command: foo.  Try `help'. (line 13)\n"
        'put: illegal argument: Invalid tag value with key [k] ("v!"): illegal character: ! (line 15, metric b)\n'
        "put: illegal argument: not enough arguments (need least 4, got 0) (line 16)\n"
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("m 1364410924.5 1 k=v", "put: illegal argument: invalid timestamp: 1364410924.5"),
        ("m 99999999999999999999 1 k=v", "put: invalid value: Value too long: 99999999999999999999"),
        ("m 1364410924 9223372036854775808 k=v", "put: invalid value: Overflow in 9223372036854775808"),
        ("m 1364410924 NaN k=v", "put: invalid value: Invalid character 'N' in NaN"),
        ("m 1364410924 1.5.5 k=v", "put: invalid value: multiple points"),
        ("m 1364410924 1 k=", "put: illegal argument: invalid tag: k="),
        ("m 1364410924 1 =v", "put: illegal argument: invalid tag: =v"),
        ("m 1364410924 1 k=v=w", "put: illegal argument: invalid tag: k=v=w"),
        ("m 1364410924 1 a=1 b=2 a=2", "put: illegal argument: duplicate tag: a=2, tags={a=1, b=2}"),
        ("m 1364410924 1 k=v!", 'put: illegal argument: Invalid tag value with key [k] ("v!"): illegal character: !'),
        ("m 1364410924 1 k!=v", 'put: illegal argument: Invalid tag name with value [v] ("k!"): illegal character: !'),
    ],
)
async def test_words_of_a_bad_line(words: str, error: str) -> None:
    tsdb = OpenTSDB()
    for line, block in enumerate((f"put {words}\n", f"{PUT}put {words}\r\n{PUT}"), 1):
        assert await tsdb.lines(block) == f"{error} (line {line}, metric m)\n"


@pytest.mark.parametrize("before", ["", "foo\n"])
async def test_javas_letter_behind_a_double(before: str) -> None:
    tsdb = OpenTSDB()
    said = await tsdb.lines(f"{before}put m 1364410924 1.5d k=v\nput m 1364410925 1e3F k=v\n")
    assert "put: " not in said
    assert [value for *_, value in tsdb.store.stored()] == [1.5, 1000.0]


async def test_only_one_cr_belongs_to_the_end_of_a_line() -> None:
    assert (
        await OpenTSDB().lines("put m 1364410924 1 k=v \r\r\n")
        == "put: illegal argument: invalid tag: \r (line 1, metric m)\n"
    )


WORD = st.text("ab=.-!é\r\t0", max_size=4)
LINE = st.builds(
    "{} {} {} {} {}{}".format,
    st.sampled_from(["put", "put", "put", "put", "version", "x", ""]),
    st.sampled_from(["m", "m.n", "", "m!"]) | WORD,
    st.sampled_from(["1364410924", "1364410924250", "1364410924.250", "0", "1,2", "1364410924\t", ""]) | WORD,
    st.sampled_from(["1", "1.5", "-0.0", "1e400", "", "1,2", "9223372036854775808", "+1", ".5"]) | WORD,
    st.sampled_from(["k=v", "k=v ", "k=v a=b", "k=v k=v", "k=v k=w", "", "k"]) | WORD,
    st.sampled_from(["", "\r", " \r"]),
)


def rows(tsdb: OpenTSDB) -> list[tuple[str, dict[str, str], int, str]]:
    points: list[Stored] = tsdb.store.stored()
    return [(metric, tags, time_ms, repr(value)) for metric, tags, time_ms, value in points]


@given(st.lists(LINE, min_size=1, max_size=6))
async def test_lines_mean_the_same_however_they_are_cut_into_blocks(lines: list[str]) -> None:
    whole, single = OpenTSDB(), OpenTSDB()
    together = await whole.lines("".join(f"{line}\n" for line in lines))
    apart = "".join([await single.lines(f"{line}\n", at) for at, line in enumerate(lines, 1)])
    assert together == apart
    assert rows(whole) == rows(single)
