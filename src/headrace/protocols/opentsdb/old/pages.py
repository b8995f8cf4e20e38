"""/suggest, /aggregators, /version, /stats and /logs, as OpenTSDB 1.x has them."""

from __future__ import annotations

import msgspec
from starlette.types import Scope

from headrace.errors import Refused
from headrace.metrics import Metrics
from headrace.protocols.opentsdb.reply import Handler, Parameters, Reply
from headrace.protocols.opentsdb.telling.stats import server_stats
from headrace.protocols.opentsdb.telling.version import VERSION_JSON, VERSION_LINES

NO_LOGS = "The log is not kept in the server: read it where the server writes it"


def old_pages(metrics: Metrics) -> dict[str, Handler]:
    """Those that differ from their namesakes below /api/."""

    async def version(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        if "json" in parameters:
            await reply.whole(VERSION_JSON)
        else:
            await reply.plain().whole(VERSION_LINES.encode())

    async def stats(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        lines = [stat.line() for stat in server_stats(metrics)]
        if "json" in parameters:
            await reply.whole(msgspec.json.encode(lines))
        else:
            await reply.plain().whole("".join(f"{line}\n" for line in lines).encode())

    async def logs(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        raise Refused("not-implemented", NO_LOGS)

    return {"version": version, "stats": stats, "logs": logs}
