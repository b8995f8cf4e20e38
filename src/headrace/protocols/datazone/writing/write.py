"""Posting and deleting forms. What a request does and what its client token remembers of it are one commit."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.gate import admit
from headrace.intake import NOTHING_REFUSED, PointCounts, Refusal, RefusedPoints
from headrace.metrics import Metrics
from headrace.model.json_pieces import work_of
from headrace.model.points import Admitted
from headrace.model.series import UNKNOWN, Registry
from headrace.model.time import Clock
from headrace.protocols.datazone import faults, keys
from headrace.protocols.datazone.constraints import Violations
from headrace.protocols.datazone.faults import Answer
from headrace.protocols.datazone.names import DATAZONE_RULES, ROOM, Entity
from headrace.protocols.datazone.times import to_seconds
from headrace.protocols.datazone.wire import (
    Form,
    Post,
    form_json,
    item_json,
    posted_json,
    read_form_name,
    read_post,
)
from headrace.protocols.datazone.writing.client_tokens import ClientTokens, Token, token_of
from headrace.protocols.datazone.writing.content import summary_of
from headrace.protocols.datazone.writing.form_points import points_of
from headrace.protocols.datazone.writing.posted_types import PostedTypes
from headrace.protocols.datazone.writing.turns import Turns
from headrace.store import Document, DocumentChange, DocumentRange
from headrace.transport.loop_or_thread import LoopOrThread

ID_LENGTH: Final = 14
"""As long as the service's own ids; of 36^14 no two will be the same."""

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class KeepsForms(Protocol):
    """What writing needs of a store (store.Store)."""

    @property
    def table(self) -> Registry:
        """From keys to ordinals; the gate registers new series here."""
        ...

    async def commit(
        self,
        changes: Sequence[DocumentChange],
        points: Admitted | None = None,
        deleted: NDArray[np.uint32] | None = None,
    ) -> int:
        """See store.Store."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        """See store.Store."""
        ...

    def documents(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        """See store.Store."""
        ...


class FormsService:
    """Answers PostTimeSeriesDataPoints and DeleteTimeSeriesDataPoints. Each raises Refused and Unavailable, and then
    nothing was changed."""

    def __init__(self, store: KeepsForms, metrics: Metrics, clock: Clock, makes_points: bool) -> None:
        """makes_points: whether the numbers in forms become points."""
        self._store = store
        self._clock = clock
        self._tokens = ClientTokens(store, clock)
        self._types = PostedTypes(store)
        self._makes_points = makes_points
        self._counts = PointCounts(metrics, ROOM)
        self._token_turns = Turns()
        self._entity_turns = Turns()
        self._bodies = LoopOrThread(limits.DATAZONE_LOOP_BODY_BYTES_MAX)

    async def post(self, entity: Entity, body: bytes, caller: str, sender: str = "") -> Answer:
        """Keep all forms of a body, or none."""
        violations = Violations()
        violations.entity(entity)
        post = await self._bodies.run(work_of(body), lambda: read_post(body, violations))
        if post.client_token is None:
            return await self._posted(entity, post, await self._keep(entity, post, None, sender))
        parameters = _post_parameters(entity, post)
        token_name = post.client_token
        token = await self._bodies.run(_work_on(post), lambda: token_of("post", caller, token_name, parameters))
        async with self._token_turns.turn(token.name, alone=True):
            ids = self._tokens.outcome(token)
            if ids is None:
                ids = await self._keep(entity, post, token, sender)
        return await self._posted(entity, post, ids)

    async def delete(self, entity: Entity, query: dict[str, str], caller: str) -> Answer:
        """Delete all forms of a name, with the points that were made of their numbers."""
        violations = Violations()
        violations.entity(entity)
        form_name = read_form_name(query, violations)
        client_token = query.get("clientToken")
        if client_token is not None:
            violations.client_token(client_token)
        violations.answer_for()
        if client_token is None:
            await self._delete(entity, form_name, None)
            return faults.no_content()
        token = token_of("delete", caller, client_token, (*entity, form_name))
        async with self._token_turns.turn(token.name, alone=True):
            try:
                done = self._tokens.outcome(token)
            except Refused as conflict:
                # The service's model gives this operation no ConflictException.
                raise Refused("validation", conflict.detail) from conflict
            if done is None:
                await self._delete(entity, form_name, token)
        return faults.no_content()

    async def _keep(self, entity: Entity, post: Post, token: Token | None, sender: str) -> bytes:
        """Returns the ids of the forms, one after another."""
        ids = await self._bodies.run(_work_on(post), lambda: [_new_id() for _ in post.forms])
        joined = "".join(ids).encode()
        remembered = self._tokens.remembering(token, joined) if token else []
        # Posts go together; a delete of the same entity's must see all series of forms that are there, or none.
        async with self._entity_turns.turn("/".join(entity), alone=False):
            changes, admitted, refused = await self._bodies.run(
                _work_on(post), lambda: self._changes(entity, post, ids)
            )
            if changes or remembered:
                try:
                    await self._store.commit([*changes, *remembered], admitted)
                except Exception:
                    self._types.forget(changes)
                    raise
        if admitted is not None:
            self._counts.add_accepted(len(admitted))
        self._counts.add_refused(refused._replace(sender=sender))
        return joined

    async def _posted(self, entity: Entity, post: Post, ids: bytes) -> Answer:
        return await self._bodies.run(_work_on(post), lambda: _posted(entity, post, ids))

    def _changes(
        self, entity: Entity, post: Post, ids: list[str]
    ) -> tuple[list[DocumentChange], Admitted | None, RefusedPoints]:
        """The documents of forms, the points of their numbers, and the numbers that can be none."""
        changes: list[DocumentChange] = [*self._types.new(entity.domain, post.forms, self._clock() * 1000)]
        for form, form_id in zip(post.forms, ids, strict=True):
            prefix = keys.form_prefix(entity, form.name)
            item = item_json(form, form_id, summary_of(form.content))
            changes.append(Document(keys.FORM, prefix + form_id, form_json(form, form_id)))
            changes.append(Document(keys.ITEM, keys.item_key(prefix, form.time_us, form_id), item))
        if not self._makes_points:
            return changes, None, NOTHING_REFUSED
        made = points_of(entity, post.forms, self._store.table)
        admission = admit(made.points, DATAZONE_RULES, self._store.table)
        refused = RefusedPoints(
            made.skipped + admission.by_rule,
            [
                *(Refusal(rule, "/".join(entity), "", "numbers of its forms are no points") for rule in made.skipped),
                *(Refusal(why.rule, f"[{at}]", name.metric, why.detail) for at, why, name in admission.refused),
            ],
        )
        if not len(admission.admitted):
            return changes, None, refused
        out = set(admission.left_out.tolist())
        series = {
            keys.series_key(keys.form_prefix(entity, name), (low, high))
            for row, (name, (low, high)) in enumerate(zip(made.form_names, made.points.keys.tolist(), strict=True))
            if row not in out
        }
        new = [key for key in sorted(series) if self._store.document(keys.SERIES, key) is None]
        changes += [Document(keys.SERIES, key, b"") for key in new]
        return changes, admission.admitted, refused

    async def _delete(self, entity: Entity, form_name: str, token: Token | None) -> None:
        prefix = keys.form_prefix(entity, form_name)
        ranges = [keys.below(kind, prefix) for kind in (keys.FORM, keys.ITEM, keys.SERIES)]
        remembered = self._tokens.remembering(token, b"") if token else []
        async with self._entity_turns.turn("/".join(entity), alone=True):
            series = await asyncio.to_thread(self._series_below, ranges[-1])
            await self._store.commit([*ranges, *remembered], None, series if len(series) else None)

    def _series_below(self, range_: DocumentRange) -> NDArray[np.uint32]:
        """Ordinals of the series that documents of this range name, read piece by piece."""
        kind, first, end = range_
        pieces = [np.empty(0, dtype=np.uint32)]
        while held := self._store.documents(kind, first, end, limits.DATAZONE_SERIES_AT_ONCE):
            found = np.array([keys.series_of(key) for key, _ in held], dtype=np.uint64)
            pieces.append(self._store.table.lookup(found)[0])
            first = keys.after(held[-1][0])
        series: NDArray[np.uint32] = np.concatenate(pieces)
        known: NDArray[np.uint32] = series[series != UNKNOWN]
        return known


def _work_on(post: Post) -> int:
    """See LoopOrThread.run."""
    return sum(limits.DATAZONE_FORM_BYTES + len(form.content or "") for form in post.forms)


def _posted(entity: Entity, post: Post, ids: bytes) -> Answer:
    joined = ids.decode()
    each = [joined[at : at + ID_LENGTH] for at in range(0, len(joined), ID_LENGTH)]
    forms = [form_json(form, form_id) for form, form_id in zip(post.forms, each, strict=True)]
    return faults.json_answer(201, posted_json(entity, forms))


def _post_parameters(entity: Entity, post: Post) -> Iterator[str | None]:
    yield from entity
    for form in post.forms:
        yield from _form_parameters(form)


def _form_parameters(form: Form) -> Iterator[str | None]:
    yield form.name
    yield form.type_id
    yield form.type_revision
    yield to_seconds(form.time_us)
    yield form.content


def _new_id() -> str:
    number = secrets.randbelow(36**ID_LENGTH)
    digits = []
    for _ in range(ID_LENGTH):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(digits)
