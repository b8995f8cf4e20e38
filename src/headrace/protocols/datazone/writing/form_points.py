"""The numbers of forms as points, so that data quality can be graphed by the other rooms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from headrace import limits
from headrace.model.points import Points
from headrace.model.series import Key, SeriesName
from headrace.model.values import ValuesBuilder
from headrace.protocols.datazone.names import Entity, name_of
from headrace.protocols.datazone.wire import Form
from headrace.protocols.datazone.writing.content import numbers_in


class Keying(Protocol):
    """What naming points needs of the table of series (model.series.SeriesTable)."""

    def key_of(self, name: SeriesName) -> Key:
        """The 128-bit key of a name."""
        ...


class FormPoints(NamedTuple):
    """points: what the gate may judge; a point's place is its row.   form_names: of each point.   skipped: numbers that
    can be no points, by the reason."""

    points: Points
    form_names: list[str]
    skipped: Counter[str]


class _Names(list[SeriesName]):
    def name(self, row: int) -> SeriesName:
        return self[row]


def points_of(entity: Entity, forms: Iterable[Form], table: Keying) -> FormPoints:
    """The numbers in the contents of forms, at the forms' timestamps."""
    names, values, skipped = _Names(), ValuesBuilder(), Counter[str]()
    keys: list[Key] = []
    times: list[int] = []
    form_names: list[str] = []
    known: dict[SeriesName, Key] = {}
    for form in forms:
        if form.content is None:
            continue
        room = min(limits.DATAZONE_FORM_NUMBERS_MAX, limits.DATAZONE_POST_NUMBERS_MAX - len(names))
        numbers = numbers_in(form.content, room)
        skipped.update({"number-range": numbers.unfit, "form-numbers": numbers.left})
        for path, value in numbers.found:
            name = name_of(entity, form.name, form.type_id, path)
            if not _is_unicode(name):
                skipped["name-unicode"] += 1
                continue
            names.append(name)
            keys.append(known.get(name) or known.setdefault(name, table.key_of(name)))
            times.append(form.time_us // 1000)
            form_names.append(form.name)
            values.add(value)
    return FormPoints(
        Points(
            np.array(keys, dtype=np.uint64).reshape(-1, 2),
            np.array(times, dtype=np.int64),
            values.build(),
            names,
            np.arange(len(names), dtype=np.int64),
        ),
        form_names,
        +skipped,
    )


def _is_unicode(name: SeriesName) -> bool:
    """Whether no surrogate stands alone in it."""
    texts: Sequence[str] = (name.metric, *(value for _, value in name.tags))
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True
