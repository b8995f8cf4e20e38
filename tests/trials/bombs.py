"""Bodies that are small to send and dear to read, and every address that takes a body."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.protocols.apollo import routes as apollo
from headrace.protocols.datazone import routes as datazone
from headrace.protocols.kairosdb import room as kairosdb
from headrace.protocols.kairosdb.routes import ROOT, KairosDBApp
from headrace.protocols.opentsdb import room as opentsdb
from headrace.protocols.opentsdb.routes import OpenTSDBApp
from headrace.query.pool import QueryPool
from headrace.store.embedded.store import open_store

MILLION: Final = 1_000_000
DEEP: Final = 200_000

POINT: Final = b'{"metric":"m","timestamp":1364968800,"value":%b,"tags":{"k":"v"}}'
METRIC: Final = b'{"name":"m","timestamp":1364968800000,"value":%b,"tags":{"k":"v"}}'

BOMBS: Final[Mapping[str, bytes]] = {
    "brackets 2,000 deep": b"[" * 2000,
    "brackets 200,000 deep": b"[" * DEEP,
    "closed brackets 2,000 deep": b"[" * 2000 + b"]" * 2000,
    "objects 2,000 deep": b'{"a":' * 2000,
    "objects 200,000 deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "nesting in a text that is a key": b'{"' + b'{\\"a\\":' * DEEP + b'":1}',
    "nesting in every field": b"[{%b}]"
    % b",".join(
        b'"%b":%b1%b' % (field, b"[" * 900, b"]" * 900)
        for field in (b"metric", b"name", b"timestamp", b"value", b"tags", b"datapoints", b"fields", b"metrics")
    ),
    "a million empty objects": b"[" + b"{}," * (MILLION - 1) + b"{}]",
    "twenty million empty objects": b"[" + b"{}," * (20 * MILLION - 1) + b"{}]",
    "a million numbers": b"[" + b"1," * MILLION + b"1]",
    "a million empty arrays in an object": b'{"queries":[%b],"metrics":[%b],"forms":[%b]}'
    % ((b"{}," * 300_000 + b"{}",) * 3),
    "a million points without a value": b"[" + b",".join([POINT % b'""'] * (MILLION // 2)) + b"]",
    "a hundred thousand bad names": b"[%b]"
    % b",".join(b'{"metric":"m!%d","timestamp":1364968800,"value":1,"tags":{"k":"v"}}' % n for n in range(100_000)),
    "a point with a million tags": POINT[:-9] % b"1"
    + b"{"
    + b",".join(b'"%d":"v"' % n for n in range(MILLION))
    + b"}}",
    "a metric with a million tags": METRIC[:-9] % b"1"
    + b"{"
    + b",".join(b'"%d":"v"' % n for n in range(MILLION))
    + b"}}",
    "a point with a million fields": b'[{"metric":"m","timestamp":1364968800,"tags":{"k":"v"},"fields":{%b}}]'
    % b",".join(b'"%d":1' % n for n in range(MILLION)),
    "a million bad datapoints": b'[{"name":"m","tags":{"k":"v"},"datapoints":[%b]}]' % (b"[]," * (MILLION - 1) + b"[]"),
    "a metric name of 10 MB": (POINT % b"1").replace(b'"m"', b'"' + b"m" * 10_000_000 + b'"'),
    "a name of 10 MB": (METRIC % b"1").replace(b'"m"', b'"' + b"m" * 10_000_000 + b'"'),
    "a value of a million digits": POINT % (b"1" * MILLION),
    "a value of KairosDB of a million digits": METRIC % (b"1" * MILLION),
    "a time of a million digits": b'{"start":%b,"start_absolute":%b,"timestamp":%b}' % ((b"9" * MILLION,) * 3),
    "a value beyond a double": b"[" + POINT % b"1e999999" + b"," + METRIC % b"1e999999" + b"]",
    "equal keys": b"{" + b",".join([b'"metric":"m"'] * 300_000) + b"}",
    "equal tags": b'{"metric":"m","name":"m","timestamp":1364968800,"value":1,"tags":{%b}}'
    % b",".join([b'"k":"v"'] * 300_000),
    "a word that never ends": b'{"a":"' + b"\\" * 1_000_001,
    "words that are no JSON": b"[" + b"NaN," * MILLION + b"NaN]",
}


class Route:
    """An address and the methods that it is asked by."""

    def __init__(self, path: str, *methods: str) -> None:
        self.path = path
        self.methods = methods or ("POST",)


ANY: Final = ("POST", "PUT", "DELETE")


def opentsdb_and_kairosdb(folder: Path) -> list[Route]:
    """From the tables of the rooms, so that a new endpoint is among them."""
    settings, metrics = Settings(data_dir=folder), Metrics()
    store = open_store(settings, metrics)
    try:
        with ThreadPoolExecutor(1) as threads:
            pool = QueryPool(threads, settings.query_timeout_s)
            old, kairos = (
                opentsdb.open_room(store, settings, metrics, pool),
                kairosdb.open_room(store, settings, metrics, pool),
            )
    finally:
        store.close()
    assert isinstance(old.app, OpenTSDBApp)
    assert isinstance(kairos.app, KairosDBApp)
    routes = [Route("/api/put?details"), Route("/api/put?ignoreErrors&sync&sync_timeout=60000"), Route("/api/put")]
    routes.append(Route("/api/mput?details"))
    routes += [Route(f"/api/{path}", *ANY) for path in old.app.endpoints]
    below = {"metadata/": "metadata/s/k/v", "metric/": "metric/m"}
    paths = ["datapoints", *kairos.app.paths]
    return routes + [Route(ROOT + below.get(path, path), *ANY) for path in paths]


APOLLO: Final = (
    Route("/apollo/devices/d/timeseries"),
    Route("/apollo/devices/d/timeseries/samples"),
    Route("/apollo/devices/d/timeseries/00000000-0000-0000-0000-000000000000"),
    Route("/apollo/collections"),
)
DATAZONE: Final = (
    Route("/v2/domains/dzd_1/entities/ASSET/e/time-series-data-points", "POST", "DELETE"),
    Route("/v2/domains/dzd_1/entities/ASSET/e/time-series-data-points/i", "GET"),
)


def cases_in(module: object) -> int:
    """How many patterns of paths a room tells apart."""
    file = getattr(module, "__file__", "")
    tree = ast.parse(Path(file).read_text())
    patterns = (case.pattern for node in ast.walk(tree) if isinstance(node, ast.Match) for case in node.cases)
    return sum(isinstance(pattern, ast.MatchSequence) for pattern in patterns)


def every_route(folder: Path) -> list[Route]:
    """All of them. folder: for a store that is opened and closed again."""
    assert cases_in(apollo) == len(APOLLO), "a new path of the Apollo room is missing here"
    assert cases_in(datazone) == len(DATAZONE), "a new path of the DataZone room is missing here"
    return [*opentsdb_and_kairosdb(folder), *APOLLO, *DATAZONE]
