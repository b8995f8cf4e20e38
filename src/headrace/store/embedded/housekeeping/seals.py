"""A seal: what one generation of the journal brought goes to where it stays, and its part of the journal goes."""

from __future__ import annotations

import structlog

from headrace import limits
from headrace.errors import Unavailable
from headrace.store.embedded.housekeeping.grace import Grace
from headrace.store.embedded.housekeeping.retention_in_force import RetentionInForce
from headrace.store.embedded.housekeeping.trusted_clock import TrustedClock
from headrace.store.embedded.parts import Parts
from headrace.store.embedded.recent.recent import RecentView
from headrace.store.embedded.segments.files.meta import OtherStores
from headrace.store.embedded.segments.making.forgetting import Forgetting

log = structlog.get_logger(__name__)


class Seals:
    """`seal` and `sweep` are for the sealer's thread, `forgetting` for any."""

    def __init__(self, parts: Parts, retention: RetentionInForce, clock: TrustedClock, grace: Grace) -> None:
        self._parts = parts
        self._retention = retention
        self._clock = clock
        self._grace = grace

    def seal(self, generation: RecentView) -> None:
        """On return the generation's points, and all documents, names and deletes before its end, are where they stay.

        The order makes a crash at any step harmless: documents and names, then points, then the journal goes. Raises
        Unavailable or Corrupt, and may then be called again.
        """
        parts = self._parts
        parts.lock.check()
        forgetting = self.forgetting()
        try:
            parts.documents.file_recent()
            unlisted = parts.catalog_series()
            self._keep_hidden()
            others = OtherStores(parts.documents.applied, parts.catalog.changes, parts.journal.newest_first)
            segment = parts.folder.seal(
                generation, parts.index.metric_ids, unlisted, parts.table.encoded_names, forgetting, others
            )
        except OSError as failure:
            raise Unavailable(f"a segment cannot be written: {failure.strerror}") from failure
        parts.visible.replace_oldest(segment)
        parts.journal.unlink_through(generation.last_sequence)
        self._forget_deletes()

    def sweep(self) -> bool:
        """What can wait: files of the journal that a seal left, as it was faster than the rotation behind its freeze or
        a backup was under way; documents that are out of sight. Returns whether there may be more. Raises Unavailable
        or Corrupt."""
        self._parts.journal.unlink_through(self._parts.folder.current.sealed_through)
        return self._parts.documents.sweep()

    def _forget_deletes(self) -> None:
        """Those that wait only for what was dropped, or for a segment that is set aside, must not take the room of
        others."""
        parts = self._parts
        if len(parts.visible.deletes) >= limits.PENDING_DELETES_MAX // 2:
            try:
                self._give_up_awaiting()
            except OSError as failure:
                raise Unavailable(f"current.json cannot be written: {failure.strerror}") from failure
        parts.visible.forget_deletes(parts.index.metric_ids, lambda: parts.folder.current.may_come_back)

    def _give_up_awaiting(self) -> None:
        """First what was dropped, where deletes wait for it."""
        folder, pending = self._parts.folder, list(self._parts.visible.deletes)
        awaiting = [
            dropped
            for dropped in folder.current.dropped
            if any(dropped.meta.may_hold(delete, sequence) for delete, sequence in pending)
        ]
        if awaiting:
            self._grace.end_for_deletes(awaiting)
        elif folder.current.restorable:
            log.warning("too many deletes wait for damaged segments; these can be restored no more")
            folder.give_up_restoring()

    def forgetting(self) -> Forgetting:
        """What counts as gone now."""
        deletes, retention = self._parts.visible.deletes, self._retention.now
        return Forgetting(deletes, retention, self._clock.now_ms(), self._grace.has_room_for(0))

    def _keep_hidden(self) -> None:
        """Before the journal goes. What is hidden may have changed since the last record that is sealed: reading the
        later ones back comes to the same."""
        hidden = self._parts.visible.hidden
        if hidden is not self._parts.hidden_on_disk:
            self._parts.catalog.set_hidden(hidden.series)
            self._parts.hidden_on_disk = hidden
