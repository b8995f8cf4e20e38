"""Getting one form and listing those of a name: ranges of documents."""

from __future__ import annotations

import asyncio
from typing import Protocol

from headrace.errors import Refused
from headrace.model.series import Registry
from headrace.protocols.datazone import constraints, faults, keys
from headrace.protocols.datazone.constraints import Violations
from headrace.protocols.datazone.faults import Answer, shown
from headrace.protocols.datazone.names import Entity
from headrace.protocols.datazone.reading.paging import PageTokens, first_key
from headrace.protocols.datazone.times import MILLISECOND_US
from headrace.protocols.datazone.wire import Page, got_json, listed_json, read_form_name, read_page


class ReadsForms(Protocol):
    """What reading needs of a store (store.Store)."""

    @property
    def table(self) -> Registry:
        """Has the database's secret."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...

    def documents(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        """See store.Store."""
        ...


class FormQueries:
    """Answers GetTimeSeriesDataPoint and ListTimeSeriesDataPoints. Both look up on a thread: a form may have 3 MB."""

    def __init__(self, store: ReadsForms) -> None:
        self._store = store
        self._tokens = PageTokens(store.table.secret)

    async def get(self, entity: Entity, form_id: str, query: dict[str, str]) -> Answer:
        """The form of this name and id. Raises Refused (rule "not-found")."""
        violations = Violations()
        violations.entity(entity)
        violations.pattern("/identifier", form_id, constraints.ENTITY_ID)
        form_name = read_form_name(query, violations)
        violations.answer_for()
        key = keys.form_prefix(entity, form_name) + form_id
        form = await asyncio.to_thread(self._store.document, keys.FORM, key)
        if form is None:
            what = f"Time series data point {form_id} of form {shown(form_name)}"
            raise Refused("not-found", f"{what} is not found at {entity.type} {entity.id}.")
        return faults.json_answer(200, got_json(entity, form_name, form))

    def _found(self, prefix: str, page: Page, first: str) -> list[tuple[str, bytes]]:
        """The items of a page that begins at the key `first`, and one more, which tells whether there is more.

        An SDK may cut the time of a form to milliseconds and not that of a question, so a form of whole milliseconds is
        within what begins later in its millisecond: such as by the very instant that its sender said.
        """
        end = keys.items_between(prefix, page.started_us, page.ended_us).end
        found = self._store.documents(keys.ITEM, first, end, page.size + 1)
        cut_us = page.started_us // MILLISECOND_US * MILLISECOND_US
        if len(found) <= page.size and cut_us < page.started_us <= page.ended_us:
            cut = keys.items_between(prefix, cut_us, cut_us)
            more = page.size + 1 - len(found)
            found += self._store.documents(keys.ITEM, max(first, cut.first), cut.end, more)
        return found

    async def list(self, entity: Entity, query: dict[str, str]) -> Answer:
        """A page of the forms of a name: newest first, then by id."""
        violations = Violations()
        violations.entity(entity)
        page = read_page(query, violations)
        violations.answer_for()
        prefix = keys.form_prefix(entity, page.form_name)
        found = await asyncio.to_thread(self._found, prefix, page, first_key(prefix, page, self._tokens))
        items = found[: page.size]
        more = self._tokens.next(prefix, page, items[-1][0]) if len(found) > page.size else None
        return faults.json_answer(200, listed_json([item for _, item in items], more))
