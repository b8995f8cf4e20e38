"""The form types that a post brings: kept with it, bounded, and never in its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from datazone_room import DataZone, datazone_room, form

from headrace import limits


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


async def test_a_revision_that_no_url_can_say(room: DataZone) -> None:
    assert (await room.post(form(typeIdentifier="mine", typeRevision="\ud800"))).status == 201
    assert (await room.form_type("mine")).status == 404
