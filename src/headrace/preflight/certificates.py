"""Certificates that can be read, as loading them has shown, and are no longer of use, or not for long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from headrace.loading import Loaded
from headrace.preflight.findings import Finding
from headrace.settings.pem import expires_s

EARLY_S: Final = 14 * 86_400
"""Before the end of a certificate: time to renew it."""


def certificates(loaded: Loaded) -> Iterator[Finding]:
    """A warning each: there are clients that do not look, and a server that does not start helps nobody."""
    for listener in loaded.settings.listeners:
        if listener.tls is None:
            continue
        ends_s = expires_s(listener.tls.certificate)
        if ends_s > time.time() + EARLY_S:
            continue
        day = time.strftime("%Y-%m-%d", time.gmtime(ends_s))
        does = "expired" if ends_s < time.time() else "expires"
        what = f"listeners: the certificate {listener.tls.certificate} of {listener.address} {does} on {day}; renew it"
        yield Finding("listeners", what, is_error=False)
