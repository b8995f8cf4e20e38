"""How long points are kept at present: the setting, and what a document of the database says in its place."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.config import RETENTION_DEFAULT
from headrace.model.time import SECOND_MS
from headrace.settings.quantities import parse_duration_ms
from headrace.store import RETENTION_DOCUMENT
from headrace.store.embedded.documents.documents import Documents
from headrace.store.embedded.segments.making.retention import Retention
from headrace.store.embedded.series.index import SeriesIndex


class RetentionInForce:
    """`now` for any thread; `read_again` after each commit that may have changed the document."""

    def __init__(self, rules: Mapping[str, str], index: SeriesIndex, documents: Documents) -> None:
        """rules: of the setting (config.Settings.retention)."""
        self._rules = rules
        self._setting_ms = parse_duration_ms(rules.get(RETENTION_DEFAULT, "0"))
        self._index = index
        self._documents = documents
        self.read_again()

    def read_again(self) -> None:
        """Raises Corrupt when the document is damaged, Unavailable."""
        body = self._documents.get(*RETENTION_DOCUMENT)
        names = self._index.metric_ids, self._index.metric_names
        self._set_ms = None if body is None else int(body)
        self.now = Retention(self._rules, *names, self._set_ms)

    @property
    def default_ms(self) -> int:
        """How long points are kept of metrics that no pattern matches; 0: for ever."""
        return self._setting_ms if self._set_ms is None else self._set_ms

    @property
    def outranked(self) -> str | None:
        """A sentence when the setting's default does not hold, since another was set while a server ran."""
        if self._set_ms is None or self._set_ms == self._setting_ms:
            return None
        held, said = (f"for {ms // SECOND_MS} s" if ms else "for ever" for ms in (self._set_ms, self._setting_ms))
        return f"retention: points are kept {held}, as POST /api/ttl has set it, and not {said}, as the setting says"
