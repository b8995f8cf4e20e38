"""What a supervisor is told of how far the server is (sd_notify(3)): by systemd, or whoever else sets NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
from typing import Final, Literal

import structlog

log = structlog.get_logger(__name__)

VARIABLE: Final = "NOTIFY_SOCKET"


def tell_supervisor(state: Literal["READY=1", "STOPPING=1"]) -> None:
    """Nothing where nobody wants to be told. A supervisor that cannot be told is in the log, and no reason to end."""
    where = os.environ.get(VARIABLE)
    if not where:
        return
    # A name that begins with @ is none of the file system's: the kernel has a zero byte there.
    address = "\0" + where[1:] if where.startswith("@") else where
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
            wire.sendto(state.encode(), address)
    except OSError as fault:
        log.warning("the supervisor is not told", state=state, socket=where, reason=str(fault))
