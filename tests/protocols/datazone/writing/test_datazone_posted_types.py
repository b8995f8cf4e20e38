"""The form types that a post brings: kept with it, bounded, and never in its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from datazone_room import DataZone, datazone_room, form

from headrace import limits
from headrace.errors import Unavailable


@pytest.fixture
def room(tmp_path: Path) -> Iterator[DataZone]:
    with datazone_room(tmp_path) as room:
        yield room


async def test_the_revision_that_is_answered_can_be_posted_and_nothing_changes(room: DataZone) -> None:
    before = (await room.form_type()).json
    posted = await room.post(form(typeRevision=before["revision"]), form())
    assert posted.status == 201
    assert (await room.form_type()).json == before
    assert room.store.documents("datazone-type", "", "~") == []


async def test_types_stay_after_their_forms_and_over_a_restart(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        await room.post(form(typeIdentifier="mine", typeRevision="5"))
        await room.delete()
        answer = (await room.form_type("mine")).json
    with datazone_room(tmp_path) as room:
        assert (await room.form_type("mine")).json == answer
        assert (await room.listed()).json == {"items": []}


async def test_a_post_that_is_refused_leaves_no_type(room: DataZone) -> None:
    assert (await room.post(form(typeIdentifier="mine"), form(timestamp="never"))).status == 400
    assert (await room.form_type("mine")).status == 404


async def test_many_types_in_one_post(room: DataZone) -> None:
    """The whole of it is kept; of the types as many as a commit has room for, and the rest by the next post."""
    forms = [form(typeIdentifier=f"t{number}") for number in range(limits.DATAZONE_FORMS_MAX)]
    assert len((await room.post(*forms)).json["forms"]) == limits.DATAZONE_FORMS_MAX
    most = limits.DATAZONE_POST_TYPES_MAX
    assert [(await room.form_type(f"t{number}")).status for number in (0, most - 1, most)] == [200, 200, 404]
    await room.post(*forms)
    assert [(await room.form_type(f"t{number}")).status for number in (most, 2 * most - 1, 2 * most)] == [200, 200, 404]


@pytest.mark.parametrize(("limit", "most"), [("DATAZONE_TYPES_MAX", 3), ("DATAZONE_TYPES_BYTES_MAX", 3 * 17)])
async def test_types_are_bounded_and_what_is_there_can_be_posted_on(
    limit: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, limit, most)
    with datazone_room(tmp_path) as room:
        for number in range(3):  # dzd_abc123/t000/1 has 17 bytes
            assert (await room.post(form(typeIdentifier=f"t00{number}"))).status == 201
        status, code, words = (await room.post(form(typeIdentifier="t003"), form())).fault
        assert (status, code) == (402, "ServiceQuotaExceededException")
        assert words.startswith(f"At most {most} ")
        assert (await room.form_type("t003")).status == 404
    with datazone_room(tmp_path) as room:
        assert (await room.post(form(typeIdentifier="t003"))).status == 402
        assert (await room.post(form(typeIdentifier="t001"), form())).status == 201
        assert len((await room.listed()).json["items"]) == 5


async def test_what_was_not_kept_does_not_count(room: DataZone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DATAZONE_TYPES_MAX", 1)

    async def failing(*_: object) -> int:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(room.store, "commit", failing)
        assert (await room.post(form(typeIdentifier="mine"))).status == 503
    assert (await room.post(form(typeIdentifier="other"))).status == 201
    assert (await room.post(form(typeIdentifier="mine"))).status == 402


async def test_a_revision_that_no_url_can_say(room: DataZone) -> None:
    assert (await room.post(form(typeIdentifier="mine", typeRevision="\ud800"))).status == 201
    assert (await room.form_type("mine")).status == 404
