"""What an old address says of a request that it refuses: `{"err":"..."}` where the request asks for `json`, else a
plain sentence. OpenTSDB's page of HTML around it is for browsers, and would show them what a stranger's link says."""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec
from starlette.types import Scope

from headrace.errors import Refused
from headrace.protocols.opentsdb.faults import JSON_TYPE, TEXT_TYPE, Answer


def refuse(scope: Scope, status: int, refused: Refused) -> Answer:
    """The whole answer (OpenTSDB: HttpQuery.badRequest)."""
    if "json" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        return status, [JSON_TYPE], msgspec.json.encode({"err": refused.detail})
    return status, [TEXT_TYPE], f"{refused.detail}\n".encode()
