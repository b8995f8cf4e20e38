"""What is not there says so, whatever the method, in OpenTSDB's shape."""

from __future__ import annotations

import json

import pytest
from real_room import RealRoom

from headrace.protocols.opentsdb.telling.absent import ABSENT

PATHS = [*(path.removesuffix("/") for path in ABSENT), "tree/branch", "v1/tree/rules", "tags/add"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_501(tsd: RealRoom, method: str) -> None:
    for path in PATHS:
        reply = await tsd.post(path, '{"a":1}', method=method)
        said = json.loads(reply.body)["error"]
        assert (reply.status, said["code"]) == (501, 501), path
        assert all((said["message"], said["details"]))


async def test_elsewhere_it_is_404(tsd: RealRoom) -> None:
    for path in ("trees", "users/x", "treefrog/x"):
        assert (await tsd.get(path)).status == 404
