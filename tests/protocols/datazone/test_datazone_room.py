"""The room as a whole: its prefix, its limits, and the words for what the transport refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from datazone_room import ASSET, datazone_room, form

from headrace import limits
from headrace.access.authority import Authority
from headrace.config import Settings
from headrace.errors import Refused, Unavailable
from headrace.protocols.datazone.constraints import ENTITY_TYPES
from headrace.protocols.datazone.room import open_room
from headrace.protocols.datazone.routes import ROOT


async def test_a_prefix_and_none_lead_to_the_same_forms(tmp_path: Path) -> None:
    with datazone_room(tmp_path, datazone_prefix="/Base/x") as room:
        posted = (await room.post(form(), path=f"/Base/x{ASSET}")).json["forms"][0]
        assert (await room.get(posted["id"])).json["form"] == posted
        assert (await room.get(posted["id"], path=f"/Base/x{ASSET}")).json["form"] == posted
        assert (await room.listed(path=f"/base/x{ASSET}")).fault[1] == "UnknownOperationException"
        # ListDomains, by which many a client looks around first.
        assert (await room.ask("GET", "/v2/domains?status=AVAILABLE")).fault[1] == "UnknownOperationException"


async def test_other_operations_say_where_to_ask(tmp_path: Path) -> None:
    """Neither "not found", which a job would take for an answer about its asset, nor a success."""
    with datazone_room(tmp_path) as room:
        for method, target in (
            ("GET", "/v2/domains/dzd_abc123/assets/asset01"),
            ("POST", "/v2/domains/dzd_abc123/search"),
            ("POST", "/v2/domains/dzd_abc123/form-types"),
            ("GET", "/v2/domains/dzd_abc123/form-types/mine/more"),
            ("GET", ASSET.removesuffix("/time-series-data-points")),
        ):
            status, code, message = (await room.ask(method, target)).fault
            assert (status, code) == (404, "UnknownOperationException")
            assert "Ask Amazon DataZone itself" in message


async def test_without_a_prefix_there_is_one_root(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        assert open_room(room.store, Settings(), room.metrics, Authority([], lambda: 0)).prefixes == (ROOT,)


async def test_both_types_of_entities(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        for entity_type in ENTITY_TYPES:
            path = ASSET.replace("ASSET", entity_type)
            assert (await room.post(form(), path=path)).json["entityType"] == entity_type


async def test_a_body_too_large(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        largest = b'{"forms":[]}'.ljust(limits.DATAZONE_BODY_BYTES_MAX)
        assert (await room.ask("POST", ASSET, largest)).status == 201
        reply = await room.ask("POST", ASSET, largest + b" ")
        assert reply.fault == (
            413,
            "RequestEntityTooLargeException",
            "the request's body is larger than 16777216 bytes",
        )
    with datazone_room(tmp_path, body_bytes_max=20) as room:
        assert (await room.post(form())).status == 413, "the setting may be smaller"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Refused("body-too-large", "x"), 413, "RequestEntityTooLargeException"),
        (Refused("request-timeout", "x"), 408, "RequestTimeoutException"),
        (Refused("header-too-large", "x"), 431, "RequestHeaderFieldsTooLargeException"),
        (Refused("body-incomplete", "x"), 400, "SerializationException"),
        (Refused("bad-request", "x"), 400, "SerializationException"),
        (Unavailable("x"), 503, "ServiceUnavailableException"),
    ],
)
async def test_what_the_transport_refuses(fault: Refused | Unavailable, status: int, code: str, tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        answer = room.router.refuse({"path": ASSET}, fault)
        headers = dict(answer.headers)
        assert (answer.status, headers[b"x-amzn-errortype"].decode()) == (status, code)
        assert len(headers[b"x-amzn-requestid"]) == 36
        assert (headers.get(b"retry-after") == b"1") == (status == 503)


async def test_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with datazone_room(tmp_path) as room:
        monkeypatch.setattr(room.store, "document", lambda *_: 1 / 0)
        status, code, message = (await room.get("athp9dyw75gzhj")).fault
        assert (status, code) == (500, "InternalServerException")
        assert "ZeroDivisionError" in message


async def test_many_violations_are_counted_and_the_first_are_told(tmp_path: Path) -> None:
    with datazone_room(tmp_path) as room:
        _, _, message = (await room.post(*[{}] * 1000)).fault
        assert message.startswith("3000 validation errors detected. Value at '/forms/0/formName' failed")
        assert message.count("; ") == limits.DATAZONE_VIOLATIONS_MAX - 1
