"""What a connection may send, hold and take: the limits of transport in one object, so that a server can be given
others."""

from __future__ import annotations

from dataclasses import dataclass

from headrace import limits


@dataclass(frozen=True, slots=True)
class Bounds:
    """Defaults and reasons are in limits.py, under the same names. `tick_s`: pause between two looks at all
    connections."""

    body_bytes_max: int = limits.BODY_BYTES_MAX
    bodies_bytes_max: int = limits.BODIES_BYTES_MAX
    header_bytes_max: int = limits.HEADER_BYTES_MAX
    held_bytes_max: int = limits.HELD_BYTES_MAX
    waiting_bytes_max: int = limits.WAITING_BYTES_MAX
    line_bytes_max: int = limits.TELNET_LINE_BYTES_MAX
    connections_max: int = limits.CONNECTIONS_MAX
    handshakes_per_address_max: int = limits.HANDSHAKES_PER_ADDRESS_MAX
    handshake_timeout_s: float = limits.HANDSHAKE_TIMEOUT_S
    header_timeout_s: float = limits.HEADER_TIMEOUT_S
    request_timeout_s: float = limits.REQUEST_TIMEOUT_S
    request_bytes_min: int = limits.REQUEST_BYTES_MIN
    idle_timeout_s: float = limits.IDLE_TIMEOUT_S
    linger_s: float = limits.LINGER_S
    half_closed_s: float = limits.HALF_CLOSED_S
    slow_reader_s: float = limits.SLOW_READER_S
    answer_bytes_min: int = limits.ANSWER_BYTES_MIN
    unread_bytes_max: int = limits.UNREAD_BYTES_MAX
    unread_replies_s: float = limits.UNREAD_REPLIES_S
    stop_grace_s: float = limits.STOP_GRACE_S
    tick_s: float = 1.0
