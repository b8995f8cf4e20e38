"""GetFormType: what a job asks for the revision before it posts."""

from __future__ import annotations

import asyncio
from typing import Protocol

from headrace.errors import Refused
from headrace.protocols.datazone import faults, form_types, keys
from headrace.protocols.datazone.constraints import Violations
from headrace.protocols.datazone.faults import Answer, shown


class ReadsTypes(Protocol):
    """What this reading needs of a store (store.Store)."""

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...


class TypeQueries:
    """Answers GetFormType."""

    def __init__(self, store: ReadsTypes) -> None:
        self._store = store

    async def get(self, domain: str, type_id: str, query: dict[str, str]) -> Answer:
        """The type in the revision that is asked for, or in its newest. Raises Refused: rule "not-found" for one that
        neither is the data quality type nor was posted to this domain; rule "validation"."""
        revision = query.get("revision")
        violations = Violations()
        violations.form_type(domain, type_id, revision)
        violations.answer_for()
        if type_id == form_types.DATA_QUALITY and revision in (None, form_types.DATA_QUALITY_REVISION):
            return faults.json_answer(200, form_types.data_quality_json(domain))
        key = keys.type_key(domain, type_id, revision)
        document = await asyncio.to_thread(self._store.document, keys.TYPE, key)
        if document is None:
            what = f"Form type {shown(type_id)}" + (f" revision {shown(revision)}" if revision is not None else "")
            raise Refused(
                "not-found",
                f"{what} is not found in {domain}: {form_types.DATA_QUALITY} is there in revision "
                f"{form_types.DATA_QUALITY_REVISION}, and every other with the first form that is posted with it.",
            )
        posted = form_types.posted_type(document)
        return faults.json_answer(200, form_types.posted_type_json(domain, type_id, posted))
