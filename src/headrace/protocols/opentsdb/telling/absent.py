"""What OpenTSDB or Alibaba has and headrace has not: an honest 501 in place of a 404, and what to do instead."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from headrace.errors import Refused
from headrace.protocols.opentsdb.reply import Handler, Parameters, Reply

ANY_METHOD: Final = ("GET", "POST", "PUT", "DELETE")

_USERS = ("Users are not implemented", "there is none: who reaches the port may read and write")
_TRUNCATE = ("Truncating is not implemented", "/api/delete_meta deletes a metric")
_TREES = ("Trees are not implemented", "/api/search/lookup finds series, /api/suggest names")
_ROLLED_UP = ("Points that were rolled up elsewhere are not taken", "/api/put takes them under a metric of their own")
_HISTOGRAMS = ("Histograms are not taken", "/api/put takes their percentiles under metrics of their own")
_SQL = ("SQL is not implemented", "any engine that reads Parquet can query the segments while the server runs")
_LAST = ("/api/updatelast is not implemented", "/api/query/last finds the latest points by itself")
_CLUSTERS = ("Clusters are not implemented", "there is one server")
_TAGS = ("Tags of a database are not implemented", "points have tags")

ABSENT: Final = {
    "tree/": _TREES,
    "rollup": _ROLLED_UP,
    "histogram": _HISTOGRAMS,
    "users": _USERS,
    "sqlquery": _SQL,
    "truncate": _TRUNCATE,
    "delete_all_table": _TRUNCATE,
    "updatelast": _LAST,
    "set_cluster": _CLUSTERS,
    "tags/": _TAGS,
}
"""Path below /api/ -> what is not there, and what is. One that ends with a slash holds for all below it."""


def absent_pages() -> dict[str, Handler]:
    """A handler for each of them, by the same paths."""
    return {path: _absent(*words) for path, words in ABSENT.items()}


def _absent(what: str, instead: str) -> Handler:
    async def answer(scope: Scope, parameters: Parameters, body: bytes, reply: Reply) -> None:
        raise Refused("not-implemented", what, instead)

    return answer
