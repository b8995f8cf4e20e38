"""Handshakes that came to nothing: each is counted by its reason, and the log names the first ones of every minute."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final

import structlog

from headrace.model.few_per_minute import FewPerMinute
from headrace.model.time import Clock, wall_clock
from headrace.transport import Listener

log = structlog.get_logger(__name__)

_REASONS: Final = {
    "HTTP_REQUEST": "no-tls",
    "HTTPS_PROXY_REQUEST": "no-tls",
    "WRONG_VERSION_NUMBER": "no-tls",
    "PACKET_LENGTH_TOO_LONG": "no-tls",
    "BAD_RECORD_TYPE": "no-tls",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "NO_SHARED_CIPHER": "cipher",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no-client-certificate",
    "CERTIFICATE_VERIFY_FAILED": "client-certificate",
}
"""OpenSSL's word for what went wrong -> ours."""


class FailedHandshakes:
    """Those of one server. On the event loop."""

    def __init__(self, count: Callable[[str], None], clock: Clock = wall_clock) -> None:
        """count: told the reason of each."""
        self._count = count
        self._few = FewPerMinute(clock)

    def add(self, listener: Listener, sender: str, reason: str, why: str) -> None:
        """sender: its address.   reason: one of a few.   why: for people; a stranger may have a hand in it."""
        self._count(reason)
        untold = self._few.tell()
        if untold is not None:
            log.info(
                "TLS handshake failed",
                listener=str(listener),
                reason=reason,
                why=why,
                sender=sender,
                untold_before=untold,
            )


def reason_of(fault: ssl.SSLError) -> str:
    """One of a few words for it."""
    word = fault.reason or ""
    return "refused-by-client" if "_ALERT_" in word else _REASONS.get(word, "other")


def words_of(fault: ssl.SSLError) -> str:
    """OpenSSL's own, in lower case."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"the client's certificate: {fault.verify_message}"
    return (fault.reason or str(fault)).lower().replace("_", " ")
