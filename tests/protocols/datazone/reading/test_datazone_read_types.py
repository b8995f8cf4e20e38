"""GetFormType in the shape of the service's own model, of the data quality type and of types that were posted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import OperationModel
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from datazone_room import CONTENT, TYPE, DataZone, Reply, datazone_room, form

NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[DataZone]:
    with datazone_room(tmp_path) as room:
        yield room


@pytest.fixture(scope="module")
def operation() -> OperationModel:
    return botocore.session.get_session().get_service_model("datazone").operation_model("GetFormType")


def parsed(reply: Reply, operation: OperationModel) -> dict[str, Any]:
    """By the service's model; it holds every member that was sent, of the model's types and lengths."""
    shape = operation.output_shape
    answer: dict[str, Any] = create_parser("rest-json").parse(
        {"status_code": reply.status, "headers": dict(reply.headers), "body": reply.body}, shape
    )
    del answer["ResponseMetadata"]
    assert reply.status == operation.http["responseCode"]
    assert set(answer) == set(reply.json) <= set(shape.members), "what the model has no name for would be lost"
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
    assert answer["status"] in shape.members["status"].enum
    return answer


async def test_the_data_quality_type_is_there_before_the_first_post(room: DataZone, operation: OperationModel) -> None:
    answer = parsed(await room.form_type(), operation)
    assert (answer["domainId"], answer["name"], answer["revision"]) == ("dzd_abc123", TYPE, "8")
    smithy = answer["model"]["smithy"]
    for member in (
        *json.loads(CONTENT),
        "evaluations",
        "types",
        "description",
        "details",
        "applicableFields",
        "status",
    ):
        assert f" {member}: " in smithy, member
    assert (await room.form_type(revision="8")).json == (await room.form_type()).json
    assert (await room.form_type(domain="dzd-other")).json["domainId"] == "dzd-other"


async def test_a_type_is_known_from_its_first_post_on(room: DataZone, operation: OperationModel) -> None:
    mine = {"typeIdentifier": "com.example.2ndFormType"}
    assert (await room.form_type("com.example.2ndFormType")).fault[:2] == (404, "ResourceNotFoundException")
    await room.post(form(**mine))
    room.now_ms += 3_600_000
    await room.post(form(**mine, typeRevision="rev 2/é"))
    room.now_ms += 3_600_000
    await room.post(form(**mine), form(**mine, typeRevision="rev 2/é"))

    newest = parsed(await room.form_type("com.example.2ndFormType"), operation)
    assert (newest["name"], newest["revision"]) == ("com.example.2ndFormType", "rev 2/é")
    assert newest["model"] == {"smithy": "structure _2ndFormType {}"}
    first = parsed(await room.form_type("com.example.2ndFormType", revision="1"), operation)
    assert (newest["createdAt"] - first["createdAt"]).total_seconds() == 3600
    assert first["createdAt"] == NOW
    assert (await room.form_type("com.example.2ndFormType", revision="rev 2/é")).json["revision"] == "rev 2/é"
    for strange in (
        await room.form_type("com.example.2ndFormType", revision="3"),
        await room.form_type("com.example.2ndformtype"),
        await room.form_type("com.example"),
        await room.form_type("com.example.2ndFormType", domain="dzd_abc124"),
    ):
        assert strange.fault[:2] == (404, "ResourceNotFoundException")


async def test_another_revision_of_the_data_quality_type(room: DataZone, operation: OperationModel) -> None:
    await room.post(form(typeRevision="11"))
    assert (await room.form_type()).json["revision"] == "8", "a mistyped revision must not become everybody's"
    eleventh = parsed(await room.form_type(revision="11"), operation)
    assert eleventh["revision"] == "11"
    assert eleventh["model"] == (await room.form_type()).json["model"]


async def test_whoever_may_not_read_forms_may_not_read_types(tmp_path: Path) -> None:
    with datazone_room(tmp_path, datazone_credentials={"AKIDEXAMPLE": "secret"}) as room:
        assert (await room.form_type()).fault[:2] == (403, "MissingAuthenticationTokenException")


async def test_a_prefix(tmp_path: Path) -> None:
    with datazone_room(tmp_path, datazone_prefix="/base") as room:
        assert (await room.ask("GET", f"/base/v2/domains/dzd_abc123/form-types/{TYPE}")).status == 200
