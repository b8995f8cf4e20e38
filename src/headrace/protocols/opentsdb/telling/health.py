"""/api/health and /api/vip_health: whether points are taken, as Alibaba's clients ask.

The load-balancing client (aliyun-tsdb-java-sdk: HealthManager, BalTSDBClient) asks every host every two seconds and
stops all work towards one whose body is not just `ok`.
"""

from __future__ import annotations

from typing import Final, Protocol

from starlette.types import Scope

from headrace.errors import Unavailable
from headrace.protocols.opentsdb.reply import Handler, Parameters, Reply

OK: Final = b"ok"


class TakesPoints(Protocol):
    """What is asked of a store (store.embedded.store.EmbeddedStore)."""

    @property
    def refusing(self) -> str | None:
        """Why no points are taken at present, None while they are."""
        ...


def health_pages(store: TakesPoints) -> dict[str, Handler]:
    """The two by their path below /api/: `ok`, or 503 with the reason."""

    async def health(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        if store.refusing is not None:
            raise Unavailable(store.refusing)
        await reply.plain().whole(OK)

    return {"health": health, "vip_health": health}
