"""Whether two answers differ only by known laws, and by which of them each kind of difference comes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from oracles.comparing.differences import Difference
from oracles.opentsdb import judging
from oracles.opentsdb.model import answering
from oracles.opentsdb.model.laws import HEADRACE, NAMES, OPENTSDB, Laws, with_one, without_one
from oracles.opentsdb.model.series import Said

Elements = list[dict[str, Any]]


def is_by(name: str, said: Said, found: Difference) -> bool:
    """Whether a difference about points comes by this law. By none unless all of both answers is exactly what their
    laws give, so that nothing else can differ beside it."""
    if not isinstance(found.real, list) or not isinstance(found.ours, list):
        return False
    by_laws = _by_laws(_Case(said))
    if judging.about_points(_bare(found.real), by_laws.real) or judging.about_points(_bare(found.ours), by_laws.ours):
        return False
    if found.kind in by_laws.kinds(name):
        return True
    # Of some, none by itself makes this kind, such as a bucket that a zone moves into the range and a fill leaves out.
    return bool(by_laws.kinds(name)) and not any(found.kind in by_laws.kinds(other) for other in NAMES)


class _Case:
    """A case by which of its parts are the same objects: what it says is not hashed anew for each difference."""

    def __init__(self, said: Said) -> None:
        self.said = said

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Case) and self.said == other.said

    def __hash__(self) -> int:
        return hash(str(self.said["query"]))


class _ByLaws:
    """What OpenTSDB and headrace answer by their laws."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._kinds: dict[str, set[str]] = {}
        self.real, self.ours = _answer(said, OPENTSDB), _answer(said, HEADRACE)

    def kinds(self, name: str) -> set[str]:
        """What differs by this law alone."""
        if name not in self._kinds:
            self._kinds[name] = self._alone(name) | self._among(name)
        return self._kinds[name]

    def _alone(self, name: str) -> set[str]:
        return {found.kind for found in judging.about_points(_answer(self._said, with_one(name)), self.ours)}

    def _among(self, name: str) -> set[str]:
        return {found.kind for found in judging.about_points(self.real, _answer(self._said, without_one(name)))}


@lru_cache(maxsize=4)
def _by_laws(case: _Case) -> _ByLaws:
    return _ByLaws(case.said)


def _answer(said: Said, laws: Laws) -> Elements:
    """As the JSON of an answer has it, as far as `_bare` leaves it."""
    return [
        {
            **{name: one[name] for name in ("index", "metric", "tags", "aggregateTags", "dps")},
            **({"tsuids": [""] * one["members"]} if said["query"].get("showTSUIDs") else {}),
            "index": one["index"] if said["query"].get("showQuery") else 0,
        }
        for one in answering.elements(said, laws)
    ]


def _bare(answer: Elements) -> Elements:
    """What the laws are about; of a metric's name the number, which is its last letter."""
    return [
        {
            "index": (one.get("query") or {}).get("index", 0),
            "metric": int(one["metric"][-1]),
            **{name: one[name] for name in ("tags", "aggregateTags", "tsuids") if name in one},
            "dps": judging.pairs(one),
        }
        for one in answer
        if "dps" in one
    ]
