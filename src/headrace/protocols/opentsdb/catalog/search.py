"""/api/search/{tsmeta,tsmeta_summary,tsuids,uidmeta,annotation}: what OpenTSDB leaves to a plugin, as far as the
catalog knows it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from starlette.types import Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.query import Matches
from headrace.protocols.opentsdb.catalog.metas import KINDS, KeepsMetas, Shown, written
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.fields import field_of
from headrace.protocols.opentsdb.reading.wire import decode_json
from headrace.protocols.opentsdb.reply import Handler, Parameters, Reply
from headrace.protocols.opentsdb.tsuids import tsuids_of
from headrace.query import filters
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check
from headrace.store.query_memory import Hold

RESULTS_DEFAULT: Final = 25
"""OpenTSDB: SearchQuery."""

_ONE_WORD: Final = re.compile(r'(?:name:)?("?)([^\s":]+)\1')


class Search(msgspec.Struct, rename="camel"):
    """As it is sent (OpenTSDB: SearchQuery)."""

    query: str | None = None
    limit: int | None = None
    start_index: int | None = None


_SEARCH = msgspec.json.Decoder(Search, strict=False)


class Page:
    """Which results are wanted."""

    def __init__(self, asked: Search) -> None:
        limit = RESULTS_DEFAULT if asked.limit is None or asked.limit <= 0 else asked.limit
        self.limit = min(limit, limits.OPENTSDB_METAS_MAX)
        self.first = min(max(asked.start_index or 0, 0), limits.SERIES_MAX)

    @property
    def rows(self) -> slice:
        """Of all that were found."""
        return slice(self.first, self.first + self.limit)


class Sought(NamedTuple):
    """prefix: what all names that match begin with."""

    prefix: str
    matches: Matches


Found = tuple[int, list[Any]]
"""How many there are, and those of the page."""


class ReadsAndKeepsWords(Reads, KeepsMetas, Protocol):
    """What is needed of a store (store.Store)."""


Noted = Callable[[], Iterator[list[dict[str, Any]]]]
"""All annotations, page by page."""


class SearchPages:
    """The endpoints below /api/search/ but for lookup."""

    def __init__(self, store: ReadsAndKeepsWords, pool: QueryPool, annotations: Noted) -> None:
        self._store = store
        self._pool = pool
        self._annotations = annotations

    def by_path(self) -> dict[str, Handler]:
        """The endpoints by their path below /api/."""
        kinds = {
            "tsmeta": self._series_metas,
            "tsmeta_summary": self._summaries,
            "tsuids": self._tsuids,
            "uidmeta": self._names,
            "annotation": self._notes,
        }
        return {**{f"search/{kind}": self._search(kind, find) for kind, find in kinds.items()}, "search/": self.other}

    async def other(self, scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        """OpenTSDB's words for all else. Raises Refused."""
        raise Refused("lookup", "Invalid search query type supplied", f"Unknown type: {shown(scope['path'])}")

    def _search(self, kind: str, find: Callable[[Sought, Page, Check], Found]) -> Handler:
        async def search(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
            began = time.perf_counter()
            size = len(body) + len(scope["query_string"])
            asked = await self._pool.read(size, lambda: decode_json(_SEARCH, body) if body else _of(parameters))
            page, sought = Page(asked), _sought(asked.query)
            total, results = await self._pool.run(lambda check: find(sought, page, check), reply.client_leaves)
            answer = {
                "type": kind.upper(),
                "query": asked.query,
                "metric": None,
                "tags": None,
                "limit": page.limit,
                "startIndex": page.first,
                "time": round((time.perf_counter() - began) * 1000),
                "totalResults": total,
                "results": results,
            }
            await reply.whole(orjson.dumps(answer))

        return search

    def _names(self, sought: Sought, page: Page, check: Check) -> Found:
        with self._store.snapshot(check) as snapshot:
            hold = snapshot.memory.hold
            found = [(role, name) for role in KINDS for name in self._matching(role, sought, check, hold)]
        metas = Shown(self._store)
        shown_names = written(metas.of_name(role, name) for role, name in found[page.rows])
        return len(found), [orjson.Fragment(one) for one in shown_names]

    def _series_metas(self, sought: Sought, page: Page, check: Check) -> Found:
        total, series = self._series(sought, page, check)
        metas = Shown(self._store)
        return total, [orjson.Fragment(one) for one in written(metas.of_series(tsuid, name) for tsuid, name in series)]

    def _summaries(self, sought: Sought, page: Page, check: Check) -> Found:
        total, series = self._series(sought, page, check)
        return total, [{"tsuid": tsuid, "metric": name.metric, "tags": dict(name.tags)} for tsuid, name in series]

    def _tsuids(self, sought: Sought, page: Page, check: Check) -> Found:
        total, series = self._series(sought, page, check)
        return total, [tsuid for tsuid, _ in series]

    def _notes(self, sought: Sought, page: Page, check: Check) -> Found:
        total = 0

        def found() -> Iterator[dict[str, Any]]:
            nonlocal total
            for notes in self._annotations():
                check()
                right = np.flatnonzero(sought.matches(pa.array([note.get("description") or "" for note in notes])))
                first, end = max(page.first - total, 0), max(page.first + page.limit - total, 0)
                yield from (notes[row] for row in right[first:end].tolist())
                total += len(right)

        results = written(found())
        return total, [orjson.Fragment(one) for one in results]

    def _series(self, sought: Sought, page: Page, check: Check) -> Found:
        """(tsuid, name) of the series whose metric matches."""
        found: list[NDArray[np.uint32]] = [np.empty(0, dtype=np.uint32)]
        with self._store.snapshot(check) as snapshot:
            for metric in self._matching("metrics", sought, check, snapshot.memory.hold):
                check()
                try:
                    found.append(snapshot.find(metric, {}))
                except KeyError:
                    continue  # committed after the snapshot was taken
            series = np.concatenate(found)
            wanted = series[page.rows]
            return len(series), list(zip(tsuids_of(snapshot.keys(wanted)), snapshot.names(wanted), strict=True))

    def _matching(self, role: str, sought: Sought, check: Check, hold: Hold) -> list[str]:
        """Raises Refused where more begin as the pattern does than one search looks through, and what `hold` raises."""
        names = self._store.suggest(role, sought.prefix, limits.OPENTSDB_SEARCHED_NAMES_MAX + 1)
        hold(limits.OPENTSDB_SEARCHED_NAME_BYTES * len(names) + 2 * sum(map(len, names)))
        check()
        if len(names) > limits.OPENTSDB_SEARCHED_NAMES_MAX:
            most = limits.OPENTSDB_SEARCHED_NAMES_MAX
            raise Refused(
                "lookup", f"More than {most} names begin with '{shown(sought.prefix)}'", "search for a longer one"
            )
        if not names:
            return []
        right = np.flatnonzero(sought.matches(pa.array(names, type=pa.large_string())))
        return [name for name in (names[row] for row in right.tolist()) if field_of(name) is None]


def _of(given: Parameters) -> Search:
    query = given.get("query", [""])[0]
    if not query:
        raise Refused("lookup", "Missing parameter <code>query</code>")
    numbers = {"limit": "limit", "start_index": "startIndex"}
    said = {name: given[parameter][0] for parameter, name in numbers.items() if parameter in given}
    try:
        return msgspec.convert({"query": query, **said}, Search, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("lookup", "Unable to convert 'limit' or 'start_index' to a valid number", str(error)) from error


def _sought(query: str | None) -> Sought:
    """Of `*`, `name:sys.*` and `sys.cpu`. Raises Refused for what only a search engine understands."""
    found = _ONE_WORD.fullmatch((query or "").strip())
    if found is None:
        known = "one name, in which * stands for anything, as in name:sys.*"
        raise Refused("lookup", f"Unable to parse query: {shown(query or '')}", f"it may be {known}")
    return Sought(found[2].partition("*")[0], filters.wildcard(found[2]))
