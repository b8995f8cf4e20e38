"""The certificate of a listener, which may be renewed while the server runs."""

from __future__ import annotations

import time

import structlog

from headrace.settings.pem import PemFiles, context_of, expires_s

log = structlog.get_logger(__name__)


class Certificate:
    """What new connections are met with; those that are open keep what they have.

    context: of the files as they were when they last could be read.   expires_s: seconds since 1970.   fault: why the
    files as they are now cannot be used, in a sentence; None while they can.
    """

    def __init__(self, files: PemFiles) -> None:
        """Raises ValueError with a sentence."""
        self.files = files
        self.context = context_of(files)
        self.expires_s = expires_s(files.certificate)
        self.fault: str | None = None
        self._warn_if_over()

    def reload(self) -> None:
        """Read the files again. What cannot be used changes nothing, but is in `fault` and in the log."""
        try:
            # A context of its own: tickets by which clients resume sessions of the old one end with it.
            context, expires = context_of(self.files), expires_s(self.files.certificate)
        except (ValueError, OSError) as fault:
            self.fault = f"the new certificate is not in use: {fault}"
            log.error("certificate not reloaded, the old one stays", why=str(fault), expires_s=round(self.expires_s))
            return
        self.context, self.expires_s, self.fault = context, expires, None
        log.info("certificate reloaded", certificate=str(self.files.certificate), expires_s=round(expires))
        self._warn_if_over()

    def _warn_if_over(self) -> None:
        if self.expires_s < time.time():
            log.warning("certificate has expired", certificate=str(self.files.certificate))
