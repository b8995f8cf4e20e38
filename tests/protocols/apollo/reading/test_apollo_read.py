"""Reading, against plain Python: order, pages, tokens; and that pages neither skip nor repeat while samples arrive."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apollo_room import Apollo, apollo_room, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Refused
from headrace.model.time import ALL_TIME
from headrace.protocols.apollo.reading.cursor import Cursor, Tokens
from headrace.protocols.apollo.reading.question import FIELDS, Order, Question, parse_question

IDS = [f"{number:08x}-0000-0000-0000-000000000000" for number in (7, 3, 9)]


def at(second: int, minutes: int = 0) -> str:
    return f"2018-01-27T00:{second // 60:02}:{second % 60:02}{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02}:00"


def key_of(field: str) -> Callable[[dict[str, Any]], Any]:
    """What a sample is ordered by, as a page of the documents would say it."""

    def key(one: dict[str, Any]) -> Any:
        if field in ("timestamp", "unixTimestamp"):
            return one["unixTimestamp"]
        value = one[field]
        if field == "timeOffset":
            hours, minutes = value[1:].split(":")
            return int(value[0] + "1") * (int(hours) * 60 + int(minutes))
        if field == "val":
            return (2, value) if isinstance(value, str) else (int(isinstance(value, bool)), value)
        return value

    return key


def expected(everything: list[dict[str, Any]], order: Order) -> list[dict[str, Any]]:
    """Ordered by the field, then newest first, then in the order of the query."""
    ranked = sorted(everything, key=lambda one: IDS.index(one["timeseriesId"]))
    if not order.by_time:
        ranked = sorted(ranked, key=lambda one: -one["unixTimestamp"])
    # A reversed sort is stable, too.
    return sorted(ranked, key=key_of(order.field), reverse=order.descending)


VALUES = st.integers(-3, 3) | st.sampled_from([0.5, -2.5, True, False, "a", "b", "", "é"])
SAMPLES = st.lists(
    st.tuples(st.sampled_from(IDS), VALUES, st.integers(0, 12), st.sampled_from([-60, 0, 60])), min_size=1, max_size=25
)
# Each instant of a series once: by ingestUnixTimestamp, a sample that is overwritten between two pages comes again.
ARRIVING = st.lists(
    st.tuples(st.sampled_from(IDS), VALUES, st.integers(0, 12), st.sampled_from([-60, 0, 60])),
    max_size=25,
    unique_by=lambda one: (one[0], one[2], one[3]),
)
ORDERS = st.builds(Order, st.sampled_from(sorted(FIELDS)), st.booleans())


async def pages(
    apollo: Apollo, device: str, order: Order, size: int, between: list[Any], *ids: str
) -> list[dict[str, Any]]:
    """All pages, with some samples arriving after each."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        asked = {
            "orderby": f"{order.field} {'desc' if order.descending else 'asc'}",
            "limit": size,
            "paginated": "true",
        }
        reply = await apollo.get(device, *(ids or IDS), token=token, **asked)
        assert reply.status == 200, reply
        data = reply.json["data"]
        assert len(data) <= size
        found += data
        token = reply.json["paging"]["continuationToken"]
        if token is None:
            return found
        assert token.isascii()
        assert token.isprintable()
        assert " " not in token
        if between:
            await apollo.store_samples(device, [between.pop()])


async def pages_are_the_whole(apollo: Apollo, first: Any, later: Any, order: Order, size: int) -> None:
    await apollo.delete_all()
    await apollo.store_samples("d", [sample(one, value, at(s, m)) for one, value, s, m in first])
    await apollo.store_samples("d", [sample(one, 0, at(100)) for one in IDS])
    reply = await apollo.get("d", *IDS)
    everything = reply.json["data"]
    assert reply.json["paging"] == {"totalCount": len(everything), "continuationToken": None}
    assert await pages(apollo, "d", order, size, []) == expected(everything, order)
    # Samples at other instants: what was there does not change.
    arriving = [sample(one, value, at(s + 20, m)) for one, value, s, m in later]
    seen = [(one["timeseriesId"], one["unixTimestamp"]) for one in await pages(apollo, "d", order, size, arriving)]
    assert len(set(seen)) == len(seen), "none twice"
    assert {(one["timeseriesId"], one["unixTimestamp"]) for one in everything} <= set(seen), "none skipped"


def test_pages_neither_skip_nor_repeat(tmp_path: Path) -> None:
    with asyncio.Runner() as runner, apollo_room(tmp_path / "data") as apollo:

        @given(SAMPLES, ARRIVING, ORDERS, st.integers(1, 6))
        @settings(max_examples=60)
        def check(first: Any, later: Any, order: Order, size: int) -> None:
            runner.run(pages_are_the_whole(apollo, first, later, order, size))

        check()


async def test_page_sizes(tmp_path: Path) -> None:
    count = 2500
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(IDS[0], number, at(number)) for number in range(count)])

        async def lengths(**asked: Any) -> tuple[int, bool]:
            reply = await apollo.get("d", IDS[0], **asked)
            assert reply.json["paging"]["totalCount"] == count
            return len(reply.json["data"]), reply.json["paging"]["continuationToken"] is not None

        assert await lengths() == (count, False)
        assert await lengths(paginated="false") == (count, False)
        assert await lengths(paginated="true") == (100, True)
        assert await lengths(paginated="true/timeseries") == (100, True)
        assert await lengths(paginated="true", limit=1001) == (limits.APOLLO_PAGE_SAMPLES_MAX, True)
        assert await lengths(limit=2000) == (2000, True)
        assert await lengths(limit=2500) == (2500, False)
        assert await lengths(limit=10**18) == (2500, False)
        values = [one["val"] for one in await apollo.samples("d", IDS[0])]
        assert values == list(range(count))[::-1], "more than one piece of an answer"


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_pages_go_on_behind_gaps_and_crowds(direction: str, tmp_path: Path) -> None:
    crowd = [sample(IDS[0], number, at(100), metric=f"m{number}") for number in range(30)]
    years = [sample(IDS[0], year, f"{year:04}-01-01T00:00:00Z") for year in (1, 1950, 2017, 2019, 9999)]
    steady = [sample(IDS[0], second, at(second)) for second in range(200)]
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", crowd + years + steady)
        everything = await apollo.samples("d", IDS[0], orderby=f"timestamp {direction}")
        assert len(everything) == 235
        assert await pages(apollo, "d", Order("timestamp", direction == "desc"), 7, [], IDS[0]) == everything


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_the_next_page_is_looked_for_near_the_last_one(
    direction: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"orderby": f"timestamp {direction}", "paginated": "true"}
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(IDS[0], second, at(second)) for second in range(2000)])
        paging = (await apollo.get("d", IDS[0], **asked)).json["paging"]
        # Far fewer than the range has: what it counted at first need not be read again.
        monkeypatch.setattr(limits, "QUERY_POINTS_MAX", 300)
        seen = 100
        while paging["continuationToken"]:
            reply = await apollo.get("d", IDS[0], token=paging["continuationToken"], **asked)
            paging = reply.json["paging"]
            assert paging["totalCount"] == 2000
            seen += len(reply.json["data"])
        assert seen == 2000


async def test_a_token_without_a_limit_leads_to_all_that_follows(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(IDS[0], second, at(second)) for second in range(50)])
        first = await apollo.get("d", IDS[0], limit=10)
        rest = await apollo.get("d", IDS[0], token=first.json["paging"]["continuationToken"])
        assert [one["val"] for one in rest.json["data"]] == list(range(40))[::-1]
        assert rest.json["paging"] == {"totalCount": 50, "continuationToken": None}


async def test_both_ends_of_the_range_are_inside(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(IDS[0], second, at(second)) for second in range(5)])
        found = await apollo.samples("d", IDS[0], startTime=at(1), endTime=at(3))
        assert [one["val"] for one in found] == [3, 2, 1]
        assert await apollo.samples("d", IDS[0], startTime=at(3), endTime=at(1)) == []


async def test_ingestion_and_offset_stay_with_each_sample(tmp_path: Path) -> None:
    moments = iter([1_000, 2_000, 3_000])
    with apollo_room(tmp_path / "data", lambda: next(moments)) as apollo:
        await apollo.store_samples("d", [sample(IDS[0], 1, at(0, 60)), sample(IDS[0], 2, at(10))])
        await apollo.store_samples("d", [sample(IDS[0], 3, at(10, -120))])
        found = await apollo.samples("d", IDS[0])
        assert [(one["val"], one["ingestUnixTimestamp"], one["timeOffset"]) for one in found] == [
            (3, 2_000, "-02:00"),
            (2, 1_000, "+00:00"),
            (1, 1_000, "+01:00"),
        ]
        assert found[0]["timestamp"] == "2018-01-27T00:00:10-02:00"


async def test_a_question_too_large_is_refused_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUERY_POINTS_MAX", 10)
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(IDS[0], second, at(second)) for second in range(11)])
        assert (await apollo.get("d", IDS[0])).status == 413


QUESTION = Question("d", tuple(IDS), ALL_TIME, Order(), None, 10)
SECRET = np.arange(8, dtype=np.uint64)


@given(st.builds(Cursor, st.integers(-(2**53), 2**53), st.tuples(st.integers(0, 9), st.integers(0, 9)), VALUES))
def test_tokens_hold_the_cursor(cursor: Cursor) -> None:
    tokens = Tokens(SECRET)
    token = tokens.token(cursor, QUESTION.identity())
    assert tokens.cursor(token.encode(), QUESTION.identity()) == cursor


def test_tokens_are_bound_to_the_question_and_the_database() -> None:
    cursor = Cursor(1, (0, 0))
    token = Tokens(SECRET).token(cursor, QUESTION.identity()).encode()
    others = [
        parse_question("d", query)
        for query in (
            b"timeseries_ids=a",
            b"timeseries_ids=a&metric=Raw",
            b"timeseries_ids=a&orderby=val",
            b"timeseries_ids=a&startTime=2018-01-01",
        )
    ]
    assert len({one.identity() for one in (*others, QUESTION, parse_question("e", b"timeseries_ids=a"))}) == 6
    for tokens, identity in [
        (Tokens(SECRET), others[0].identity()),
        (Tokens(SECRET + np.uint64(1)), QUESTION.identity()),
    ]:
        with pytest.raises(Refused):
            tokens.cursor(token, identity)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_no_other_bytes_are_a_token(noise: bytes, place: int) -> None:
    tokens = Tokens(SECRET)
    token = tokens.token(Cursor(1, (0, 0)), QUESTION.identity()).encode()
    changed = bytearray(token)
    changed[place % len(token)] ^= 1
    for one in (noise, bytes(changed), token[:-3]):
        if one.rstrip(b"=") != token:
            with pytest.raises(Refused):
                tokens.cursor(one, QUESTION.identity())


def test_questions() -> None:
    asked = parse_question("d", b"timeseries_ids=B&timeseries_ids=a,B&limit=5&orderby=val+DESC&other=1")
    assert asked == Question("d", ("B", "a"), ALL_TIME, Order("val", True), None, 5)
    assert parse_question("d", b"timeseries_ids=a&orderby=timestamp%20asc").order == Order("timestamp", False)
    assert parse_question("d", b"timeseries_ids=a&paginated=TRUE&limit=0050").most == 50
    assert parse_question("d", b"timeseries_ids=a&paginated=true&limit=" + b"9" * 5000).most == 1000
    assert (parse_question("d", b"timeseries_ids=a&limit=" + b"9" * 20).most or 0) > limits.QUERY_POINTS_MAX
    for query in (b"timeseries_ids=a&limit=-1", b"timeseries_ids=a&limit=1.5", b"timeseries_ids=%FF", b"orderby=val"):
        with pytest.raises(Refused):
            parse_question("d", query)


async def test_long_texts_are_ordered_and_paged_too(tmp_path: Path) -> None:
    texts = [character * limits.APOLLO_TEXT_BYTES_MAX for character in "abc"]
    random.Random(7).shuffle(texts)
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(IDS[0], text, at(second)) for second, text in enumerate(texts)])
        first = await apollo.get("d", IDS[0], orderby="val", limit=2)
        token = first.json["paging"]["continuationToken"]
        assert len(token) < limits.HEADER_BYTES_MAX // 4
        rest = await apollo.get("d", IDS[0], orderby="val", limit=2, token=token)
        assert [one["val"][0] for one in first.json["data"] + rest.json["data"]] == ["a", "b", "c"]
