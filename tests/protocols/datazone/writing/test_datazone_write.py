"""Posting and deleting forms: all or nothing, byte for byte, once for each client token."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datazone_room import ASSET, CONTENT, NOW_MS, TYPE, DataZone, datazone_room, form
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Unavailable
from headrace.model.points import Admitted
from headrace.store import DocumentChange

LISTING = ASSET.replace("ASSET", "LISTING")
TOKEN = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[DataZone]:
    with datazone_room(tmp_path) as room:
        yield room


async def test_a_post_answers_with_the_forms_in_their_order(room: DataZone) -> None:
    reply = await room.post(form("dq", typeRevision="8", content=CONTENT), form("other", 1704164645), clientToken=TOKEN)
    assert reply.status == 201
    answer = reply.json
    ids = [posted.pop("id") for posted in answer["forms"]]
    assert all(re.fullmatch("[a-z0-9]{14}", form_id) for form_id in ids)
    assert len(set(ids)) == 2
    assert answer == {
        "domainId": "dzd_abc123",
        "entityId": "asset01",
        "entityType": "ASSET",
        "forms": [
            {
                "formName": "dq",
                "typeIdentifier": TYPE,
                "typeRevision": "8",
                "timestamp": 1704164645.678,
                "content": CONTENT,
            },
            {"formName": "other", "typeIdentifier": TYPE, "timestamp": 1704164645},
        ],
    }
    assert b'"timestamp":1704164645.678,' in reply.body
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "content",
    ["", " ", "{", 'é\t"\\ /', "\0", "\ud800", "\udfff\ud800 x", "😀" * 500_000, '{"a": 1 , "a":2}', "\u2028<>&'"],
    ids=lambda content: ascii(content[:9]),
)
async def test_content_comes_back_as_it_was(room: DataZone, content: str) -> None:
    posted = (await room.post(form(content=content))).json["forms"][0]
    assert posted["content"] == content
    assert (await room.get(posted["id"])).json["form"] == posted


@pytest.mark.parametrize("more", [-1, 0, 1, 100_000])
async def test_a_long_answer_says_its_length(room: DataZone, more: int) -> None:
    around = len((await room.post(form(content=""))).body)
    content = "x" * (limits.ANSWER_CHUNK_BYTES - around + more)
    reply = await room.post(form(content=content))
    assert reply.json["forms"][0]["content"] == content
    assert len(reply.body) == limits.ANSWER_CHUNK_BYTES + more
    assert reply.headers.get("content-length") == (str(len(reply.body)) if more > 0 else None)


async def test_no_forms(room: DataZone) -> None:
    reply = await room.post()
    assert (reply.status, reply.json["forms"]) == (201, [])


async def test_one_bad_form_and_nothing_is_kept(room: DataZone) -> None:
    reply = await room.post(form(), form("x" * 129))
    assert reply.status == 400
    assert await room.ids() == []


async def test_the_same_again_is_another_point(room: DataZone) -> None:
    for _ in range(3):
        await room.post(form())
    assert len(set(await room.ids())) == 3


async def test_entities_types_domains_and_forms_are_apart(room: DataZone) -> None:
    for path in (ASSET, LISTING, ASSET.replace("asset01", "asset02"), ASSET.replace("abc123", "abc124")):
        await room.post(form("dq"), form("DQ"), path=path)
    assert len(await room.ids("dq")) == len(await room.ids("DQ", LISTING)) == 1
    await room.delete("dq")
    assert await room.ids("dq") == []
    assert len(await room.ids("DQ")) == len(await room.ids("dq", LISTING)) == 1


async def test_more_forms_than_one_commit_holds(room: DataZone) -> None:
    reply = await room.post(*[form()] * (limits.DATAZONE_FORMS_MAX + 1))
    assert reply.fault[:2] == (402, "ServiceQuotaExceededException")
    # As many as may be, each with two numbers that no other has.
    most = [form(f"f{i}", content=f'{{"a{i}":1,"b":{i}}}') for i in range(limits.DATAZONE_FORMS_MAX)]
    assert (await room.post(*most, clientToken=TOKEN)).status == 201
    assert room.refused("form-numbers") == 0
    [values] = room.points("f3999.b").values()
    assert list(values.values()) == [3999]


# client tokens


async def test_the_same_token_and_request_does_nothing_twice(room: DataZone) -> None:
    first = await room.post(form(), form("b", content=CONTENT), clientToken=TOKEN)
    for body in (
        {"clientToken": TOKEN, "forms": [form(), form("b", content=CONTENT)], "unknown": 1},
        {
            "forms": [form(timestamp=1.704164645678e9, typeRevision=None), form("b", content=CONTENT)],
            "clientToken": TOKEN,
        },
    ):
        again = await room.ask("POST", ASSET, json.dumps(body, indent=1).encode())
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["x-amzn-requestid"] != first.headers["x-amzn-requestid"]
    assert len(await room.ids()) == 1


@pytest.mark.parametrize(
    ("forms", "path"),
    [
        ([form("dq2")], ASSET),
        ([form(timestamp=1704164645.678001)], ASSET),
        ([form(content="")], ASSET),
        ([form(typeRevision="1")], ASSET),
        ([form(), form()], ASSET),
        ([], ASSET),
        ([form()], LISTING),
    ],
)
async def test_the_same_token_for_another_request_is_refused(room: DataZone, forms: list[Any], path: str) -> None:
    await room.post(form(), clientToken=TOKEN)
    reply = await room.post(*forms, path=path, clientToken=TOKEN)
    assert reply.fault == (
        409,
        "ConflictException",
        "The client token was used before, for a request with other parameters.",
    )
    assert len(await room.ids()) == 1


async def test_parameters_are_told_apart_wherever_one_ends() -> None:
    from headrace.protocols.datazone.writing.client_tokens import token_of  # noqa: PLC0415

    digests = {
        token_of("post", "", "t", parameters).digest
        for parameters in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", None], ["abc", ""], ["abc", "-"], ["1:a", "b"])
    }
    assert len(digests) == 7


async def test_two_at_once_are_one(room: DataZone) -> None:
    replies = await asyncio.gather(*(room.post(form(), clientToken=TOKEN) for _ in range(5)))
    assert {reply.body for reply in replies} == {replies[0].body}
    assert await room.ids() == [replies[0].json["forms"][0]["id"]]


async def test_a_failed_request_leaves_its_token_free(room: DataZone, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> int:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(room.store, "commit", full)
        replies = await asyncio.gather(*(room.post(form(), clientToken=TOKEN) for _ in range(2)))
        assert {reply.fault for reply in replies} == {(503, "ServiceUnavailableException", "the disk is full")}
        assert replies[0].headers["retry-after"] == "1"
    assert (await room.post(form("other"), clientToken=TOKEN)).status == 201


async def test_a_token_is_kept_for_a_day_and_then_forgotten(room: DataZone) -> None:
    first = await room.post(form(), clientToken=TOKEN)
    room.now_ms = NOW_MS + limits.DATAZONE_TOKEN_MS
    assert (await room.post(form(), clientToken=TOKEN)).body == first.body
    room.now_ms = NOW_MS + limits.DATAZONE_TOKEN_MS + limits.DATAZONE_TOKEN_PERIOD_MS
    second = await room.post(form(), clientToken=TOKEN)
    assert second.json["forms"][0]["id"] != first.json["forms"][0]["id"]
    kept = room.store.documents("datazone-token", "", "~")
    assert len(kept) == 1, "the first is gone from the disk too"


async def test_a_clock_that_was_set_back_finds_tokens_of_the_future(room: DataZone) -> None:
    first = await room.post(form(), clientToken=TOKEN)
    room.now_ms = NOW_MS - limits.DATAZONE_TOKEN_PERIOD_MS
    assert (await room.post(form(), clientToken=TOKEN)).body == first.body


async def test_a_token_keeps_a_digest_and_no_content(room: DataZone) -> None:
    await room.post(form(content="x" * 10_000), clientToken=TOKEN)
    [(_, kept)] = room.store.documents("datazone-token", "", "~")
    assert len(kept) == 32 + 14


async def test_tokens_of_posts_and_deletes_are_apart(room: DataZone) -> None:
    await room.post(form(), clientToken=TOKEN)
    assert (await room.delete(clientToken=TOKEN)).status == 204
    assert await room.ids() == []


async def test_a_delete_sent_again_spares_what_came_meanwhile(room: DataZone) -> None:
    assert (await room.delete(clientToken=TOKEN)).status == 204
    await room.post(form())
    assert (await room.delete(clientToken=TOKEN)).status == 204
    assert len(await room.ids()) == 1
    reply = await room.delete("other", clientToken=TOKEN)
    assert reply.fault[:2] == (400, "ValidationException")
    assert (await room.delete(clientToken="another")).status == 204
    assert await room.ids() == []


async def test_the_answer_to_a_post_is_given_again_after_its_forms_were_deleted(room: DataZone) -> None:
    first = await room.post(form(), clientToken=TOKEN)
    await room.delete()
    assert (await room.post(form(), clientToken=TOKEN)).body == first.body
    assert await room.ids() == []


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        first = await room.post(form(content=CONTENT), clientToken=TOKEN)
    with datazone_room(tmp_path) as room:
        assert (await room.post(form(content=CONTENT), clientToken=TOKEN)).body == first.body
        [form_id] = await room.ids()
        assert (await room.get(form_id)).json["form"] == first.json["forms"][0]
        await room.delete()
    with datazone_room(tmp_path) as room:
        assert await room.ids() == []
        assert room.points("dq.passingPercentage") == {}


# points


def tags(name: str = "dq", type_id: str = TYPE) -> tuple[tuple[str, str], ...]:
    found = {"domain": "dzd_abc123", "entityType": "ASSET", "entity": "asset01", "type": type_id, "form": name}
    return tuple(sorted(found.items()))


async def test_numbers_become_points(room: DataZone) -> None:
    content = (
        '{"passingPercentage":88.0,"n":{"deep":{"er":-3}},"flag":true,"text":"1","list":[1,{"a":2}],"nothing":null}'
    )
    await room.post(form(content=content), form(timestamp=-1.5, content='{"passingPercentage":7}'))
    assert room.points("dq.passingPercentage") == {tags(): {1704164645678: 88.0, -1500: 7}}
    assert room.points("dq.n.deep.er") == {tags(): {1704164645678: -3}}
    assert room.store.suggest("metrics", "dq", 10) == ["dq.n.deep.er", "dq.passingPercentage"]
    [values] = room.points("dq.passingPercentage").values()
    assert [type(value) for value in values.values()] == [int, float]


@pytest.mark.parametrize("content", ["", "7", "[1]", "{", '{"a":NaN}', '"text"', "{}", "{" * 1000, '{"a":' * 100_000])
async def test_contents_without_numbers(room: DataZone, content: str) -> None:
    assert (await room.post(form(content=content))).status == 201
    assert room.store.suggest("metrics", "", 10) == []


async def test_numbers_that_can_be_no_points_are_counted_and_the_form_is_kept(room: DataZone) -> None:
    content = json.dumps({"big": 2**63, "fine": 2**63 - 1, "\ud800": 1, "x" * 4097: 1}).replace("}", ',"inf":1e999}')
    assert (await room.post(form(content=content))).status == 201
    assert room.store.suggest("metrics", "", 10) == ["dq.fine"]
    assert (room.refused("number-range"), room.refused("name-unicode"), room.refused("name-too-long")) == (2, 1, 1)
    assert room.metrics.points_accepted.labels("datazone")._value.get() == 1
    many = json.dumps({f"k{i}": i for i in range(limits.DATAZONE_FORM_NUMBERS_MAX + 5)})
    await room.post(form("many", content=many))
    assert room.refused("form-numbers") == 5
    assert len(room.store.suggest("metrics", "many.", 9999)) == limits.DATAZONE_FORM_NUMBERS_MAX


async def test_deleting_forms_deletes_their_points_and_no_others(room: DataZone) -> None:
    """`a` with b.c and `a.b` with c have one metric."""
    await room.post(form("a", content='{"b":{"c":1}}'), form("a.b", content='{"c":2}'), form("a", 5, content='{"d":3}'))
    await room.post(form("a", content='{"b":{"c":4}}'), path=LISTING)
    assert len(room.points("a.b.c")) == 3
    await room.delete("a")
    left = room.points("a.b.c")
    assert left[tags("a.b")] == {1704164645678: 2}
    assert len(left) == 2
    assert room.points("a.d") == {}
    await room.post(form("a", content='{"b":{"c":9}}'))
    assert room.points("a.b.c")[tags("a")] == {1704164645678: 9}


async def test_a_delete_between_two_posts_takes_the_forms_and_their_points_alike(room: DataZone) -> None:
    for round_ in range(10):
        content = f'{{"n{round_}":1,"same":{round_}}}'
        await asyncio.gather(
            room.post(form(content=content)), room.delete(), room.post(form(content=content)), room.post(form("z"))
        )
        forms = [(await room.get(form_id)).json["form"] for form_id in await room.ids()]
        # The later post follows the delete: its form and all of its points are there, of the first's nothing.
        assert [json.loads(found["content"]) for found in forms] == [json.loads(content)]
        assert room.store.suggest("metrics", "dq.n", 99) == [f"dq.n{round_}"]


async def test_without_points(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        await room.post(form(content=CONTENT))
    with datazone_room(tmp_path, datazone_points=False) as room:
        await room.post(form("quiet", content=CONTENT))
        assert room.store.suggest("metrics", "", 10) == ["dq.evaluationsCount", "dq.passingPercentage"]
        await room.delete()
        assert room.store.suggest("metrics", "", 10) == [], "what was made before goes all the same"


async def test_forms_points_and_token_are_one_commit(room: DataZone, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[tuple[list[str], int]] = []
    commit = room.store.commit

    async def counted(
        changes: list[DocumentChange], points: Admitted | None = None, deleted: NDArray[np.uint32] | None = None
    ) -> int:
        commits.append((sorted({change.kind for change in changes}), len(points or ())))
        return await commit(changes, points, deleted)

    monkeypatch.setattr(room.store, "commit", counted)
    await room.post(form(content=CONTENT), clientToken=TOKEN)
    await room.post(form(content=CONTENT))
    await room.delete(clientToken=TOKEN)
    kinds = ["datazone-form", "datazone-item", "datazone-series", "datazone-token"]
    assert commits == [(kinds, 2), (kinds[:2], 2), (kinds, 0)]


@pytest.mark.parametrize("name", ["\ud800", "a\udfff b"])
async def test_a_name_that_no_url_can_say_is_refused(name: str, tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        status, code, message = (await room.post(form(), form(name))).fault
        assert (status, code) == (400, "SerializationException")
        assert "'/forms/1/formName'" in message
        assert await room.ids() == [], "the good form beside it is not kept either"
        assert (await room.post(form("\U0001f600"))).status == 201, "a pair of surrogates is a character"
        assert len(await room.ids("\U0001f600")) == 1
