"""Who sent something, for the log: the address of the other end, which behind a proxy is the proxy's."""

from __future__ import annotations

import asyncio

from starlette.types import Scope


def sender_of(scope: Scope) -> str:
    """Of a request; "" where it is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def address_of(transport: asyncio.BaseTransport) -> str:
    """Of a connection; "" where it is not known."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""
