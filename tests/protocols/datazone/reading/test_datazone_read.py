"""Listing and getting: order, ranges, pages that neither repeat nor skip."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from datazone_room import ASSET, CONTENT, TYPE, DataZone, datazone_room, form, query

LISTING = ASSET.replace("ASSET", "LISTING")
BAD_TOKEN = (
    "1 validation error detected. Value at '/nextToken' failed to satisfy constraint: "
    "Member must be a token of this list"
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[DataZone]:
    with datazone_room(tmp_path) as room:
        yield room


async def test_items_have_a_summary_and_no_content(room: DataZone) -> None:
    content = '{"evaluations":[{"status":"PASS"}],"passingPercentage":88.0, "evaluationsCount" : 8}'
    posted = (await room.post(form(typeRevision="8", content=content), form(content="no JSON", timestamp=1))).json
    reply = await room.listed()
    first, second = posted["forms"]
    del first["content"], second["content"]
    assert reply.json == {"items": [{**first, "contentSummary": CONTENT}, second]}
    assert (await room.listed("none")).json == {"items": []}


async def test_get(room: DataZone) -> None:
    posted = (await room.post(form("my form/é+&%41", content=CONTENT))).json["forms"][0]
    reply = await room.get(posted["id"], "my form/é+&%41")
    assert reply.status == 200
    assert reply.json == {
        "domainId": "dzd_abc123",
        "entityId": "asset01",
        "entityType": "ASSET",
        "formName": "my form/é+&%41",
        "form": posted,
    }


async def test_a_form_is_found_only_under_its_own_names(room: DataZone) -> None:
    form_id = (await room.post(form())).json["forms"][0]["id"]
    replies = [
        await room.get("athp9dyw75gzhj"),
        await room.get(form_id, "DQ"),
        await room.get(form_id, path=LISTING),
        await room.get(form_id, path=ASSET.replace("asset01", "asset02")),
        await room.get(form_id, path=ASSET.replace("dzd_abc123", "dzd_abc124")),
    ]
    assert {reply.fault[:2] for reply in replies} == {(404, "ResourceNotFoundException")}
    assert (await room.get(form_id)).status == 200


async def test_newest_first_then_by_id(room: DataZone) -> None:
    stamps = [5, -0.000001, 5, 1704164645.678901, 1704164645.678902, -62135596800, 253402300799, 5, 0]
    random.Random(1).shuffle(stamps)
    await room.post(*(form(timestamp=stamp) for stamp in stamps))
    items = (await room.listed()).json["items"]
    assert [item["timestamp"] for item in items] == sorted(stamps, reverse=True)
    fives = [item["id"] for item in items if item["timestamp"] == 5]
    assert fives == sorted(fives)


async def test_both_ends_of_a_range_are_in_it(room: DataZone) -> None:
    await room.post(*(form(timestamp=1704164645 + at / 10) for at in range(5)))
    for parameters, expected in (
        ({"startedAt": "2024-01-02T03:04:05.1Z", "endedAt": "2024-01-02T03:04:05.300000Z"}, [3, 2, 1]),
        ({"startedAt": "2024-01-02T08:34:05.300+05:30"}, [4, 3]),
        ({"endedAt": "2024-01-02T03:04:05"}, [0]),
        ({"endedAt": "2024-01-02"}, []),
        ({"startedAt": "2024-01-02"}, [4, 3, 2, 1, 0]),
        ({"startedAt": "2024-01-02T03:04:05.3Z", "endedAt": "2024-01-02T03:04:05.1Z"}, []),
    ):
        items = (await room.listed(**parameters)).json["items"]
        assert [round((item["timestamp"] - 1704164645) * 10) for item in items] == expected, parameters


async def test_the_very_instant_that_an_sdk_cut_to_milliseconds_is_found(room: DataZone) -> None:
    """AWS SDK for Java v2: a body's times have milliseconds, those of a query string all that the Instant has."""
    second = 1704164645
    await room.post(*(form(timestamp=second + at) for at in (0, 0.122, 0.123, 0.1231, 0.1239, 0.124)))
    for started, ended, expected in (
        ("05.123456", "06", [0.124, 0.1239, 0.123]),
        ("05.123456", "05.123456", [0.123]),
        ("05.123456789", "05.1238", [0.123]),
        ("05.123", "05.123999", [0.1239, 0.1231, 0.123]),
        ("05.124001", "06", [0.124]),
        ("05.500001", "06", []),
        ("05.123456", "05.123455", []),
    ):
        asked = {"startedAt": f"2024-01-02T03:04:{started}Z", "endedAt": f"2024-01-02T03:04:{ended}Z"}
        items = (await room.listed(**asked)).json["items"]
        assert [round(item["timestamp"] - second, 6) for item in items] == expected, asked
        paged: list[str] = []
        token: dict[str, str] = {}
        for _ in range(len(expected) + 1):
            page = (await room.listed(maxResults=1, **asked, **token)).json
            paged += [item["id"] for item in page["items"]]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert paged == [item["id"] for item in items]


async def test_the_size_of_a_page(room: DataZone) -> None:
    await room.post(*(form(timestamp=at) for at in range(120)))
    first = (await room.listed()).json
    assert [item["timestamp"] for item in first["items"]] == list(range(119, 69, -1))
    three = (await room.listed(maxResults=3, nextToken=first["nextToken"])).json
    assert [item["timestamp"] for item in three["items"]] == [69, 68, 67]
    assert len(await room.ids(maxResults=50)) == len(await room.ids(maxResults=40)) == 120
    whole = (await room.listed(startedAt="1970-01-01T00:01:10Z")).json
    assert len(whole["items"]) == 50
    assert "nextToken" not in whole, "the last page, though it is full"


@pytest.mark.parametrize("seed", range(3))
async def test_posts_and_deletes_between_pages_neither_repeat_nor_hide_a_form(room: DataZone, seed: int) -> None:
    chance = random.Random(seed)
    there = (await room.post(*(form(timestamp=chance.randrange(20)) for _ in range(40)))).json["forms"]
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = (await room.listed(maxResults=chance.randint(1, 7), **token)).json
        seen += [item["id"] for item in page["items"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
        await room.post(*(form(timestamp=chance.randrange(20)) for _ in range(3)), form("other"))
    assert len(set(seen)) == len(seen)
    assert {posted["id"] for posted in there} <= set(seen)


async def test_a_token_fits_only_its_own_question(room: DataZone, tmp_path: Path) -> None:
    await room.post(*(form(timestamp=at) for at in range(3)), *(form("b", at) for at in range(3)))
    asked = {"maxResults": 1, "startedAt": "1970-01-01"}
    token = (await room.listed(**asked)).json["nextToken"]
    assert (await room.listed(**asked, nextToken=token)).status == 200
    flipped = bytearray(base64.urlsafe_b64decode(token))
    flipped[-1] ^= 1
    others = [
        await room.listed(maxResults=1, nextToken=token),
        await room.listed(**{**asked, "startedAt": "1970-01-02"}, nextToken=token),
        await room.listed(**asked, endedAt="1970-01-02", nextToken=token),
        await room.listed("b", **asked, nextToken=token),
        await room.listed(path=LISTING, **asked, nextToken=token),
        await room.listed(**asked, nextToken=base64.urlsafe_b64encode(flipped).decode()),
        *[await room.listed(**asked, nextToken=bad) for bad in ("x", "é", "AAAA", token + "\n", token[:-4], "=" * 8)],
    ]
    with datazone_room(tmp_path / "other") as other:
        others.append(await other.listed(**asked, nextToken=token))
    assert {reply.fault for reply in others} == {(400, "ValidationException", BAD_TOKEN)}
    assert token.isascii()
    assert query(token=token) == f"token={token}".replace("=", "%3D").replace("token%3D", "token=", 1)


async def test_a_token_holds_after_a_restart(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        await room.post(*(form(timestamp=at) for at in range(3)))
        token = (await room.listed(maxResults=1)).json["nextToken"]
    with datazone_room(tmp_path) as room:
        assert [item["timestamp"] for item in (await room.listed(nextToken=token)).json["items"]] == [1, 0]


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        (CONTENT, CONTENT),
        ('{"a":{"b":1},"c":[ ],"d":[1]}', "{}"),
        ('{"n":1.50E+2, "t":"x,\\"}" ,"f":false,"z":null}', '{"n":1.50E+2,"t":"x,\\"}","f":false,"z":null}'),
        ("[1]", None),
        ("7", None),
        ("", None),
        ('{"a":1', None),
        ('{"a":NaN}', None),
        ('{"a":"\ud800"}', None),
        ('{"a":' * 20_000 + "1" + "}" * 20_000, None),
        (json.dumps({"a": "x" * 19_992}, separators=(",", ":")), "itself"),
        (json.dumps({"a": "x" * 19_993}, separators=(",", ":")), None),
    ],
    ids=lambda text: None if text is None else ascii(text[:12]),
)
async def test_summaries(room: DataZone, content: str, summary: str | None) -> None:
    await room.post({"formName": "s", "typeIdentifier": TYPE, "timestamp": 1, "content": content})
    [item] = (await room.listed("s")).json["items"]
    assert item.get("contentSummary") == (content if summary == "itself" else summary)
