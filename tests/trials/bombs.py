"""Bodies that are small to send and dear to read, and every address that takes a body."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
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
from headrace.protocols.opentsdb.telling.absent import ABSENT
from headrace.query.pool import QueryPool
from headrace.store.embedded.store import open_store

MILLION: Final = 1_000_000
DEEP: Final = 200_000

POINT: Final = b'{"metric":"m","timestamp":1364968800,"value":%b,"tags":{"k":"v"}}'
METRIC: Final = b'{"name":"m","timestamp":1364968800000,"value":%b,"tags":{"k":"v"}}'
SAMPLE: Final = b'{"timeseriesId":"00000000-0000-4000-8000-000000000000","val":%b,"timestamp":"2018-01-13T11:20:00Z"}'
FORM: Final = b'{"formName":"f","typeIdentifier":"t","timestamp":%b,"content":"{}"}'

Bomb = Callable[[int], bytes]
"""Makes a body of so many parts."""


def _array(element: bytes) -> Bomb:
    return lambda count: b"[%b]" % b",".join([element] * count)


def _numbered(before: bytes, element: bytes, after: bytes) -> Bomb:
    """element: with one %d."""
    return lambda count: before + b",".join(element % n for n in range(count)) + after


def _repeated(before: bytes, part: bytes, after: bytes) -> Bomb:
    return lambda count: before + part * count + after


def _forms(form: bytes) -> Bomb:
    return lambda count: b'{"forms":[%b]}' % b",".join([form] * count)


def _everywhere(value: Bomb) -> Bomb:
    """In each member that any room knows, of an object in an array."""
    members = (b"metric", b"name", b"timestamp", b"value", b"tags", b"datapoints", b"fields", b"metrics", b"val", b"id")
    return lambda count: b"[{%b}]" % b",".join(b'"%b":%b' % (member, value(count)) for member in members)


def _paths(count: int) -> bytes:
    """A form whose content has its numbers under long keys, a thousand deep at most."""
    deep, numbers = min(count // 600, 300), min(count // 30, 1000)
    keys = b'{\\"%b\\":' % (b"k" * 400) * deep
    content = keys + b"{%b}" % b",".join(b'\\"%d\\":1' % n for n in range(numbers)) + b"}" * deep
    return _forms(b'{"formName":"f","typeIdentifier":"t","timestamp":1,"content":"%b"}' % content)(
        max(1, count // 200_000)
    )


BUILT: Final[Mapping[str, tuple[Bomb, int]]] = {
    "brackets 2,000 deep": (_repeated(b"", b"[", b""), 2000),
    "brackets 200,000 deep": (_repeated(b"", b"[", b""), DEEP),
    "closed brackets 2,000 deep": (lambda count: b"[" * count + b"]" * count, 2000),
    "objects 2,000 deep": (_repeated(b"", b'{"a":', b""), 2000),
    "objects 200,000 deep": (lambda count: b'{"a":' * count + b"1" + b"}" * count, DEEP),
    "nesting in a text that is a key": (_repeated(b'{"', b'{\\"a\\":', b'":1}'), DEEP),
    "nesting in every field": (_everywhere(lambda count: b"[" * count + b"1" + b"]" * count), 900),
    "empty objects": (_array(b"{}"), 20 * MILLION),
    "empty arrays": (_array(b"[]"), 20 * MILLION),
    "numbers": (_array(b"1"), 20 * MILLION),
    "empty texts": (_array(b'""'), 20 * MILLION),
    "words that are no JSON": (_array(b"NaN"), 15 * MILLION),
    "empty objects in members": (
        lambda count: b'{"queries":[%b],"metrics":[%b],"forms":[%b]}' % ((b",".join([b"{}"] * (count // 3)),) * 3),
        MILLION,
    ),
    "points without a value": (_array(POINT % b'""'), MILLION // 2),
    "bad names": (
        _numbered(b"[", b'{"metric":"m!%d","timestamp":1364968800,"value":1,"tags":{"k":"v"}}', b"]"),
        800_000,
    ),
    "a point with many tags": (_numbered(POINT[:-9] % b"1", b'"%d":"v"', b"}}"), MILLION),
    "a point with many tags, broken off": (_numbered(POINT[:-9] % b"1" + b"{", b'"%d":"v"', b"}}"), 4 * MILLION),
    "a metric with many tags": (_numbered(METRIC[:-9] % b"1", b'"%d":"v"', b"}}"), MILLION),
    "a point with many fields": (
        _numbered(b'[{"metric":"m","timestamp":1364968800,"tags":{"k":"v"},"fields":{', b'"%d":1', b"}}]"),
        MILLION,
    ),
    "a point with many bad fields": (
        _numbered(
            b'[{"metric":"m","timestamp":1364968800,"tags":{"k":"%b"},"fields":{' % (b"v" * 4000), b'"%d":""', b"}}]"
        ),
        MILLION,
    ),
    "bad datapoints": (
        lambda count: b'[{"name":"m","tags":{"k":"v"},"datapoints":%b}]' % _array(b"[]")(count),
        MILLION,
    ),
    "samples": (_array(SAMPLE % b"1"), MILLION // 2),
    "samples of many metrics": (_numbered(b"[", (SAMPLE % b"1")[:-1] + b',"metric":"%d"}', b"]"), 400_000),
    "shortest samples": (_array(b'{"timeseriesId":"","val":"","timestamp":""}'), 1_400_000),
    "a sample with many members": (_numbered(b"[" + (SAMPLE % b"1")[:-1] + b",", b'"%d":1', b"}]"), 5 * MILLION),
    "a sample with a member of many": (
        lambda count: b'[%b,"other":%b}]' % ((SAMPLE % b"1")[:-1], _array(b"{}")(count)),
        20 * MILLION,
    ),
    "registrations": (_numbered(b"[", b'{"id":"%d","pointType":"t"}', b"]"), 1_900_000),
    "shortest registrations": (_array(b'{"id":"","pointType":""}'), 2_500_000),
    "empty forms": (_forms(b"{}"), 5 * MILLION),
    "forms": (_forms(FORM % b"1"), 4000),
    "too many forms": (_forms(FORM % b"1"), 200_000),
    "forms whose every member is wrong": (
        _forms(b'{"formName":"","typeIdentifier":"","timestamp":1,"typeRevision":"","content":null}'),
        4000,
    ),
    "a form with many members": (_numbered(b'{"forms":[' + (FORM % b"1")[:-1] + b",", b'"%d":1.5', b"}]}"), MILLION),
    "a form of many numbers": (
        lambda count: (
            b'{"forms":[{"formName":"f","typeIdentifier":"t","timestamp":1,"content":"[%b]"}]}'
            % b",".join([b"1"] * count)
        ),
        249_000,
    ),
    "forms of numbers under long keys": (_paths, 8 * 200_000),
    "a metric of a long name": (_repeated(b'[{"metric":"', b"m", (POINT % b"1")[12:] + b"]"), 10 * MILLION),
    "a name of a long name": (_repeated(b'[{"name":"', b"m", (METRIC % b"1")[10:] + b"]"), 10 * MILLION),
    "a text of escapes": (_everywhere(_repeated(b'"', b"\\u0041", b'"')), MILLION),
    "a key of escapes": (_repeated(b'[{"', b"\\u0041", b'":1}]'), 10 * MILLION),
    "a value of many digits": (lambda count: b"[%b]" % (POINT % (b"1" * count)), MILLION),
    "a value of KairosDB of many digits": (lambda count: b"[%b]" % (METRIC % (b"1" * count)), MILLION),
    "a sample of many digits": (lambda count: b"[%b]" % (SAMPLE % (b"1" * count)), 60 * MILLION),
    "a sample of a text of many digits": (lambda count: b"[%b]" % (SAMPLE % (b'"%b"' % (b"1" * count))), 60 * MILLION),
    "a form of many digits": (lambda count: _forms(FORM % (b"1" * count))(1), 16 * MILLION),
    "numbers of 4,300 digits": (_array(b"1" * 4300), 14_000),
    "forms of 4,300 digits": (_forms(FORM % (b"1" * 4300)), 3600),
    "digits in every field": (_everywhere(_repeated(b"", b"9", b"")), MILLION),
    "a time of many digits": (
        lambda count: b'{"start":%b,"start_absolute":%b,"timestamp":%b}' % ((b"9" * count,) * 3),
        MILLION,
    ),
    "a value beyond a double": (_array(POINT % b"1e999999" + b"," + METRIC % b"1e999999"), 1),
    "equal keys": (lambda count: b"{" + b",".join([b'"metric":"m"'] * count) + b"}", 300_000),
    "equal tags": (
        lambda count: (
            b'{"metric":"m","name":"m","timestamp":1364968800,"value":1,"tags":{%b}}' % b",".join([b'"k":"v"'] * count)
        ),
        300_000,
    ),
    "quotes in a text that never ends": (
        lambda count: b'[{"metric":"m","name":"m"},{"' + b'\\"' * count,
        MILLION,
    ),
    "comments that never end": (lambda count: b'[{"metric":"m","name":"m","value":+1},' + b"/*x" * count, MILLION),
    "quotes in texts where tags should be": (
        lambda count: (
            b'[{"metric":"m","name":"m","timestamp":1364968800,"value":1,"tags":{"k":["%b,"]}}]' % (b'\\"' * count)
        ),
        MILLION,
    ),
    "a word that never ends": (_repeated(b'{"a":"', b"\\", b""), 1_000_001),
}
"""Of each its maker, and how many parts make it a bomb."""

BOMBS: Final[Mapping[str, Callable[[], bytes]]] = {
    name: functools.partial(make, count) for name, (make, count) in BUILT.items()
}
"""Each makes its body, of up to 64 MB."""


def small(name: str, bytes_max: int) -> bytes:
    """A bomb of that name that has at most so many bytes, and hardly less: one that a room may take on the event
    loop."""
    make, count = BUILT[name]
    while len(body := make(count)) > bytes_max:
        count = min(count - 1, count * bytes_max // len(body))
        assert count > 0, f"the shortest is longer than {bytes_max} bytes"
    return body


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
    # What is not there reads every body alike, and the old addresses read them as their namesakes.
    routes += [Route(f"/api/{path}", *(() if path in ABSENT else ANY)) for path in old.app.endpoints]
    routes += [Route(f"/{path}") for path in old.app.old]
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
    Route("/v2/domains/dzd_1/form-types/t", "GET"),
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
