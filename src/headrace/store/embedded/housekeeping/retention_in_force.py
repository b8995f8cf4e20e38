"""How long points are kept at present: the setting, and what a document of the database says in its place."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.store import RETENTION_DOCUMENT
from headrace.store.embedded.documents.documents import Documents
from headrace.store.embedded.segments.making.retention import Retention
from headrace.store.embedded.series.index import SeriesIndex


class RetentionInForce:
    """`now` for any thread; `read_again` after each commit that may have changed the document."""

    def __init__(self, rules: Mapping[str, str], index: SeriesIndex, documents: Documents) -> None:
        """rules: of the setting (config.Settings.retention)."""
        self._rules = rules
        self._index = index
        self._documents = documents
        self.read_again()

    def read_again(self) -> None:
        """Raises Corrupt when the document is damaged, Unavailable."""
        body = self._documents.get(*RETENTION_DOCUMENT)
        names = self._index.metric_ids, self._index.metric_names
        self.now = Retention(self._rules, *names, None if body is None else int(body))
