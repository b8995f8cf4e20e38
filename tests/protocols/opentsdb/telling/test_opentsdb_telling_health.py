"""/api/health and /api/vip_health."""

from __future__ import annotations

import json
from typing import Any

import pytest
from real_room import RealRoom

from headrace.errors import Unavailable
from headrace.protocols.opentsdb.telling.health import health_pages

PATHS = ("health", "vip_health", "v1/vip_health", "Health/")


@pytest.mark.parametrize("path", PATHS)
async def test_the_body_is_just_ok(tsd: RealRoom, path: str) -> None:
    for reply in (await tsd.get(path), await tsd.post(path, {}), await tsd.post(path, "")):
        assert (reply.status, reply.body) == (200, b"ok")
        assert reply.headers["content-type"] == "text/plain; charset=UTF-8"


@pytest.mark.parametrize("path", ["health", "vip_health"])
async def test_while_no_points_are_taken(path: str) -> None:
    class Full:
        refusing = "the disk is full"

    unused: Any = None
    with pytest.raises(Unavailable, match="the disk is full"):
        await health_pages(Full())[path](unused, {}, b"", unused)


async def test_other_methods(tsd: RealRoom) -> None:
    reply = await tsd.post("health", "", method="DELETE")
    assert (reply.status, json.loads(reply.body)["error"]["message"]) == (405, "Method not allowed")
